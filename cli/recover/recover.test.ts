import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { must } from "../../node/base/assert.ts";
import type { Configuration } from "../../node/base/configuration.ts";
import { type DiskDone, DiskError, type DiskFile } from "../../node/base/ports/disk.ts";
import type { Store } from "../../node/base/ports/store.ts";
import { type ClusterFile, type Command, keyFromSeed, type Signer } from "../../node/client/index.ts";
import { ownerChange } from "../../node/data-owner.ts";
import { initCluster } from "../../node/host/init.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { wholeCheckpoint } from "../../node/replica/checkpoint.ts";
import { saveHardState } from "../../node/replica/hard-state-store.ts";
import { StateMachine } from "../../node/state/state-machine.ts";
import { formatClusterFile, votersIn } from "../../node/transport/cluster-file.ts";
import { decodeBlock, encodeBlock } from "../../node/wire/block.ts";
import { signTransaction } from "../../node/wire/transaction.ts";
import { NodeDisk } from "../../storage/node-disk.ts";
import { heldByAnother, openedByAnother } from "../../storage/state/held-store.test-support.ts";
import { LevelStore } from "../../storage/state/level-store.ts";
import type { WalRecord } from "../../storage/wal/log-store.ts";
import { settleReached } from "../../storage/wal/reached-file.ts";
import { Wal } from "../../storage/wal/wal.ts";
import { readCluster } from "../cluster-access.ts";
import { markLearners } from "../learner-mark.test-support.ts";
import { type ComparedNode, compareNodes } from "../verify/compare-nodes.ts";
import { nodesIn } from "../verify/node-directories.ts";
import { verifyNode } from "../verify/verify-node.ts";
import { finishRecovery, planRecovery, type Recovered, recoverCluster } from "./recover.ts";
import { Survivor } from "./survivor.ts";

const ADMIN = keyFromSeed(new Uint8Array(32).fill(7));
const STRANGER = keyFromSeed(new Uint8Array(32).fill(8));
const SECOND = 1_000_000_000n;
const START_MS = 1_700_000_000_000;
const START = BigInt(START_MS) * 1_000_000n;

let home = "";
let cluster: ClusterFile;

/** The files of a cluster of five, and no data. */
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "quorate-recover-"));
  const addresses = [1, 2, 3, 4, 5].map((port) => ({ host: "127.0.0.1", port }));
  const made = initCluster({
    directory: join(home, "c"),
    adminKey: ADMIN.publicKey,
    addresses,
    endpoints: {},
    nowMs: START_MS,
  });
  cluster = readCluster(made.clusterFile);
});
afterEach(() => rmSync(home, { recursive: true }));

const homeOf = (id: number): string => join(home, "c", `node-${id}`);

function signed(sequence: number, command: Command): Uint8Array {
  const session = new Uint8Array(16).fill(3);
  const placement = { clusterId: cluster.clusterId, session, sequence, expiry: START + 300n * SECOND };
  return signTransaction(sha256, ADMIN, placement, command);
}

const blocked = (payer: number): Command => ({ kind: "blockPayer", body: { payer: BigInt(payer), blocked: true } });
const NEWCOMER = (id: number) => ({ publicKey: new Uint8Array(32).fill(id), host: "127.0.0.1", port: id });
/** Learners enter, and nodes are to leave when they may. */
const CHANGE = (ids: readonly number[], remove: readonly number[] = []): Command => ({
  kind: "changeMembers",
  body: { add: ids.map((id) => ({ ...NEWCOMER(id), voter: remove.length > 0 })), remove: [...remove], promote: [] },
});
const ALL: Configuration = { voters: [1, 2, 3, 4, 5], outgoing: [], learners: [] };

/**
 * A log of which each block, in the term that is given, blocks a payer: first a session, then whom `payers` says, or what
 * stands there.
 */
function logOf(
  terms: readonly number[],
  payers: readonly (number | Command)[] = [],
  configurations: readonly Configuration[] = [],
) {
  const state = new StateMachine({ genesis: cluster.genesis, sha256 });
  const records = terms.map((term, place): WalRecord => {
    const height = place + 1;
    const given = payers[place] ?? height;
    const command = typeof given === "number" ? blocked(given) : given;
    const transaction = signed(place, place === 0 ? { kind: "sessionOpen" } : command);
    const at = { group: 0, height, term, timestamp: START + BigInt(height) * SECOND, clusterId: cluster.clusterId };
    const previousHash = state.blockHash;
    const configuration = configurations[place] ?? ALL;
    const { bytes, hash } = encodeBlock(sha256, {
      ...{ ...at, configuration, previousHash, state: state.at, transactions: [transaction] },
    });
    state.apply(decodeBlock(sha256, bytes));
    return { index: height, term, previousHash, hash, payload: bytes };
  });
  return { records, state };
}

