/** What either end of a WebSocket takes from the other: more closes the connection. */
import { FRAME_BYTES_MAX } from "../base/limits.ts";

/** Options of ws, for servers and clients. */
export interface WebSocketBounds {
  readonly maxPayload: number;
  readonly perMessageDeflate: false;
  /** No end of ours sends fragments; each may keep alive the 16 KiB that it came in. */
  readonly maxFragments: number;
  /** Pieces in which one frame comes: the largest in TLS records of 1 KiB, where ours have 16. A short one costs memory, too. */
  readonly maxBufferedChunks: number;
  /** How long a connection that is being closed may take to answer, in milliseconds. */
  readonly closeTimeout: number;
}

export const WEB_SOCKET_BOUNDS: WebSocketBounds = {
  maxPayload: FRAME_BYTES_MAX,
  perMessageDeflate: false,
  maxFragments: 16,
  maxBufferedChunks: FRAME_BYTES_MAX / 1_024,
  closeTimeout: 1_000,
};
