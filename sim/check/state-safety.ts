/**
 * State-machine safety: all nodes have the same digest at the same height, over all time and all restarts, and that is what
 * leaders say in their blocks; what must hold
 * within the state (holds that fit their payments) holds, and nothing is left undone past its time.
 */
import { InvariantError } from "../../node/base/assert.ts";
import { equalBytes, toHex } from "../../node/base/bytes.ts";
import type { NodeId } from "../../node/base/ids.ts";
import { EVENT_SLOTS_PER_TRANSACTION } from "../../node/base/limits.ts";
import type { Applied, StateMachine } from "../../node/state/state-machine.ts";
import { housekeepingTimestamp } from "../../node/wire/block.ts";
import type { Verdict } from "./verdict.ts";

/** What takes time with the size of the state is looked at every so many blocks, and when all is at rest. */
const LOOK_EVERY_BLOCKS = 8;

/** What is looked at. */
type StateView = Pick<StateMachine, "height" | "digest" | "checkInvariants" | "nextDeadline">;

export class StateSafety {
  readonly #verdict: Verdict;
  /** By height. */
  readonly #digests: Uint8Array[] = [];

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  /** Whether no node has applied this height before. */
  isFirst(height: number): boolean {
    return this.#digests[height] === undefined;
  }

  /** The digest that everybody has at a height, in hexadecimal; undefined for one that nobody has come to. */
  digestAt(height: number): string | undefined {
    const digest = this.#digests[height];
    return digest && toHex(digest);
  }

  applied(node: NodeId, applied: Pick<Applied, "block" | "digest">, state: StateView): void {
    const { header } = applied.block;
    const { height, timestamp } = header;
    this.#compare(`node ${node}`, height, applied.digest);
    this.#compare(`the leader of term ${header.term}`, header.state.height, header.state.digest);
    if (height % LOOK_EVERY_BLOCKS === 0) this.look(node, state);
    const deadline = state.nextDeadline();
    // Housekeeping stamps its events itself, so it looks a few microseconds short of its own time.
    const done = housekeepingTimestamp(header) - BigInt(EVENT_SLOTS_PER_TRANSACTION);
    this.#verdict.expect(
      deadline === undefined || deadline > done,
      "expiry",
      () => `node ${node} at height ${height}: due at ${deadline} and not done at ${timestamp}`,
    );
  }

  /** What the state machine itself says must hold between its parts. */
  look(node: NodeId, state: StateView): void {
    try {
      state.checkInvariants();
    } catch (error) {
      if (!(error instanceof InvariantError)) throw error;
      this.#verdict.fail("invariants", `node ${node} at height ${state.height}: ${error.message}`);
    }
  }

  /** A node came back from its checkpoint. */
  restored(node: NodeId, state: StateView): void {
    if (state.height > 0) this.#compare(`node ${node}`, state.height, state.digest);
  }

  #compare(who: string, height: number, digest: Uint8Array): void {
    this.#digests[height] ??= digest.slice();
    const known = this.#digests[height];
    this.#verdict.expect(
      equalBytes(known, digest),
      "stateMachineSafety",
      () => `${who} has digest ${toHex(digest)} at height ${height}, another had ${toHex(known)}`,
    );
  }
}
