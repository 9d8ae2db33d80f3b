/** What is given wrongly to somebody who takes a backup. */
import type { Host } from "../../node/base/ports/host.ts";
import type { Network } from "../../node/base/ports/network.ts";
import type { Store } from "../../node/base/ports/store.ts";
import { decodeAnswer, encodeAnswer } from "../../node/state/queries.ts";
import { decodeNodeFrame, encodeNodeFrame } from "../../node/wire/client-frames.ts";
import { WireError } from "../../node/wire/msgpack.ts";
import { tellingClients } from "./plants.ts";

/** A checkpoint that is given goes on under its old name: its pages are those of the newest that was written. */
export function givingNewerPages({ store }: Host): Store {
  return {
    get: (key) => store.get(key),
    write: (changes, done) => store.write(changes, done),
    snapshot: () => {
      const taken = store.snapshot();
      return { get: (key) => store.get(key), keys: (prefix) => taken.keys(prefix), close: () => taken.close() };
    },
  };
}

/** Where an answer has several blocks, the one before the last is left out. */
export function leavingBlocksOut(network: Network): Network {
  return tellingClients(network, withoutBlock);
}

function withoutBlock(encoded: Uint8Array): Uint8Array {
  const frame = decodeNodeFrame(encoded);
  if (frame.type !== "answer") return encoded;
  const answer = blocksIn(frame.answer);
  if (answer === undefined || answer.blocks.length < 2) return encoded;
  const blocks = [...answer.blocks.slice(0, -2), ...answer.blocks.slice(-1)];
  return encodeNodeFrame({ ...frame, answer: encodeAnswer({ ...answer, blocks }) });
}

/** An answer with blocks; undefined for any other. */
function blocksIn(answer: Uint8Array) {
  try {
    return decodeAnswer("blocks", answer);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
