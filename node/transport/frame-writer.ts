/**
 * Frames of one turn of the event loop leave in one write: a node that answers many clients' payments at once makes one
 * encrypted record and one system call of them, not one of each.
 */
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";

export class FrameWriter {
  readonly #webSocket: WebSocket;
  readonly #stream: Duplex;
  #corked = false;

  /** `stream` is what carries the WebSocket. */
  constructor(webSocket: WebSocket, stream: Duplex) {
    this.#webSocket = webSocket;
    this.#stream = stream;
  }

  send(frame: Uint8Array): void {
    if (!this.#corked) {
      this.#corked = true;
      this.#stream.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#stream.uncork();
      });
    }
    this.#webSocket.send(frame);
  }
}
