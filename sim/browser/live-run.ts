/** One run in a worker of its own, as it is seen: at a pace, before each time that the screen is drawn, until it ends or is stopped. */
import type { Asked, Told } from "./messages.ts";
import { Playback } from "./playback.ts";

/** A run that is to go as fast as it can is seen this often only: drawing would take from it what it runs on. */
const HURRIED_MS = 60;

export interface RunSeer {
  /** What is to be seen next, in order. */
  see(told: readonly Told[]): void;
  /** The worker has thrown something, which no run should. */
  broken(message: string): void;
}

export class LiveRun {
  readonly #playback = new Playback();
  readonly #worker: Worker;
  readonly #seer: RunSeer;
  #beganMs = 0;
  #tookMs: number | undefined;
  /** Whether the worker may tell more. */
  #working = true;
  #stopped = false;
  /** When it was last seen, and how often it is. */
  #seenMs = 0;
  #seeingMs = 0;

  /** `script` is the address of the worker's script. */
  constructor(script: string, asked: Asked, seer: RunSeer) {
    this.#seer = seer;
    this.#worker = new Worker(script);
    this.#worker.addEventListener("message", (event: MessageEvent<Told>) => this.#hear(event));
    this.#worker.addEventListener("error", ({ message }) => {
      this.stop();
      seer.broken(message);
    });
    this.#worker.postMessage(asked);
    window.requestAnimationFrame(this.#frame);
  }

  /** Whether there is more to be seen. */
  get going(): boolean {
    return !this.#stopped && (this.#working || !this.#playback.empty);
  }

  /** How long the run took in the real world, however slowly it is seen; undefined while it goes on. */
  get tookMs(): number | undefined {
    return this.#tookMs;
  }

  /** How many virtual milliseconds are seen in one, or infinity. */
  setPace(pace: number): void {
    this.#seeingMs = pace === Number.POSITIVE_INFINITY ? HURRIED_MS : 0;
    this.#playback.pace = pace;
  }

  /** Nothing more is seen. */
  stop(): void {
    this.#stopped = true;
    this.#worker.terminate();
  }

  #hear({ data, timeStamp }: MessageEvent<Told>): void {
    if (data.what === "begun") this.#beganMs = timeStamp;
    else if (data.what !== "went") {
      this.#tookMs = timeStamp - this.#beganMs;
      this.#working = false;
      this.#worker.terminate();
    }
    this.#playback.add(data);
  }

  readonly #frame = (nowMs: number): void => {
    if (this.#stopped) return;
    if (nowMs - this.#seenMs >= this.#seeingMs) {
      this.#seenMs = nowMs;
      this.#seer.see(this.#playback.take(nowMs));
    }
    if (this.going) window.requestAnimationFrame(this.#frame);
  };
}