/** Gives a node this log, from a height on, and a checkpoint where one is given. */
async function gives(id: number, records: readonly WalRecord[], from = 1, checkpoint?: StateMachine): Promise<void> {
  const [node] = nodesIn(homeOf(id));
  const { data } = must(node, "the node has its files");
  const disk = new NodeDisk(data);
  await new Promise<void>((succeed, fail) => {
    const log = Wal.open(disk, "log", { segmentBytes: 8_388_608, cacheBytes: 0, onFatal: fail });
    const first = records[from - 1];
    if (from > 1 && first !== undefined) {
      log.reset({ index: from - 1, term: 1, hash: first.previousHash }, () => undefined);
    }
    log.append(records.slice(from - 1, -1), () => {
      // A write of its own: what is before it is known to be durable, and damage there is no torn tail.
      log.append(records.slice(from - 1).slice(-1), () => {
        log.close();
        succeed();
      });
    });
  });
  const store = await LevelStore.open(join(data, "state"), {});
  await new Promise<void>((succeed, fail) => {
    const owner = ownerChange({ clusterId: cluster.clusterId, node: id });
    const changes = checkpoint === undefined ? [] : wholeCheckpoint(checkpoint);
    store.write([owner, ...changes], (error) => (error === undefined ? succeed() : fail(error)));
  });
  await store.close();
}

async function withSurvivors<T>(ids: readonly number[], act: (survivors: Survivor[]) => T | Promise<T>): Promise<T> {
  const survivors: Survivor[] = [];
  try {
    for (const id of ids) survivors.push(await Survivor.open(must(nodesIn(homeOf(id))[0], "it is there")));
    return await act(survivors);
  } finally {
    for (const survivor of survivors) await survivor.close();
  }
}

async function recovered(ids: readonly number[], signers: readonly Signer[] = [ADMIN]): Promise<Recovered> {
  return await withSurvivors(
    ids,
    async (survivors) => await recoverCluster(planRecovery(survivors), signers, START_MS),
  );
}

async function verified(ids: readonly number[]): Promise<ComparedNode[]> {
  const all: ComparedNode[] = [];
  for (const id of ids) {
    const { data } = must(nodesIn(homeOf(id))[0], "it is there");
    all.push({ ...(await verifyNode({ cluster, data }, () => undefined)), id });
  }
  return all;
}

/** The configuration at the end of a node's log. */
async function configurationOf(id: number): Promise<Configuration> {
  return await withSurvivors([id], ([survivor]) => must(survivor, "it is open").state(cluster).configuration);
}

