/**
 * State-machine safety: all nodes have the same digest at the same height, over all time and all restarts; and what must
 * hold within the state (conservation of money in every currency, holds that fit their payments, nothing pending past
 * its timeout) holds after every block.
 */
import { InvariantError } from "../../node/base/assert.ts";
import { toHex } from "../../node/base/bytes.ts";
import type { NodeId } from "../../node/base/ids.ts";
import { EVENT_SLOTS_PER_TRANSACTION } from "../../node/base/limits.ts";
import type { Applied, StateMachine } from "../../node/state/state-machine.ts";
import { housekeepingTimestamp } from "../../node/wire/block.ts";
import type { Verdict } from "./verdict.ts";

/** Nodes that are not the first at a height are only looked at now and then, for the time it takes. */
const LOOK_EVERY_BLOCKS = 32;

export class StateSafety {
  readonly #verdict: Verdict;
  /** By height. */
  readonly #digests: string[] = [];

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  /** Whether no node has applied this height before. */
  isFirst(height: number): boolean {
    return this.#digests[height] === undefined;
  }

  applied(node: NodeId, applied: Applied, state: StateMachine): void {
    const { height, timestamp } = applied.block.header;
    const first = this.isFirst(height);
    this.#compare(node, height, applied.digest);
    if (!first && height % LOOK_EVERY_BLOCKS !== 0) return;
    try {
      state.checkInvariants();
    } catch (error) {
      if (!(error instanceof InvariantError)) throw error;
      this.#verdict.fail("conservation", `node ${node} at height ${height}: ${error.message}`);
    }
    const deadline = state.nextDeadline();
    // Housekeeping stamps its events itself, so it looks a few microseconds short of its own time.
    const done = housekeepingTimestamp(applied.block.header) - BigInt(EVENT_SLOTS_PER_TRANSACTION);
    this.#verdict.expect(
      deadline === undefined || deadline > done,
      "expiry",
      () => `node ${node} at height ${height}: due at ${deadline} and not done at ${timestamp}`,
    );
  }

  /** A node came back from its checkpoint. */
  restored(node: NodeId, state: StateMachine): void {
    if (state.height > 0) this.#compare(node, state.height, state.digest);
  }

  #compare(node: NodeId, height: number, digest: Uint8Array): void {
    const text = toHex(digest);
    this.#digests[height] ??= text;
    this.#verdict.expect(
      this.#digests[height] === text,
      "stateMachineSafety",
      () => `node ${node} has digest ${text} at height ${height}, another had ${this.#digests[height]}`,
    );
  }
}
