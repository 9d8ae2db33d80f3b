/** The rule about receipts, shown some that verify and tell of something else than was committed. */
import { describe, expect, test } from "vitest";
import { blockReceipts } from "../../node/gateway/block-receipts.ts";
import type { Applied } from "../../node/state/state-machine.ts";
import { type Block, decodeBlock, encodeBlock } from "../../node/wire/block.ts";
import { THREE_VOTERS } from "../../node/wire/configuration.test-support.ts";
import { HistoryFrontier } from "../../node/wire/history.ts";
import { leafHash, MerkleTree } from "../../node/wire/merkle.ts";
import { decodeReceipt, type Receipt, stateDigest } from "../../node/wire/receipt.ts";
import { encodeResult } from "../../node/wire/results.ts";
import { GROUP, signTransaction } from "../../node/wire/transaction.ts";
import { CommittedOutcomes } from "../check/committed-outcomes.ts";
import { Verdict } from "../check/verdict.ts";
import { KeyRing, sha256, virtualCrypto } from "../virtual-crypto.ts";
import { Receipts } from "./receipts.ts";

const clusterId = new Uint8Array(16).fill(1);
const OTHER = new Uint8Array(32).fill(7);
const ring = new KeyRing();
const node = ring.create("node 1");
const client = ring.create("client");
const crypto = virtualCrypto(ring, node, (run) => run());
const trust = { clusterId, nodeKeys: [node.publicKey], sha256, verify: ring.verify.bind(ring) };
const OK = encodeResult("ok");

function transaction(sequence: number): Uint8Array {
  const placement = { clusterId, session: new Uint8Array(16), sequence, expiry: 10n ** 15n };
  return signTransaction(sha256, client, placement, { kind: "sessionOpen" });
}

function blockAt(height: number): Block {
  const links = { clusterId, previousHash: OTHER, group: GROUP, term: 1, configuration: THREE_VOTERS };
  const state = { height: height - 1, digest: OTHER };
  const transactions = [transaction(2 * height), transaction(2 * height + 1)];
  return decodeBlock(sha256, encodeBlock(sha256, { ...links, state, height, timestamp: 1n, transactions }).bytes);
}

const BLOCKS: readonly Block[] = [blockAt(1), blockAt(2), blockAt(3)];
/** Roots of the history over the first one, the first two, and all. */
const ROOTS: readonly Uint8Array[] = BLOCKS.map((_, index) => {
  const history = new HistoryFrontier(sha256);
  for (const { hash } of BLOCKS.slice(0, index + 1)) history.append(hash);
  return history.root();
});

/** What has come of the block at a height, or would have with something else in it. */
function appliedAt(height: number, other: Partial<Applied> = {}): Applied {
  const block = BLOCKS[height - 1] as Block;
  const results = other.results ?? [OK, OK];
  const resultTree = new MerkleTree(
    sha256,
    results.map((result) => leafHash(sha256, result)),
  );
  const none = new Uint8Array(32);
  const told = { previousDigest: none, effectsHash: none, historyRoot: ROOTS[height - 1] as Uint8Array, ...other };
  const digest = stateDigest(sha256, { ...told, blockHash: block.hash, resultRoot: resultTree.root });
  return { ...told, block, results, resultTree, digest, duplicates: [false, false], events: [] };
}

/** The receipt that a node gives for a block's second transaction. */
function receiptOf(applied: Applied): Receipt {
  return decodeReceipt(blockReceipts(crypto, clusterId, applied)(1));
}

/** What is said of a receipt where these blocks were executed. */
function judged(receipt: Receipt, height: number, executed = BLOCKS.length) {
  const verdict = new Verdict(() => ({ atMs: 0, step: 0 }));
  const outcomes = new CommittedOutcomes();
  for (let at = 1; at <= executed; at++) outcomes.block(appliedAt(at));
  const receipts = new Receipts(verdict, trust, { outcomes, chain: { acknowledged: () => undefined } });
  receipts.accept(transaction(2 * height + 1), receipt);
  return verdict.failure;
}

describe("receipts", () => {
  test.each([1, 2, 3])("one that tells of height %d as it was committed is accepted", (height) => {
    expect(judged(receiptOf(appliedAt(height)), height)).toBeUndefined();
  });

  test.each<[string, Partial<Applied>, string]>([
    ["another state before the block", { previousDigest: OTHER }, "another state"],
    ["other effects", { effectsHash: OTHER }, "another state"],
    ["another history", { historyRoot: OTHER }, "another history"],
    ["the history of the block before", { historyRoot: ROOTS[0] as Uint8Array }, "another history"],
    ["another result", { results: [OK, encodeResult("not_found")] }, "another result"],
    ["another result of the transaction beside it", { results: [encodeResult("not_found"), OK] }, "another state"],
  ])("one that tells of %s, and is signed, is refused", (_, other, what) => {
    const message = `a receipt for height 2 tells of ${what}`;
    expect(judged(receiptOf(appliedAt(2, other)), 2)).toMatchObject({ checker: "receipts", message });
  });

  test("one for a block that nobody has executed, or that does not verify, is refused", () => {
    const receipt = receiptOf(appliedAt(2));
    expect(judged(receipt, 2, 1)?.message).toContain("a block that nobody has executed");
    expect(judged({ ...receipt, historyRoot: OTHER }, 2)).toMatchObject({
      checker: "receipts",
      message: "a receipt does not verify: bad_signature",
    });
  });
});