describe("of several that are left", () => {
  test.each<[string, number[], number[], number]>([
    ["the longer log of the same term", [1, 1, 1], [1, 1], 1],
    ["the higher last term, though that log is shorter", [1, 1, 1, 1], [1, 1, 3], 2],
    ["either where both are the same", [1, 1], [1, 1], 1],
    ["any log where the other is empty", [1], [], 1],
  ])("%s is what the cluster goes on from", async (_what, one, two, best) => {
    await gives(1, logOf(one).records);
    await gives(2, logOf(two).records);
    await withSurvivors([1, 2], (survivors) => {
      const plan = planRecovery(survivors);
      expect([plan.best.id, plan.lost]).toEqual([best, [3, 4, 5]]);
      expect(plan.state.height).toBe((best === 1 ? one : two).length);
    });
  });

  test("all have one log in the end, and lead themselves; what one had and the best has not is cut", async () => {
    await gives(1, logOf([1, 1, 1, 2, 2], [0, 0, 0, 41, 51]).records);
    await gives(2, logOf([1, 1, 1, 3], [0, 0, 0, 42]).records);
    const clusterFile = join(home, "c", "cluster.json");
    markLearners(clusterFile, [2]);
    const { height, term } = await recovered([1, 2]);
    expect([height, term]).toEqual([7, 1_000_003]);
    const nodes = await verified([1, 2]);
    expect(nodes.map(({ report }) => [report.height, report.problems])).toEqual([
      [7, []],
      [7, []],
    ]);
    expect(compareNodes(nodes)).toEqual({ agreedHeight: 7, problems: [] });
    for (const id of [1, 2]) expect(await configurationOf(id)).toEqual({ voters: [1, 2], outgoing: [], learners: [] });
    expect(votersIn(readCluster(clusterFile)).map(({ id }) => id)).toEqual([1, 2]);
    expect(readCluster(clusterFile).nodes).toHaveLength(2);
    await withSurvivors([1], ([survivor]) => {
      const { members } = must(survivor, "it is open").state(cluster);
      expect(members.all.map(({ role }) => role)).toEqual(["voter", "voter", "removed", "removed", "removed"]);
      expect(members.present.map(({ id }) => id)).toEqual([1, 2]);
    });
  });

  test("one whose log has given up its beginning, and one that lags behind that, do not fit together", async () => {
    const { records } = logOf([1, 1, 1, 1, 1]);
    await gives(1, records, 4, logOf([1, 1, 1, 1]).state);
    await gives(2, records.slice(0, 2));
    await expect(recovered([1, 2])).rejects.toMatchObject({ code: "log_compacted" });
    expect((await recovered([1])).height).toBe(8);
    const [node] = await verified([1]);
    expect(node?.report).toMatchObject({ height: 8, firstHeight: 4, problems: [] });
  });

  test("one that has executed what the best has not is not believed", async () => {
    const two = logOf([1, 1, 1], [0, 42, 43]);
    await gives(1, logOf([1, 2], [0, 41]).records);
    await gives(2, two.records, 1, two.state);
    await expect(recovered([1, 2])).rejects.toMatchObject({ code: "log_unsound" });
  });
});

test("a change of members that was under way is brought to its end first, and then the lost nodes leave", async () => {
  const joint: Configuration = { voters: [1, 2, 3], outgoing: [1, 2, 3, 4, 5], learners: [4] };
  await gives(1, logOf([1, 1], [], [ALL, joint]).records);
  expect((await recovered([1])).height).toBe(7);
  expect(await configurationOf(1)).toEqual({ voters: [1], outgoing: [], learners: [] });
});

