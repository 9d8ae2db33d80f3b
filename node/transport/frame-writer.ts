/**
 * Frames of one turn of the event loop leave in one write: a node that answers many clients' payments at once makes one
 * encrypted record and one system call of them, not one of each.
 */
import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import { webSocketFrame } from "./web-socket-frame.ts";

export interface FrameWriterOptions {
  readonly webSocket: WebSocket;
  /** What carries the WebSocket. */
  readonly stream: Duplex;
  /** Whether this end has dialled. */
  readonly dialled: boolean;
}

export class FrameWriter {
  readonly #options: FrameWriterOptions;
  #corked = false;

  constructor(options: FrameWriterOptions) {
    this.#options = options;
  }

  /** Sends one frame of these pieces; nothing any more when the WebSocket is closing. */
  send(...pieces: readonly Uint8Array[]): void {
    const { webSocket, stream, dialled } = this.#options;
    if (webSocket.readyState !== WebSocket.OPEN) return;
    if (!this.#corked) {
      this.#corked = true;
      stream.cork();
      process.nextTick(() => {
        this.#corked = false;
        stream.uncork();
      });
    }
    stream.write(webSocketFrame(pieces, dialled));
  }
}
