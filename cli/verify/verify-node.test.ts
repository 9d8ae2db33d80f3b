import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Command } from "../../node/client/index.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { encodeAccounts } from "../../node/ledger/records.ts";
import { loadCheckpointMeta, metaChange, takeCheckpoint } from "../../node/replica/checkpoint.ts";
import { StateMachine } from "../../node/state/state-machine.ts";
import { decodeBlock } from "../../node/wire/block.ts";
import { clusterIdOf, type Genesis } from "../../node/wire/genesis.ts";
import { decodeTransaction, encodeTransaction } from "../../node/wire/transaction.ts";
import { testCipher } from "../../storage/cipher.test-support.ts";
import { NodeDisk } from "../../storage/node-disk.ts";
import { heldByAnother, watchedWhileRead } from "../../storage/state/held-store.test-support.ts";
import { LevelStore } from "../../storage/state/level-store.ts";
import { mountReadOnly } from "../../storage/state/read-only-mount.test-support.ts";
import { recordBytes, SEGMENT_HEADER_BYTES } from "../../storage/wal/format.ts";
import type { WalRecord } from "../../storage/wal/log-store.ts";
import { WRAPPED_BYTES, WrappedKeyFile } from "../../storage/wrapped-key-file.ts";
import { scrubData } from "../scrub/scrub-data.ts";
import { CLUSTER, claimStoreIn, GENESIS, recordsOf, START, signed, writeLog } from "./node-log.test-support.ts";
import { type VerifiedNode, verifyNode } from "./verify-node.ts";

function openAccount(id: bigint): Command {
  const balances = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
  const user = { userData128: 0n, userData64: 0n, userData32: 0 };
  const account = { id, ...balances, ...user, ledger: 978, code: 1, flags: 0, timestamp: 0n };
  return { kind: "createAccounts", batch: encodeAccounts([account]) };
}

/** Blocks of one transaction each: a session, and then accounts. */
function transactions(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) =>
    index === 0 ? signed(0, { kind: "sessionOpen" }) : signed(index, openAccount(BigInt(index))),
  );
}

function stateAfter(records: readonly WalRecord[]): StateMachine {
  const state = new StateMachine({ genesis: GENESIS, sha256 });
  for (const { payload } of records) state.apply(decodeBlock(sha256, payload));
  return state;
}

/** Where a record would stand behind those of a file that were written as `writeLog` does: all but the last in one group. */
function endOf(records: readonly WalRecord[]): number {
  return records.reduce((end, { payload }) => end + recordBytes(payload.length), SEGMENT_HEADER_BYTES);
}

/** Of the first ten heights those of which something is known. */
function heightsIn(known: VerifiedNode["digests"]): number[] {
  return Array.from({ length: 11 }, (_, height) => height).filter((height) => known.get(height) !== undefined);
}