describe("nothing is changed", () => {
  /** Names and bytes of all that is there, LevelDB's own notes, too. */
  function everything(): string {
    return readdirSync(home, { recursive: true, encoding: "utf8" })
      .filter((name) => statSync(join(home, name)).isFile())
      .sort()
      .map((name) => `${name} ${readFileSync(join(home, name)).toString("hex")}`)
      .join("\n");
  }

  async function refused(ids: readonly number[], code: string, signers: readonly Signer[] = [ADMIN]): Promise<void> {
    const before = everything();
    await expect(recovered(ids, signers)).rejects.toMatchObject({ code });
    expect(everything()).toBe(before);
  }

  test("by looking at what there is", async () => {
    await gives(1, logOf([1, 1]).records, 1, logOf([1]).state);
    await gives(2, logOf([1, 1]).records);
    const before = everything();
    await withSurvivors([1, 2], (survivors) => expect(planRecovery(survivors).lost).toEqual([3, 4, 5]));
    expect(everything()).toBe(before);
  });

  test("where those that are left are a quorum", async () => {
    for (const id of [1, 2, 3]) await gives(id, logOf([1, 1]).records);
    await refused([1, 2, 3], "quorum_survives");
  });

  test("when it is signed by nobody who may say so", async () => {
    await gives(1, logOf([1, 1]).records);
    await refused([1], "unknown_key", [STRANGER]);
    await refused([1], "unknown_cosigner", [ADMIN, STRANGER]);
  });

  test("where the log of one is damaged", async () => {
    const { records } = logOf([1, 1, 1]);
    await gives(1, records);
    const name = readdirSync(join(homeOf(1), "data", "log")).find((file) => file.endsWith(".wal")) ?? "";
    const path = join(homeOf(1), "data", "log", name);
    const bytes = readFileSync(path);
    const at = bytes.indexOf(Buffer.from(must(records[1], "there are three").payload));
    bytes.writeUInt8(bytes.readUInt8(at + 5) ^ 1, at + 5);
    writeFileSync(path, bytes);
    await refused([1], "log_unsound");
  });

  /** What a node has written into its store beside its owner. */
  async function notes(id: number, write: (store: Store, done: (error?: Error) => void) => void): Promise<void> {
    const store = await LevelStore.open(join(homeOf(id), "data", "state"), {});
    await new Promise<void>((succeed, fail) => {
      write(store, (error) => (error === undefined ? succeed() : fail(error)));
    });
    await store.close();
  }

  const notesLog = (store: Store, done: (error?: Error) => void): void =>
    store.write([{ key: "node/log", value: Uint8Array.of(1) }], done);

  test("where the store of one was made anew beside its log: it would not start", async () => {
    await gives(1, logOf([1, 1, 1]).records);
    await gives(2, logOf([1, 1]).records);
    const path = join(homeOf(1), "data", "state");
    rmSync(path, { recursive: true });
    await (await LevelStore.open(path, {})).close();
    await refused([1], "log_unsound");
    await refused([1, 2], "log_unsound");
    await expect(recovered([1])).rejects.toThrow(/the store with the node's term and vote is gone.* leave node 1 out/);
  });

  test("where the log of one is gone with all that stood beside it", async () => {
    await gives(1, logOf([1, 1, 1]).records);
    const votes = (store: Store, done: (error?: Error) => void): void =>
      saveHardState(store, { term: 4, vote: 2 }, done);
    for (const [id, write] of [
      [2, notesLog],
      [3, votes],
    ] as const) {
      await gives(id, logOf([1, 1, 1]).records);
      await notes(id, write);
      for (const part of ["log", "log.reached"])
        rmSync(join(homeOf(id), "data", part), { recursive: true, force: true });
      await refused([id], "log_unsound");
      await refused([1, id], "log_unsound");
      await expect(recovered([id])).rejects.toThrow(new RegExp(`the log is gone.* leave node ${id} out`));
    }
    expect((await recovered([1])).height).toBe(6);
  });

  test("where a node was stopped before its first block, which has lost nothing", async () => {
    await gives(1, logOf([1, 1, 1]).records);
    await gives(2, []);
    await notes(2, notesLog);
    settleReached(new NodeDisk(join(homeOf(2), "data")), "log", 0);
    await withSurvivors([1, 2], (survivors) => expect(planRecovery(survivors).lost).toEqual([3, 4, 5]));
  });

  test("where the data is another node's", async () => {
    await gives(1, logOf([1, 1]).records);
    cpSync(join(homeOf(1), "data"), join(homeOf(2), "data"), { recursive: true });
    await refused([2], "data_foreign");
  });

  test("for a node that is given twice, or runs", async () => {
    await gives(1, logOf([1, 1]).records);
    const letGo = await heldByAnother(join(homeOf(1), "data", "state"));
    await refused([1], "data_in_use");
    await letGo();
    await withSurvivors([1], async () => {
      expect(await openedByAnother(join(homeOf(1), "data", "state"))).toBe(false);
    });
    await withSurvivors([1], (survivors) => {
      expect(() => planRecovery([...survivors, ...survivors])).toThrow("more than once");
    });
  });
});

test("a recovery that was cut off between two nodes has only the cluster file left to do: one of them brings the other on", async () => {
  await gives(1, logOf([1, 1, 1]).records);
  await gives(2, logOf([1, 1]).records);
  const log = join(homeOf(1), "data", "log");
  cpSync(log, join(home, "before"), { recursive: true });
  const file = join(home, "c", "cluster.json");
  const named = (): readonly number[] => readCluster(file).nodes.map(({ id }) => id);
  const before = readFileSync(file);
  await withSurvivors([1, 2], (survivors) => finishRecovery(survivors)); // nothing is finished that has not begun
  expect(named()).toEqual([1, 2, 3, 4, 5]);
  await recovered([1, 2]);
  rmSync(log, { recursive: true });
  cpSync(join(home, "before"), log, { recursive: true });
  writeFileSync(file, before);
  await expect(recovered([1, 2])).rejects.toMatchObject({ code: "quorum_survives" });
  expect(named()).toEqual([1, 2, 3, 4, 5]);
  await withSurvivors([1, 2], (survivors) => finishRecovery(survivors));
  expect(named()).toEqual([1, 2]);
});

test("where a quorum is left, no node is marked as a learner: the log may end with what nobody has agreed on", async () => {
  const learner: Configuration = { ...ALL, learners: [6] };
  const { records } = logOf([1, 1], [0, CHANGE([6])], [ALL, learner]);
  for (const id of [1, 2, 3]) await gives(id, records);
  const file = join(home, "c", "cluster.json");
  const sixth = { ...NEWCOMER(6), id: 6, name: "node-6" };
  writeFileSync(file, formatClusterFile(cluster.genesis, [...cluster.nodes, sixth]));
  await withSurvivors([1, 2, 3], (survivors) => finishRecovery(survivors));
  expect(votersIn(readCluster(file)).map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6]);
});

