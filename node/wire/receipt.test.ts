import { createHash, generateKeyPairSync, sign, verify } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { toHex, viewOf } from "../base/bytes.ts";
import { attestation, type NodeTrust } from "./attestation.ts";
import { BLOCK_HEADER_BYTES, decodeBlock, encodeBlock } from "./block.ts";
import { THREE_VOTERS } from "./configuration.test-support.ts";
import { describeHostileBytes, refusalOf } from "./hostile.contract.ts";
import { leafHash, MerkleTree } from "./merkle.ts";
import { decodeReceipt, encodeReceipt, type Receipt, stateDigest, verifyReceipt } from "./receipt.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const NODE_KEY = new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(-32));
const CLUSTER = new Uint8Array(16).fill(1);
const TRANSACTIONS = Array.from({ length: 5 }, (_, i) => new Uint8Array([i, 42]));
const RESULTS = TRANSACTIONS.map((_, i) => new Uint8Array([i, 43]));
const trust: NodeTrust = {
  clusterId: CLUSTER,
  nodeKeys: [new Uint8Array(32).fill(9), NODE_KEY],
  sha256,
  verify: (key, message, signature) => toHex(key) === toHex(NODE_KEY) && verify(null, message, publicKey, signature),
};

/** A receipt as a node makes it; with `lie` something is changed before the node signs. */
function receiptOf(index: number, lie: { readonly clusterId?: Uint8Array } = {}): Receipt {
  const clusterId = lie.clusterId ?? CLUSTER;
  const block = decodeBlock(
    sha256,
    encodeBlock(sha256, {
      configuration: THREE_VOTERS,
      ...{ group: 0, height: 12, term: 2, timestamp: 77n, clusterId, previousHash: new Uint8Array(32).fill(3) },
      state: { height: 11, digest: new Uint8Array(32).fill(4) },
      transactions: TRANSACTIONS,
    }).bytes,
  );
  const results = new MerkleTree(
    sha256,
    RESULTS.map((result) => leafHash(sha256, result)),
  );
  const resultRoot = results.root;
  const chain = { previousDigest: new Uint8Array(32).fill(4), resultRoot, effectsHash: new Uint8Array(32).fill(5) };
  const digest = stateDigest(sha256, { ...chain, blockHash: block.hash });
  const historyRoot = new Uint8Array(32).fill(6);
  const message = attestation(sha256, clusterId, { height: 12, blockHash: block.hash, digest, historyRoot });
  return {
    ...chain,
    transactionHash: block.tree.leaves[index] as Uint8Array,
    transactionIndex: index,
    transactionPath: block.tree.path(index),
    blockHeader: block.headerBytes,
    result: RESULTS[index] as Uint8Array,
    resultPath: results.path(index),
    historyRoot,
    nodeKey: NODE_KEY,
    signature: new Uint8Array(sign(null, message, privateKey)),
  };
}

const reasonOf = (receipt: Receipt, transaction?: Uint8Array): string => {
  const verdict = verifyReceipt(receipt, trust, transaction);
  return verdict.valid ? "valid" : verdict.reason;
};