describe("a node's data", () => {
  let data: string;
  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), "quorate-verify-"));
  });
  afterEach(() => rmSync(data, { recursive: true }));

  /** The log of a node that has run. */
  async function writeNode(records: readonly WalRecord[]): Promise<void> {
    await writeLog(data, records);
    await claimStoreIn(data);
  }

  async function writeCheckpoint(state: StateMachine): Promise<void> {
    const store = await LevelStore.open(join(data, "state"));
    await new Promise<void>((resolve, reject) => {
      store.write(takeCheckpoint(state), (error) => (error === undefined ? resolve() : reject(error)));
    });
    await store.close();
  }

  async function markForeign(): Promise<void> {
    const store = await LevelStore.open(join(data, "state"));
    const meta = loadCheckpointMeta(store);
    await new Promise<void>((resolve, reject) => {
      const changes = meta === undefined ? [] : [metaChange({ ...meta, isForeign: true })];
      store.write(changes, (error) => (error === undefined ? resolve() : reject(error)));
    });
    await store.close();
  }

  async function verified(): Promise<VerifiedNode> {
    return await verifyNode({ cluster: CLUSTER, data }, () => undefined);
  }

  async function problems(): Promise<readonly string[]> {
    return (await verified()).report.problems;
  }

  /** Changes the first file of the log. */
  function changeLog(change: (bytes: Buffer) => void): void {
    const [name = ""] = readdirSync(join(data, "log"));
    const bytes = readFileSync(join(data, "log", name));
    change(bytes);
    writeFileSync(join(data, "log", name), bytes);
  }

  test("in a snapshot that is read-only is sound, and read by scrub as well", async (context) => {
    const home = mkdtempSync(join(tmpdir(), "quorate-snapshot-"));
    await writeNode(recordsOf(transactions(5)));
    await writeCheckpoint(stateAfter(recordsOf(transactions(3))));
    const snapshot = join(home, "data");
    const unmount = mountReadOnly(data, snapshot);
    if (unmount === undefined) return context.skip("it may not mount");
    try {
      const { report } = await verifyNode({ cluster: CLUSTER, data: snapshot }, () => undefined);
      expect(report).toMatchObject({ height: 5, checkpointHeight: 3, problems: [] });
      expect(await scrubData(snapshot, undefined)).toMatchObject({ blocks: 5, damage: [], lost: [] });
    } finally {
      unmount();
      rmSync(home, { recursive: true });
    }
  });

  test("that is sound is executed again, to the digest that the state machine gave", async () => {
    const records = recordsOf(transactions(5));
    await writeNode(records);
    await writeCheckpoint(stateAfter(records.slice(0, 3)));
    const seen: number[] = [];
    const { report, blockHashes, digests } = await verifyNode({ cluster: CLUSTER, data }, (height) =>
      seen.push(height),
    );
    const digest = Buffer.from(stateAfter(records).digest).toString("hex");
    expect(report).toEqual({
      ...{
        directory: data,
        firstHeight: 1,
        height: 5,
        digest,
        transactions: 5,
        segments: 1,
        tornBytes: 0,
        checkpointHeight: 3,
      },
      problems: [],
    });
    expect(heightsIn(blockHashes)).toEqual([1, 2, 3, 4, 5]);
    expect(records.map(({ index }) => blockHashes.get(index))).toEqual(records.map(({ hash }) => hash));
    expect(digests.get(3)).toEqual(stateAfter(records.slice(0, 3)).digest);
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  test("whose log begins later is executed from its checkpoint on; what is before that is checked for its signatures", async () => {
    const records = recordsOf(transactions(6));
    await writeNode(records.slice(2));
    await writeCheckpoint(stateAfter(records.slice(0, 4)));
    const { report, blockHashes, digests } = await verified();
    const digest = Buffer.from(stateAfter(records).digest).toString("hex");
    expect(report).toMatchObject({
      firstHeight: 3,
      height: 6,
      digest,
      transactions: 4,
      checkpointHeight: 4,
      problems: [],
    });
    expect([heightsIn(blockHashes), heightsIn(digests)]).toEqual([
      [2, 3, 4, 5, 6],
      [4, 5, 6],
    ]);
  });

  test("whose log begins later and has a signature that is wrong before the checkpoint is refused", async () => {
    const contents = transactions(5);
    const forged = { ...decodeTransaction(contents[2] as Uint8Array), signature: new Uint8Array(64) };
    const records = recordsOf(contents.with(2, encodeTransaction(forged)));
    await writeNode(records.slice(1));
    await writeCheckpoint(stateAfter(records.slice(0, 4)));
    expect(await problems()).toEqual(["block 3: a signature of transaction 0 is wrong"]);
  });

  test("whose log begins behind its checkpoint, or tells another history than that, is refused", async () => {
    const records = recordsOf(transactions(6));
    await writeNode(records.slice(3));
    expect(await problems()).toEqual(["the log begins at 4, behind the checkpoint at height 0"]);
    const other = [
      signed(0, { kind: "sessionOpen" }),
      ...[96n, 97n, 98n, 99n].map((id, i) => signed(i + 1, openAccount(id))),
    ];
    await writeCheckpoint(stateAfter(recordsOf(other).slice(0, 4)));
    expect(await problems()).toEqual(["block 4 is not the one that the state at that height comes from"]);
  });

  test("that was given a peer's checkpoint and stopped before its log was joined to it is sound", async () => {
    const records = recordsOf(transactions(6));
    const other = recordsOf([
      signed(0, { kind: "sessionOpen" }),
      ...[96n, 97n, 98n, 99n, 100n].map((id, i) => signed(i + 1, openAccount(id))),
    ]);
    await writeNode(records.slice(0, 3));
    await writeCheckpoint(stateAfter(records.slice(0, 5)));
    expect(await problems()).toEqual(["the checkpoint is at height 5, the log ends at 3"]);
    await markForeign();
    expect((await verified()).report).toMatchObject({ height: 3, checkpointHeight: 5, problems: [] });
    // Nor need what the log has at that height be what was agreed on: that goes when the node starts.
    for (const part of ["log", "log.reached"]) rmSync(join(data, part), { recursive: true });
    await writeNode(other);
    expect(await problems()).toEqual([]);
  });

  test("that is empty is sound, too", async () => {
    mkdirSync(data, { recursive: true });
    expect(await verified()).toMatchObject({ report: { height: 0, transactions: 0, problems: [] } });
  });

  test("every byte of a block counts: whichever is flipped, the damage is found", async () => {
    const records = recordsOf(transactions(4));
    await writeNode(records);
    const payload = Buffer.from(records[1]?.payload ?? []);
    let place = 0;
    changeLog((bytes) => {
      place = bytes.indexOf(payload);
    });
    for (const offset of [0, 40, 100, payload.length - 1]) {
      const flip = (): void =>
        changeLog((bytes) => {
          const at = place + offset;
          bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
        });
      flip();
      const { report } = await verified();
      expect(report.height, `byte ${offset}`).toBe(1);
      expect(report.problems, `byte ${offset}`).toHaveLength(1);
      flip();
      expect(await problems()).toEqual([]);
    }
  });

  test("with garbage behind the last record has a torn tail, which is no problem", async () => {
    const records = recordsOf(transactions(3));
    await writeNode(records);
    changeLog((bytes) => bytes.fill(0xab, 100_000, 100_100));
    const { report } = await verified();
    expect(report).toMatchObject({ height: 3, problems: [] });
    expect(report.tornBytes).toBeGreaterThan(0);
    const [file = ""] = readdirSync(join(data, "log"));
    const offset = endOf(records);
    expect(report.tornAt).toEqual({ file: `log/${file}`, offset, height: 4 });
  });

  test("whose newest block, which nothing says was acknowledged, is changed or cut in two tells where it stood", async () => {
    const records = recordsOf(transactions(4));
    await writeNode(records);
    const [name = ""] = readdirSync(join(data, "log"));
    const path = join(data, "log", name);
    const whole = readFileSync(path);
    const offset = endOf(records.slice(0, 3));
    const expected = { height: 3, problems: [], tornAt: { file: `log/${name}`, offset, height: 4 } };
    const payload = records[3]?.payload.length ?? 0;
    // Checksum, header, both hashes, and the first, some and the last byte of the payload.
    for (const byte of [0, 4, 8, 12, 16, 24, 32, 40, 72, 104, 104 + 200, 104 + payload - 1]) {
      changeLog((bytes) => bytes.writeUInt8(bytes.readUInt8(offset + byte) ^ 16, offset + byte));
      expect((await verified()).report, `byte ${byte}`).toMatchObject(expected);
      writeFileSync(path, whole);
    }
    for (const length of [10, 104, 104 + 200, 104 + payload - 1]) {
      truncateSync(path, offset + length);
      expect((await verified()).report, `cut after ${length}`).toMatchObject(expected);
      writeFileSync(path, whole);
    }
  });

  test("whose leader had another state says after which block", async () => {
    const wrong = { digest: new Uint8Array(32) };
    await writeNode(recordsOf(transactions(5), (state) => (state.height < 3 ? state : { ...state, ...wrong })));
    const { report } = await verified();
    expect(report.height).toBe(3);
    expect(report.problems).toEqual([
      expect.stringMatching(/^block 4 .* state after block 3 .* 0{64}, .* gives [0-9a-f]{64}$/),
    ]);
  });

  test("with a transaction that its signer did not sign is refused, though all checksums and hashes fit", async () => {
    const [open, account] = transactions(2) as [Uint8Array, Uint8Array];
    const forged = { ...decodeTransaction(account), signature: new Uint8Array(64) };
    await writeNode(recordsOf([open, encodeTransaction(forged)]));
    expect(await problems()).toEqual(["block 2: a signature of transaction 0 is wrong"]);
  });

  test("of another cluster is refused", async () => {
    await writeNode(recordsOf(transactions(2)));
    const other: Genesis = { ...GENESIS, timestamp: START + 1n };
    const wrong = { clusterId: clusterIdOf(sha256, other), genesis: other, nodes: [] };
    const { report } = await verifyNode({ cluster: wrong, data }, () => undefined);
    expect(report.problems[0]).toMatch(/^block 1/);
  });

  test("whose checkpoint has another digest than the log gives is refused", async () => {
    await writeNode(recordsOf(transactions(3)));
    const other = [signed(0, { kind: "sessionOpen" }), signed(1, openAccount(99n))];
    await writeCheckpoint(stateAfter(recordsOf(other)));
    expect(await problems()).toEqual(["the checkpoint at height 2 has another state digest than the log gives"]);
  });

  test("whose log ends before its checkpoint has lost something", async () => {
    const records = recordsOf(transactions(5));
    await writeNode(records.slice(0, 3));
    await writeCheckpoint(stateAfter(records));
    expect(await problems()).toEqual(["the checkpoint is at height 5, the log ends at 3"]);
  });

  // LevelDB's LOG is text for people, and LOCK is empty: nothing is read out of them. Every other byte of the data counts.
  test("with any flipped bit in what a node keeps is found damaged, or torn at its end, with the file", async () => {
    const records = recordsOf(transactions(6));
    await writeNode(records.slice(2));
    await writeCheckpoint(stateAfter(records.slice(0, 4)));
    WrappedKeyFile.create(new NodeDisk(data), "wrapped.key", {
      keyId: new Uint8Array(8),
      wrapped: new Uint8Array(WRAPPED_BYTES).fill(7),
    }).close();
    const files = readdirSync(data, { recursive: true, encoding: "utf8" }).filter(
      (name) => statSync(join(data, name)).isFile() && !/\/(LOG|LOCK)/.test(name),
    );
    expect(files.filter((name) => /start$|seal$|wrapped.key$/.test(name))).toHaveLength(3);
    // The newest record is not attested yet: damage there looks like a write that was cut off, and so does what is not zero behind.
    const [newestAt, end] = [endOf(records.slice(2, -1)), endOf(records.slice(2))];
    const lengths = files.map((name) => ({ name, bytes: statSync(join(data, name)).size }));
    const anywhere = fc
      .constantFrom(...lengths)
      .chain(({ name, bytes }) => fc.tuple(fc.constant(name), fc.nat(bytes - 1)));
    const log = files.find((name) => name.endsWith(".wal")) ?? "";
    const inLog = fc.tuple(
      fc.constant(log),
      fc.oneof(fc.nat(newestAt - 1), fc.integer({ min: newestAt, max: end - 1 })),
    );
    const home = data;
    const found = fc.assert(
      fc.asyncProperty(fc.oneof(anywhere, inLog), fc.nat(7), async ([name, offset], bit) => {
        data = mkdtempSync(join(tmpdir(), "quorate-verify-"));
        cpSync(home, data, { recursive: true });
        const bytes = readFileSync(join(data, name));
        bytes.writeUInt8(bytes.readUInt8(offset) ^ (1 << bit), offset);
        writeFileSync(join(data, name), bytes);
        const { report } = await verified();
        if (name === log && offset >= newestAt) {
          const at = offset < end ? { offset: newestAt, height: 6 } : { offset: end, height: 7 };
          expect([report.problems, report.tornAt], `${name} ${offset}`).toEqual([[], { file: log, ...at }]);
        } else {
          const told = report.problems.join("\n");
          const inFile = name.slice(name.lastIndexOf("/") + 1);
          const [, at] = new RegExp(`${inFile}(?:, byte| is sound up to byte) (\\d+)`).exec(told) ?? [];
          expect(at, `${name} ${offset}: ${told}`).toBeDefined();
          expect(Number(at), `${name} ${offset}: ${told}`).toBeLessThanOrEqual(offset);
          if (name === log) expect(told).toMatch(/, height \d/);
        }
        rmSync(data, { recursive: true });
      }),
      { numRuns: 40 },
    );
    await found.finally(() => {
      data = home;
    });
  });

  test("whose store is gone, or was made anew since, has lost its vote", async () => {
    const records = recordsOf(transactions(5));
    await writeLog(data, records.slice(0, 2));
    const lost = expect.stringMatching(/^the log has blocks up to height 2, .* vote is gone; .*quorate member rejoin$/);
    expect(await problems()).toEqual([lost]);
    // As a start that was refused leaves it.
    await (await LevelStore.open(join(data, "state"))).close();
    expect(await problems()).toEqual([lost]);
    await claimStoreIn(data);
    expect(await problems()).toEqual([]);
  });

  test("whose store is gone has lost its vote where the log is damaged, too", async () => {
    await writeLog(data, recordsOf(transactions(3)));
    rmSync(join(data, "log"), { recursive: true });
    expect(await problems()).toContainEqual(expect.stringMatching(/^the log is damaged, but the store/));
  });

  test("with a damaged store is reported, not thrown, so that other nodes are still looked at", async () => {
    await writeLog(data, recordsOf(transactions(2)));
    mkdirSync(join(data, "state"));
    writeFileSync(join(data, "state", "CURRENT"), "MANIFEST-000001\n");
    const { report } = await verified();
    expect(report.height).toBe(2);
    expect(report.problems).toEqual([expect.stringMatching(/^state: .*CURRENT, byte 0/)]);
  });

  test("that a process has open is left alone", async () => {
    await writeLog(data, recordsOf(transactions(2)));
    await writeCheckpoint(stateAfter([]));
    const letGo = await heldByAnother(join(data, "state"));
    await expect(verified()).rejects.toMatchObject({ code: "data_in_use" });
    await letGo();
  });

  test("is nobody else's while its log is read", async () => {
    await writeLog(data, recordsOf(transactions(2)), testCipher());
    await claimStoreIn(data, testCipher());
    const seen: boolean[] = [];
    const cipher = watchedWhileRead(join(data, "state"), testCipher(), seen);
    const { report } = await verifyNode({ cluster: CLUSTER, data, cipher }, () => undefined);
    expect(report).toMatchObject({ height: 2, problems: [] });
    // Of the store whose the data is, and the blocks behind that.
    expect(seen.length).toBeGreaterThan(2);
    expect(seen).not.toContain(true);
  });
});
