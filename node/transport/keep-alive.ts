/**
 * Whether the other end of a link is still there. The end that takes frames pings at a fixed pace, and the end that sends
 * them listens: a ping of the sender would wait behind megabytes of frames on a busy link, while what comes the other way
 * has the line to itself.
 */
import type { WebSocket } from "ws";
import type { Clock, Timer } from "../base/ports/clock.ts";

/** Between two pings of the receiving end. */
export const KEEP_ALIVE_MS = 1_000;
/** A link on which nothing was heard for so many paces is dead. */
const SILENT_PACES_MAX = 3;

export class KeepAlive {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #silentPaces = 0;

  /** Listens from now on. A dead link is terminated; `onAlive` is called at every ping. */
  constructor(socket: WebSocket, clock: Clock, onAlive: () => void) {
    this.#socket = socket;
    this.#clock = clock;
    socket.on("ping", () => {
      this.#silentPaces = 0;
      onAlive();
    });
    this.#watch();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #watch(): void {
    if (this.#silentPaces === SILENT_PACES_MAX) {
      this.#socket.terminate();
      return;
    }
    this.#silentPaces += 1;
    this.#timer = this.#clock.setTimer(KEEP_ALIVE_MS, () => this.#watch());
  }
}