describe("receipt", () => {
  test("of every transaction of a block is valid, for its own bytes and no others", () => {
    TRANSACTIONS.forEach((transaction, index) => {
      const receipt = decodeReceipt(encodeReceipt(receiptOf(index)));
      expect(receipt).toEqual(receiptOf(index));
      expect(verifyReceipt(receipt, trust, transaction)).toMatchObject({ valid: true, height: 12, timestamp: 77n });
      expect(reasonOf(receipt)).toBe("valid");
      const other = TRANSACTIONS[(index + 1) % TRANSACTIONS.length] as Uint8Array;
      expect(reasonOf(receipt, other)).toBe("transaction_not_in_block");
    });
  });

  test("any flipped bit is found", () => {
    const encoded = encodeReceipt(receiptOf(2));
    const transaction = TRANSACTIONS[2] as Uint8Array;
    let judged = 0;
    for (let bit = 0; bit < encoded.length * 8; bit++) {
      const bent = encoded.slice();
      bent[bit >>> 3] = (bent[bit >>> 3] as number) ^ (1 << (bit & 7));
      const refusal = refusalOf(decodeReceipt, bent);
      if (refusal !== undefined) {
        expect(["malformed_msgpack", "malformed_receipt"]).toContain(refusal);
        continue;
      }
      expect([bit, reasonOf(decodeReceipt(bent), transaction)]).not.toEqual([bit, "valid"]);
      expect([bit, reasonOf(decodeReceipt(bent))]).not.toEqual([bit, "valid"]);
      judged += 1;
    }
    expect(judged).toBeGreaterThan(4_000);
  });

  test("parts of two receipts do not make a third", () => {
    const names = Object.keys(receiptOf(0)) as (keyof Receipt)[];
    fc.assert(
      fc.property(fc.subarray(names), (taken) => {
        const mixed = { ...receiptOf(1), ...Object.fromEntries(taken.map((name) => [name, receiptOf(4)[name]])) };
        const whole = [receiptOf(1), receiptOf(4)].some(
          (receipt) => toHex(encodeReceipt(receipt)) === toHex(encodeReceipt(mixed)),
        );
        expect(reasonOf(mixed) === "valid").toBe(whole);
      }),
    );
  });

  test.each<readonly [string, Partial<Receipt>]>([
    ["malformed_block", { blockHeader: new Uint8Array(BLOCK_HEADER_BYTES) }],
    ["transaction_not_in_block", { transactionIndex: 1 }],
    ["transaction_not_in_block", { transactionIndex: 5 }],
    ["transaction_not_in_block", { transactionPath: [] }],
    ["transaction_not_in_block", { transactionHash: new Uint8Array(32) }],
    ["result_not_in_block", { result: RESULTS[3] as Uint8Array }],
    ["result_not_in_block", { resultPath: receiptOf(3).resultPath }],
    ["result_not_in_block", { resultRoot: new Uint8Array(32) }],
    ["unknown_node", { nodeKey: new Uint8Array(32) }],
    ["bad_signature", { nodeKey: new Uint8Array(32).fill(9) }],
    ["bad_signature", { previousDigest: new Uint8Array(32) }],
    ["bad_signature", { effectsHash: new Uint8Array(32) }],
    ["bad_signature", { historyRoot: new Uint8Array(32) }],
    ["bad_signature", { signature: new Uint8Array(64) }],
  ])("%s: %j", (reason, change) => {
    expect(reasonOf({ ...receiptOf(2), ...change })).toBe(reason);
  });

  test("of another cluster proves nothing here", () => {
    expect(reasonOf(receiptOf(2, { clusterId: new Uint8Array(16).fill(2) }))).toBe("foreign_cluster");
  });

  test("a header whose numbers are not exact is no header", () => {
    const blockHeader = receiptOf(2).blockHeader.slice();
    viewOf(blockHeader).setBigUint64(16, 2n ** 60n, true);
    expect(reasonOf({ ...receiptOf(2), blockHeader })).toBe("malformed_block");
  });

  test("attestation and state digest are the hashes that the documents describe", () => {
    const [a, b, c, d] = [1, 2, 3, 4].map((fill) => new Uint8Array(32).fill(fill)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    const digest = stateDigest(sha256, { previousDigest: a, blockHash: b, resultRoot: c, effectsHash: d });
    const joined = createHash("sha256").update("quorate.digest.v1\0").update(a).update(b).update(c).update(d);
    expect(toHex(digest)).toBe(joined.digest("hex"));
    const height = Buffer.alloc(8);
    height.writeBigUInt64LE(99n);
    const signed = createHash("sha256")
      .update("quorate.attestation.v1\0")
      .update(CLUSTER)
      .update(height)
      .update(b)
      .update(digest)
      .update(c);
    const at = { height: 99, blockHash: b, digest, historyRoot: c };
    expect(toHex(attestation(sha256, CLUSTER, at))).toBe(signed.digest("hex"));
  });
});

describeHostileBytes("receipts", {
  valid: [encodeReceipt(receiptOf(0)), encodeReceipt(receiptOf(4))],
  decode: decodeReceipt,
  encode: encodeReceipt,
  codes: ["malformed_msgpack", "malformed_receipt"],
});
