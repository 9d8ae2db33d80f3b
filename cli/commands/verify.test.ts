import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { StoreChange } from "../../node/base/ports/store.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { StartedMark } from "../../node/host/started-mark.ts";
import { noteLog } from "../../node/log-note.ts";
import { wholeCheckpoint } from "../../node/replica/checkpoint.ts";
import { saveHardState } from "../../node/replica/hard-state-store.ts";
import { StateMachine } from "../../node/state/state-machine.ts";
import { decodeBlock, encodeBlock } from "../../node/wire/block.ts";
import { THREE_VOTERS } from "../../node/wire/configuration.test-support.ts";
import { NodeDisk } from "../../storage/node-disk.ts";
import { LevelStore } from "../../storage/state/level-store.ts";
import type { WalRecord } from "../../storage/wal/log-store.ts";
import { readCluster } from "../cluster-access.ts";
import { markLearners } from "../learner-mark.test-support.ts";
import { ran, ranJson } from "../run.contract.ts";
import { claimStoreIn, recordsOf, signed, writeLog } from "../verify/node-log.test-support.ts";

test("verify tells where a torn tail begins, and that it is no damage, in words and as JSON", async () => {
  const directory = mkdtempSync(join(tmpdir(), "quorate-torn-"));
  try {
    const cluster = join(directory, "cluster");
    await ran("init", "--nodes", "1", "--dir", cluster);
    const data = join(cluster, "node-1", "data");
    mkdirSync(join(data, "log"), { recursive: true });
    const file = "log/0000000000000001.wal";
    writeFileSync(join(data, file), Buffer.alloc(40, 7));
    const { code, out } = await ran("verify", cluster);
    expect([code, out]).toEqual([0, expect.stringContaining(`TORN ${data}: 40 bytes`)]);
    expect(out).toContain(`${file}, byte 0, height 1`);
    expect(await ranJson("verify", cluster)).toMatchObject({
      sound: true,
      nodes: [{ tornBytes: 40, tornAt: { file, offset: 0, height: 1 }, problems: [] }],
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

describe("of a cluster whose nodes have run", () => {
  let home = "";
  let cluster = "";
  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), "quorate-verify-"));
    cluster = join(home, "cluster");
    await ran("init", "--nodes", "3", "--dir", cluster);
  });
  afterEach(() => rmSync(home, { recursive: true }));

  const homeOf = (id: number): string => join(cluster, `node-${id}`);
  const dataOf = (id: number): string => join(homeOf(id), "data");

  /** As if the node had run and been given no block yet, or, with a term, been in that. */
  async function hasRun(id: number, term = 0): Promise<void> {
    new StartedMark(join(homeOf(id), "identity.key"), dataOf(id)).write();
    await claimStoreIn(dataOf(id));
    const store = await LevelStore.open(join(dataOf(id), "state"));
    await new Promise<void>((succeed, fail) => {
      saveHardState(store, { term, vote: 1 }, (error) => (error === undefined ? succeed() : fail(error)));
    });
    await store.close();
  }

  async function writeStore(id: number, changes: readonly StoreChange[]): Promise<void> {
    const store = await LevelStore.open(join(dataOf(id), "state"));
    await new Promise<void>((succeed, fail) => {
      store.write(changes, (error) => (error === undefined ? succeed() : fail(error)));
    });
    await store.close();
  }

  function everything(): string {
    return readdirSync(cluster, { recursive: true, encoding: "utf8" })
      .sort()
      .map((name) => {
        const path = join(cluster, name);
        return statSync(path).isFile() ? `${name} ${readFileSync(path).toString("hex")}` : name;
      })
      .join("\n");
  }

  test("one whose data is gone is listed as damaged, with what to do, and nothing is made in its place", async () => {
    for (const id of [1, 2, 3]) await hasRun(id);
    expect(await ranJson("verify", cluster)).toMatchObject({ sound: true, problems: [] });
    rmSync(dataOf(2), { recursive: true });
    const before = everything();
    for (const what of ["verify", "scrub"]) {
      for (const directory of [cluster, homeOf(2)]) {
        const { code, out } = await ran(what, directory);
        expect([code, out], `${what} ${directory}`).toEqual([
          1,
          expect.stringMatching(/node-2\/data.* its data in .* is gone[\s\S]*quorate member rejoin/),
        ]);
      }
    }
    expect(await ranJson("verify", cluster)).toMatchObject({ sound: false, nodes: [{}, { height: 0 }, {}] });
    expect(everything()).toBe(before);
    // So it is where an empty directory has been put there, or the disk is not mounted.
    mkdirSync(dataOf(2));
    expect((await ran("verify", cluster)).code).toBe(1);
  });

  test("one that has never run is not missed, and nothing is made for it", async () => {
    for (const id of [1, 2]) await hasRun(id);
    const before = everything();
    expect(await ranJson("verify", cluster)).toMatchObject({ sound: true, nodes: [{}, {}] });
    const { code, err } = await ran("verify", homeOf(3));
    expect([code, err]).toEqual([2, expect.stringContaining("never run")]);
    expect(everything()).toBe(before);
    expect(existsSync(dataOf(3))).toBe(false);
  });

  test("one that has been in a term and has no log any more has lost it", async () => {
    for (const id of [1, 2, 3]) await hasRun(id, id === 3 ? 0 : 4);
    await writeLog(dataOf(1), recordsOf([signed(0, { kind: "sessionOpen" })]));
    const found = await ranJson("verify", cluster);
    expect(found["nodes"]).toMatchObject([
      {},
      { height: 0, problems: [expect.stringMatching(/the log is gone: .* term 4 .* quorate member rejoin/)] },
      { height: 0, problems: [] },
    ]);
  });

  test("one that has noted that it has a log is known to have lost it, and known to have none yet", async () => {
    for (const id of [1, 2, 3]) {
      await hasRun(id, 4);
      const store = await LevelStore.open(join(dataOf(id), "state"));
      noteLog(new NodeDisk(dataOf(id)), store, "log", (error) => expect.unreachable(error.message));
      // What is written behind the note is done after it.
      await new Promise<void>((resolve) => store.write([], () => resolve()));
      await store.close();
    }
    rmSync(join(dataOf(2), "log.reached"));
    const found = await ranJson("verify", cluster);
    expect(found["nodes"]).toMatchObject([
      { height: 0, problems: [] },
      { height: 0, problems: [expect.stringMatching(/the log is gone, with all/)] },
      { height: 0, problems: [] },
    ]);
  });

  /** Empty blocks, a number of seconds apart, and the state after them. */
  function emptyLog(gaps: readonly number[]): { records: WalRecord[]; state: StateMachine } {
    const { clusterId, genesis } = readCluster(join(cluster, "cluster.json"));
    const state = new StateMachine({ genesis, sha256 });
    let { timestamp } = genesis;
    const records = gaps.map((seconds, place) => {
      timestamp += BigInt(seconds) * 1_000_000_000n;
      const [index, term, previousHash] = [place + 1, 1, state.blockHash];
      const content = { group: 0, height: index, term, timestamp, clusterId, previousHash, state: state.at };
      const { bytes, hash } = encodeBlock(sha256, { ...content, configuration: THREE_VOTERS, transactions: [] });
      state.apply(decodeBlock(sha256, bytes));
      return { index, term, previousHash, hash, payload: bytes };
    });
    return { records, state };
  }

  test("a cluster file of when two of three voters learned does not make those the ones that are wrong", async () => {
    const agreed = emptyLog([1, 1, 1]);
    for (const id of [1, 2, 3]) {
      await hasRun(id, 1);
      await writeLog(dataOf(id), (id === 1 ? emptyLog([1, 1, 2]) : agreed).records);
      if (id > 1) await writeStore(id, wholeCheckpoint(agreed.state));
    }
    markLearners(join(cluster, "cluster.json"), [2, 3]);
    expect(await ranJson("verify", cluster)).toMatchObject({
      ...{ sound: true, agreedHeight: 3, problems: [] },
      nodes: [{ checkpointHeight: 0 }, { checkpointHeight: 3 }, { checkpointHeight: 3 }],
    });
  });

  test("nothing is changed by looking, be it sound or damaged", async () => {
    for (const id of [1, 2, 3]) await hasRun(id, 1);
    const seal = join(dataOf(3), "state", "seal");
    const bytes = readFileSync(seal);
    bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
    writeFileSync(seal, bytes);
    const before = everything();
    for (const what of ["verify", "scrub"]) await ran(what, cluster);
    expect(everything()).toBe(before);
  });
});