describe("where voters are to leave, and those to come are not there yet", () => {
  /** Nodes 1 and 2 are to leave when node 6 is there, and vote until then. */
  async function given(ids: readonly number[], terms: readonly number[] = [1, 1, 1]): Promise<void> {
    const waiting: Configuration = { ...ALL, learners: [6] };
    const { records } = logOf(terms, [0, CHANGE([6], [1, 2])], [ALL, ALL, ...terms.slice(2).map(() => waiting)]);
    for (const id of ids) await gives(id, records);
  }

  test("they are among the lost, for what was agreed on may be with them only", async () => {
    await given([3]);
    await withSurvivors([3], (survivors) => expect(planRecovery(survivors).lost).toEqual([1, 2, 4, 5, 6]));
    expect((await recovered([3])).height).toBe(7);
    expect(await configurationOf(3)).toEqual({ voters: [3], outgoing: [], learners: [] });
  });

  test("they make up a quorum with those that stay", async () => {
    await given([1, 2, 3]);
    await expect(recovered([1, 2, 3])).rejects.toMatchObject({ code: "quorum_survives" });
  });

  test("the cluster goes on from the log of one of them, where that has most, and without it", async () => {
    await given([1], [1, 1, 1, 1]);
    await given([3]);
    const plan = await withSurvivors([1, 3], (survivors) => planRecovery(survivors));
    expect([plan.best.id, plan.lost, plan.leaving]).toEqual([1, [2, 4, 5, 6], [1]]);
    expect((await recovered([1, 3])).height).toBe(8);
    for (const id of [1, 3]) expect(await configurationOf(id)).toEqual({ voters: [3], outgoing: [], learners: [] });
    expect(readCluster(join(home, "c", "cluster.json")).nodes.map(({ id }) => id)).toEqual([3]);
  });

  test("none of them goes on alone", async () => {
    await given([1, 2]);
    await expect(recovered([1, 2])).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("node 1, 2 was to leave the cluster, and cannot go on alone"),
    });
  });
});

