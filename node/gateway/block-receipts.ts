/**
 * Receipts of one applied block: signed once, then cut out for each transaction that somebody waits for.
 */
import type { Crypto } from "../base/ports/crypto.ts";
import type { Applied } from "../state/state-machine.ts";
import { attestation } from "../wire/attestation.ts";
import { encodeReceipt } from "../wire/receipt.ts";

/** Makes the receipt of transaction `index`; the node's signature is made at the first call. */
export function blockReceipts(crypto: Crypto, clusterId: Uint8Array, applied: Applied): (index: number) => Uint8Array {
  const sha256 = crypto.sha256.bind(crypto);
  const { block, digest } = applied;
  let signature: Uint8Array | undefined;
  return (index) => {
    const at = { height: block.header.height, blockHash: block.hash, digest, historyRoot: applied.historyRoot };
    signature ??= crypto.sign(attestation(sha256, clusterId, at));
    return encodeReceipt({
      transactionHash: block.tree.leaves[index] as Uint8Array,
      transactionIndex: index,
      transactionPath: block.tree.path(index),
      blockHeader: block.headerBytes,
      result: applied.results[index] as Uint8Array,
      resultPath: applied.resultTree.path(index),
      resultRoot: applied.resultTree.root,
      previousDigest: applied.previousDigest,
      effectsHash: applied.effectsHash,
      historyRoot: applied.historyRoot,
      nodeKey: crypto.publicKey,
      signature,
    });
  };
}
