/**
 * The world outside the cluster: the sandbox acquirer's own mind, reached over virtual time. A request that has left
 * acts, whether or not whoever sent it lives to hear the answer.
 */
import type { Outside, OutsideRequest, OutsideResponse } from "../node/base/ports/outside.ts";
import type { Random } from "../node/base/ports/random.ts";
import { Prng } from "../node/base/prng.ts";
import { AcquirerCore, type AcquirerRates } from "./acquirer/core.ts";
import type { Counters } from "./counts.ts";
import { exponential } from "./draw.ts";
import type { Process } from "./process.ts";
import type { Scheduler } from "./scheduler.ts";

const US_PER_MS = 1_000;

export interface OutsideOptions extends AcquirerRates {
  /** Mean time that a request and its answer each take. */
  readonly delayUs: number;
}

export interface OutsideDeps {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly counters: Counters;
}

export class VirtualOutside {
  /** The acquirer's books. */
  readonly acquirer: AcquirerCore;
  /** Nothing that is sent arrives, as when a line is cut. */
  isDown = false;
  readonly #deps: OutsideDeps;
  readonly #delayUs: number;

  constructor(deps: OutsideDeps, { delayUs, ...rates }: OutsideOptions) {
    this.#deps = deps;
    this.#delayUs = delayUs;
    this.acquirer = new AcquirerCore({ random: new Prng(deps.random.u32()), rates });
  }

  /** The outside as one incarnation of a node sees it. */
  port(process: Process): Outside {
    return { request: (request, done) => this.#request(process, request, done) };
  }

  #request(process: Process, request: OutsideRequest, done: (response: OutsideResponse) => void): void {
    const { scheduler, counters } = this.#deps;
    let waiting = true;
    const settle = (response: OutsideResponse): void => {
      if (!waiting) return;
      waiting = false;
      process.run("outside", () => done(response));
    };
    scheduler.after(request.timeoutMs * US_PER_MS, () => {
      if (!waiting) return;
      counters.add("outsideTimeout");
      settle({ kind: "no_answer", reason: "timeout" });
    });
    scheduler.after(this.#travelUs(), () => {
      if (this.isDown) return;
      const before = this.acquirer.contradictions;
      const reply = this.acquirer.handle(request);
      if (reply.status >= 500) counters.add("outsideUnavailable");
      counters.add("outsideContradiction", this.acquirer.contradictions - before);
      if (reply.kind === "never") return;
      const { status, body } = reply;
      scheduler.after(reply.delayMs * US_PER_MS + this.#travelUs(), () => settle({ kind: "answer", status, body }));
    });
  }

  #travelUs(): number {
    return exponential(this.#deps.random, this.#delayUs);
  }
}
