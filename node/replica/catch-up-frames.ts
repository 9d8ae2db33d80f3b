/**
 * Frames of the catch-up lane: a node asks another for its newest checkpoint, is offered one or told to ask again, and
 * fetches it page by page, each page in chunks. It asks all others what they know of the checkpoint that it is given.
 */
import { crc32c } from "../../storage/checksum.ts";
import { CHUNK_BYTES_MAX } from "../base/limits.ts";
import { pack, unpack, WireError } from "../wire/msgpack.ts";
import { bytes, bytesBetween, check, integer, oneOf, safeInteger, tuple, u32 } from "../wire/schema.ts";
import { type CheckpointContents, componentsSchema, PAGE_BYTES_MAX } from "./checkpoint.ts";
import { type Standing, standingSchema } from "./standing.ts";

/** A page of a checkpoint, by the place of its component. */
export interface PagePlace {
  readonly component: number;
  readonly page: number;
}

export type CatchUpFrame =
  /** For a checkpoint of at least this height. */
  | { readonly type: "ask"; readonly atLeast: number }
  | ({ readonly type: "offer" } & CheckpointContents)
  /** Not now: ask again. `height` is that of the one which is being taken. */
  | { readonly type: "refuse"; readonly height: number }
  /** For the part of a page that begins at `offset`, of the checkpoint that was offered at this height. */
  | ({ readonly type: "fetch"; readonly height: number; readonly offset: number } & PagePlace)
  | ({
      readonly type: "chunk";
      readonly height: number;
      readonly offset: number;
      /** Bytes of the whole page. */
      readonly total: number;
      readonly bytes: Uint8Array;
    } & PagePlace)
  /** That checkpoint is not being given any more: ask. */
  | { readonly type: "gone"; readonly height: number }
  /** What does the other node know of a checkpoint at this height? */
  | { readonly type: "vouch"; readonly height: number }
  | { readonly type: "vouched"; readonly height: number; readonly standing: Standing };

const head = tuple(oneOf("ask", "offer", "refuse", "fetch", "chunk", "gone", "vouch", "vouched"), safeInteger);
const total = integer(0, PAGE_BYTES_MAX);
const bodies = {
  ask: tuple(),
  offer: tuple(bytes(32), componentsSchema),
  refuse: tuple(),
  fetch: tuple(u32, u32, total),
  chunk: tuple(u32, u32, total, total, bytesBetween(0, CHUNK_BYTES_MAX), u32),
  gone: tuple(),
  vouch: tuple(),
  vouched: tuple(standingSchema),
};

export function encodeCatchUp(frame: CatchUpFrame): Uint8Array {
  switch (frame.type) {
    case "ask":
      return pack([frame.type, frame.atLeast]);
    case "offer": {
      const components = frame.components.map(({ name, pages }) => [name, pages]);
      return pack([frame.type, frame.height, frame.digest, components]);
    }
    case "refuse":
    case "gone":
    case "vouch":
      return pack([frame.type, frame.height]);
    case "vouched":
      return pack([frame.type, frame.height, frame.standing]);
    case "fetch":
      return pack([frame.type, frame.height, frame.component, frame.page, frame.offset]);
    case "chunk": {
      const { type, height, component, page, offset, bytes: chunk } = frame;
      return pack([type, height, component, page, offset, frame.total, chunk, crc32c(chunk)]);
    }
  }
}

/** Throws `WireError` for what is no such frame, and for a chunk that is not what was sent. */
export function decodeCatchUp(encoded: Uint8Array): CatchUpFrame {
  const value = unpack(encoded);
  if (!Array.isArray(value)) throw new WireError("malformed_frame", "a catch-up frame is a list");
  const [type, height] = check(head, value.slice(0, 2), "malformed_frame");
  const rest: unknown = value.slice(2);
  switch (type) {
    case "ask":
      check(bodies.ask, rest, "malformed_frame");
      return { type, atLeast: height };
    case "refuse":
    case "gone":
    case "vouch":
      check(bodies[type], rest, "malformed_frame");
      return { type, height };
    case "vouched": {
      const [standing] = check(bodies.vouched, rest, "malformed_frame");
      return { type, height, standing };
    }
    case "offer": {
      const [digest, components] = check(bodies.offer, rest, "malformed_frame");
      return { type, height, digest, components: components.map(([name, pages]) => ({ name, pages })) };
    }
    case "fetch": {
      const [component, page, offset] = check(bodies.fetch, rest, "malformed_frame");
      return { type, height, component, page, offset };
    }
    case "chunk": {
      const [component, page, offset, all, chunk, sum] = check(bodies.chunk, rest, "malformed_frame");
      if (crc32c(chunk) !== sum) throw new WireError("malformed_frame", "a chunk of a checkpoint is altered");
      return { type, height, component, page, offset, total: all, bytes: chunk };
    }
  }
}
