/**
 * Frames of one turn of the event loop leave in one write: a node that answers many clients' payments at once makes one
 * array, one encrypted record and one system call of them, not one of each.
 */
import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import { SpareBuffer } from "./spare-buffer.ts";
import { lengthOf, type Pieces, webSocketFrames } from "./web-socket-frame.ts";

export interface FrameWriterOptions {
  readonly webSocket: WebSocket;
  /** What carries the WebSocket. */
  readonly stream: Duplex;
  /** Whether this end has dialled. */
  readonly dialled: boolean;
}

export class FrameWriter {
  readonly #options: FrameWriterOptions;
  readonly #spare = new SpareBuffer();
  readonly #allocate = (bytes: number): Buffer => this.#spare.take(bytes);
  #waiting: Pieces[] = [];
  #waitingBytes = 0;

  constructor(options: FrameWriterOptions) {
    this.#options = options;
  }

  /** Bytes of frames that have not been handed to the stream, and what waits in it. */
  get bufferedBytes(): number {
    return this.#waitingBytes + this.#options.webSocket.bufferedAmount;
  }

  /** Sends one frame of these pieces, which must not change any more; nothing when the WebSocket is closing. */
  send(...pieces: Pieces): void {
    if (this.#options.webSocket.readyState !== WebSocket.OPEN) return;
    if (this.#waiting.length === 0) process.nextTick(() => this.flush());
    this.#waiting.push(pieces);
    this.#waitingBytes += lengthOf(pieces);
  }

  /** Hands over what waits, before the turn ends: for whoever is about to close the WebSocket. */
  flush(): void {
    const { webSocket, stream, dialled } = this.#options;
    const messages = this.#waiting;
    if (messages.length === 0) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (webSocket.readyState !== WebSocket.OPEN) return;
    const frames = webSocketFrames(messages, dialled, this.#allocate);
    if (!SpareBuffer.keeps(frames)) {
      // Without a callback of its own a write of a few receipts is cheaper in the stream.
      stream.write(frames);
      return;
    }
    // After an error nobody knows who still reads it.
    stream.write(frames, (error) => {
      if (error == null) this.#spare.giveBack(frames);
    });
  }
}
