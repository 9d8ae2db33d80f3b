import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHex } from "../../node/base/bytes.ts";
import { type Command, keyFromSeed } from "../../node/client/index.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { encodeAccounts } from "../../node/ledger/records.ts";
import { encodeBlock } from "../../node/wire/block.ts";
import { THREE_VOTERS } from "../../node/wire/configuration.test-support.ts";
import { leafHash, MerkleTree } from "../../node/wire/merkle.ts";
import { signTransaction } from "../../node/wire/transaction.ts";
import { NodeDisk } from "../../storage/node-disk.ts";
import { Wal } from "../../storage/wal/wal.ts";
import { blocksText } from "./block-text.ts";
import { type BlockView, viewLog } from "./log-view.ts";

const ADMIN = keyFromSeed(new Uint8Array(32).fill(7));
const CLUSTER_ID = new Uint8Array(16).fill(1);
const SECOND = 1_000_000_000n;
const START = 1_700_000_000n * SECOND;

function transaction(sequence: number, command: Command): Uint8Array {
  const placement = { clusterId: CLUSTER_ID, session: new Uint8Array(16).fill(3), sequence, expiry: START };
  return signTransaction(sha256, ADMIN, placement, command);
}

const OPEN = transaction(0, { kind: "sessionOpen" });
/** Of block 6: node 4 learns. */
const JOINING = { ...THREE_VOTERS, learners: [4] };

function accounts(...ids: bigint[]): Command {
  const balances = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
  const rest = { userData128: 0n, userData64: 0n, userData32: 0, ledger: 978, code: 1, flags: 0, timestamp: 0n };
  return { kind: "createAccounts", batch: encodeAccounts(ids.map((id) => ({ id, ...balances, ...rest }))) };
}

describe("a log for people", () => {
  const data = mkdtempSync(join(tmpdir(), "quorate-log-view-"));
  const node = { data, openCipher: () => undefined };
  const hashes: string[] = [];
  afterAll(() => rmSync(data, { recursive: true }));

  /** Blocks 4 to 6, the last of two transactions. */
  beforeAll(async () => {
    const contents = [[], [OPEN], [transaction(1, accounts(1n, 2n)), transaction(2, accounts(3n))]];
    let previousHash = new Uint8Array(32).fill(9);
    await new Promise<void>((resolve, reject) => {
      const wal = Wal.open(new NodeDisk(data), "log", { segmentBytes: 1_048_576, cacheBytes: 0, onFatal: reject });
      wal.reset({ index: 3, term: 1, hash: previousHash }, () => undefined);
      for (const [place, transactions] of contents.entries()) {
        const index = place + 4;
        const state = { height: index - 1, digest: new Uint8Array(32).fill(index) };
        const placed = { group: 0, height: index, term: 2, clusterId: CLUSTER_ID, previousHash, state };
        const block = encodeBlock(sha256, {
          ...placed,
          configuration: index < 6 ? THREE_VOTERS : JOINING,
          timestamp: START + BigInt(index) * SECOND,
          transactions,
        });
        hashes.push(toHex(block.hash));
        wal.append([{ index, term: 2, previousHash, hash: block.hash, payload: block.bytes }], () => undefined);
        previousHash = Uint8Array.from(block.hash);
      }
      wal.append([], () => {
        wal.close();
        resolve();
      });
    });
  });

  function shown(from: number, to: number): BlockView[] {
    const blocks: BlockView[] = [];
    expect(viewLog(node, { from, to }, (block) => blocks.push(block))).toBe(blocks.length);
    return blocks;
  }

  test("shows headers, and of each transaction kind, session, signers and size", () => {
    const [five, six] = shown(5, 6);
    expect(five).toMatchObject({
      ...{ height: 5, term: 2, timestamp: START + 5n * SECOND, hash: hashes[1], previousHash: hashes[0] },
      state: { height: 4, digest: "05".repeat(32) },
      ...{ release: 1, builder: 0, group: 0, clusterId: "01".repeat(16), transactionCount: 1 },
      transactionRoot: toHex(new MerkleTree(sha256, [leafHash(sha256, OPEN)]).root),
      ...{ bodyBytes: 4 + OPEN.length, configuration: THREE_VOTERS },
      transactions: [{ kind: "sessionOpen", sequence: 0, signers: [toHex(ADMIN.publicKey)] }],
    });
    const many = { kind: "createAccounts", session: "03".repeat(16) };
    expect(six?.transactions).toMatchObject([
      { ...many, sequence: 1, bodyBytes: 256, records: 2 },
      { ...many, sequence: 2, bodyBytes: 128, records: 1 },
    ]);
  });

  test("names the members in lines where they are first seen, and where they change", () => {
    const members = (blocks: readonly BlockView[]): string[] =>
      blocksText(blocks)
        .split("\n")
        .flatMap((line, place) => (/voters/.test(line) ? [`${place}: ${line.trim()}`] : []));
    expect(members(shown(4, 6))).toEqual(["1: voters 1 2 3", "5: voters 1 2 3, learners 4"]);
    const [four, , six] = shown(4, 6);
    const joint = { ...six, configuration: { voters: [1, 2, 4], outgoing: [1, 2, 3], learners: [3] } } as BlockView;
    expect(members([six as BlockView, joint, four as BlockView])).toEqual([
      "1: voters 1 2 3, learners 4",
      "5: voters 1 2 4, outgoing 1 2 3, learners 3",
      "9: voters 1 2 3",
    ]);
  });

  test("as far as it goes", () => {
    expect(shown(6, 99).map(({ height }) => height)).toEqual([6]);
    expect(shown(7, 99)).toEqual([]);
    expect(() => shown(3, 6)).toThrow(expect.objectContaining({ code: "log_compacted" }));
  });
});
