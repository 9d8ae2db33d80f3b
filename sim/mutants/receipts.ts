/** Receipts that tell of something else than what was committed, and are signed all the same. */
import type { Host } from "../../node/base/ports/host.ts";
import type { Network } from "../../node/base/ports/network.ts";
import { attestation } from "../../node/wire/attestation.ts";
import { blockHash, decodeBlockHeader } from "../../node/wire/block.ts";
import { decodeNodeFrame, encodeNodeFrame } from "../../node/wire/client-frames.ts";
import { decodeReceipt, encodeReceipt, type Receipt, stateDigest } from "../../node/wire/receipt.ts";
import { tellingClients } from "./plants.ts";

const MADE_UP: Uint8Array = new Uint8Array(32).fill(7);

/** The state before the block, what it did, and all blocks before it are made up. */
export function tellingOfAnotherPast({ network, crypto }: Pick<Host, "network" | "crypto">): Network {
  return tellingClients(network, (encoded) => {
    const frame = decodeNodeFrame(encoded);
    if (frame.type !== "receipt") return encoded;
    const madeUp = { previousDigest: MADE_UP, effectsHash: MADE_UP, historyRoot: MADE_UP };
    const receipt = signedAgain(crypto, { ...decodeReceipt(frame.receipt), ...madeUp });
    return encodeNodeFrame({ ...frame, receipt: encodeReceipt(receipt) });
  });
}

function signedAgain(crypto: Host["crypto"], receipt: Receipt): Receipt {
  const sha256 = crypto.sha256.bind(crypto);
  const { height, clusterId } = decodeBlockHeader(receipt.blockHeader);
  const hash = blockHash(sha256, receipt.blockHeader);
  const digest = stateDigest(sha256, { ...receipt, blockHash: hash });
  const attested = { height, blockHash: hash, digest, historyRoot: receipt.historyRoot };
  return { ...receipt, signature: crypto.sign(attestation(sha256, clusterId, attested)) };
}