describe("on a disk that is full, or becomes so, or fails", () => {
  /** What is free is said by the test, asked for the first, second time and so on; the last counts from there on. */
  class NarrowDisk extends NodeDisk {
    readonly #free: number[];

    constructor(data: string, free: readonly number[]) {
      super(data);
      this.#free = [...free];
    }

    override freeBytes(): number {
      return (this.#free.length > 1 ? this.#free.shift() : this.#free[0]) ?? 0;
    }
  }

  const MIB = 1_048_576;

  async function recoveredOn(ids: readonly number[], free: (id: number) => readonly number[]): Promise<Recovered> {
    const survivors: Survivor[] = [];
    try {
      for (const id of ids) {
        const node = must(nodesIn(homeOf(id))[0], "it is there");
        survivors.push(await Survivor.open(node, (data) => new NarrowDisk(data, free(id))));
      }
      return await recoverCluster(planRecovery(survivors), [ADMIN], START_MS);
    } finally {
      for (const survivor of survivors) await survivor.close();
    }
  }

  /** Syncs of its files fail. */
  class FailingDisk extends NodeDisk {
    override open(path: string, options: { readonly create: boolean }): DiskFile {
      const file = super.open(path, options);
      const sync = (done: DiskDone): void => done(new DiskError("disk_io", "it does not sync"));
      return Object.assign(file, { sync });
    }
  }

  test("that fails while it is written the recovery ends with that", async () => {
    await gives(1, logOf([1, 1, 1]).records);
    const survivor = await Survivor.open(must(nodesIn(homeOf(1))[0], "it is there"), (data) => new FailingDisk(data));
    const written = recoverCluster(planRecovery([survivor]), [ADMIN], START_MS);
    await expect(written).rejects.toMatchObject({ code: "wal_write_failed" });
    await survivor.close();
    expect(readCluster(join(home, "c", "cluster.json")).nodes).toHaveLength(5);
  });

  const logOfNode = (id: number): string =>
    readdirSync(join(homeOf(id), "data", "log"))
      .map((name) => readFileSync(join(homeOf(id), "data", "log", name)).toString("hex"))
      .join("\n");

  test("nothing of any node that is left is written, and it is said where how much is missing", async () => {
    await gives(1, logOf([1, 1, 1]).records);
    await gives(2, logOf([1, 1]).records);
    const before = [1, 2].map(logOfNode);
    const refused = recoveredOn([1, 2], (id) => [id === 1 ? 60 * MIB : 1_000 * MIB]);
    await expect(refused).rejects.toMatchObject({ code: "disk_full" });
    await expect(refused).rejects.toThrow(/node-1\/data.* 60 MiB free .* make room for \d+ MiB more.* again/);
    expect([1, 2].map(logOfNode)).toEqual(before);
    expect(readCluster(join(home, "c", "cluster.json")).nodes).toHaveLength(5);
    expect((await recovered([1, 2])).height).toBe(6);
  });

  test("that becomes full meanwhile it ends with that, and goes on when there is room", async () => {
    await gives(1, logOf([1, 1, 1]).records);
    await gives(2, []);
    const full = recoveredOn([1, 2], (id) => (id === 1 ? [1_000 * MIB] : [1_000 * MIB, 0]));
    await expect(full).rejects.toMatchObject({ code: "disk_full" });
    await expect(full).rejects.toThrow(/full while the log was written: make room/);
    expect(readCluster(join(home, "c", "cluster.json")).nodes).toHaveLength(5);
    expect((await recovered([1, 2])).height).toBe(6);
    expect((await verified([2]))[0]?.report).toMatchObject({ height: 6, problems: [] });
  });
});

/** Has no room for what says how far the log reaches. */
class CrampedDisk extends NodeDisk {
  override open(path: string, options: { readonly create: boolean }): DiskFile {
    const file = super.open(path, options);
    const write = (_offset: number, _chunks: readonly Uint8Array[], done: DiskDone): void =>
      done(new DiskError("disk_full", "it is full"));
    return path === "log.reached" ? Object.assign(file, { write }) : file;
  }
}

test("a disk that has not even room to cut its log is said to be so, and the recovery goes on when there is", async () => {
  await gives(1, logOf([3, 3, 3]).records);
  await gives(2, logOf([2]).records);
  const full = withSurvivors([1], async ([one]) => {
    const node = must(nodesIn(homeOf(2))[0], "it is there");
    const two = await Survivor.open(node, (data) => new CrampedDisk(data));
    try {
      return await recoverCluster(planRecovery([must(one, "it is open"), two]), [ADMIN], START_MS);
    } finally {
      await two.close();
    }
  });
  await expect(full).rejects.toMatchObject({ code: "disk_full" });
  await expect(full).rejects.toThrow(/node-2\/data: .* too full to cut it/);
  expect((await recovered([1, 2])).height).toBe(6);
  expect((await verified([2]))[0]?.report).toMatchObject({ height: 6, problems: [] });
});

test("a recovery that was cut off within a log is brought to its end", async () => {
  await gives(1, logOf([1, 1, 1]).records);
  const file = join(home, "c", "cluster.json");
  // It knows nothing of nodes that have come since.
  const old = formatClusterFile(cluster.genesis, cluster.nodes.slice(0, 2));
  const { height } = await recovered([1]);
  const [node] = nodesIn(homeOf(1));
  for (let kept = height - 1; kept >= 3; kept--) {
    await new Promise<void>((succeed, fail) => {
      const disk = new NodeDisk(must(node, "it is there").data);
      const log = Wal.open(disk, "log", { segmentBytes: 8_388_608, cacheBytes: 0, onFatal: fail });
      log.truncate(kept + 1, () => {
        log.close();
        succeed();
      });
    });
    writeFileSync(file, old);
    await withSurvivors([1], (survivors) => expect(planRecovery(survivors).lost, `${kept} kept`).toEqual([2, 3, 4, 5]));
    await recovered([1]);
    expect(
      readCluster(file).nodes.map(({ id }) => id),
      `${kept} kept`,
    ).toEqual([1]);
    expect(await configurationOf(1), `${kept} kept`).toEqual({ voters: [1], outgoing: [], learners: [] });
  }
});
