/**
 * A leader's lease (dissertation §6.4.1): while it holds, nobody else can have been elected, and a read needs no round of
 * heartbeats. Each answer to a heartbeat carries a promise: for so long from now I give no vote. When a quorum has
 * answered a round, it keeps its promises for at least that long after the round left; every other quorum shares a
 * member with it.
 *
 * The promises are measured by the voters' clocks and the lease by the leader's, so it is only as true as the stated
 * bound of how far a clock may be off the true rate. A voter keeps its promise by timers, one after the other, that count in
 * whole milliseconds of one clock: from anywhere in the first to the beginning of the last, so up to one less. A leader that asks for an election itself (§3.10) frees the voters
 * of their promises, and has no lease for the rest of its term: its word may arrive late.
 */
import { assert } from "../../node/base/assert.ts";

/** Rounds whose departure is remembered; beyond that a lease is renewed a little later than it could be. */
const ROUNDS_MAX = 64;
const PERMILLE = 1_000;
/** By how much timers that count whole milliseconds may fall short, all together. */
const TIMERS_SHORT_MS = 1;

export class Lease {
  /** What a promise is worth by this clock, in parts of a thousand; 0 where leases are off. */
  readonly #worthPermille: number;
  /** When rounds left that no quorum has answered yet, ascending in both. */
  readonly #left: { readonly round: number; readonly atMs: number }[] = [];
  /** The shortest promise heard. */
  #promiseMs = Number.POSITIVE_INFINITY;
  #untilMs = Number.NEGATIVE_INFINITY;
  #givenUp = false;

  /** `clockDriftPermille`: by how much at most any clock is too slow or too fast; undefined for no leases. */
  constructor(clockDriftPermille: number | undefined) {
    const drift = clockDriftPermille ?? PERMILLE;
    // The voter's clock is fast by the bound, and the leader's slow by it.
    this.#worthPermille = Math.floor((PERMILLE * (PERMILLE - drift)) / (PERMILLE + drift));
  }

  /** A round of heartbeats leaves, not before this time. */
  sent(round: number, atMs: number): void {
    if (this.#worthPermille > 0 && this.#left.length < ROUNDS_MAX) this.#left.push({ round, atMs });
  }

  /** A voter has promised so much in its answer to some round. */
  promised(promiseMs: number): void {
    this.#promiseMs = Math.min(this.#promiseMs, promiseMs);
  }

  /** A quorum has answered this round. */
  confirmed(round: number): void {
    const later = this.#left.findIndex((left) => left.round > round);
    const answered = this.#left.splice(0, later < 0 ? this.#left.length : later).at(-1);
    if (answered === undefined) return;
    assert(this.#promiseMs < Number.POSITIVE_INFINITY, "whoever answers a round promises something");
    const keptMs = Math.max(0, this.#promiseMs - TIMERS_SHORT_MS);
    const lengthMs = Math.floor((keptMs * this.#worthPermille) / PERMILLE);
    this.#untilMs = Math.max(this.#untilMs, answered.atMs + lengthMs);
  }

  /** This leader asks for an election. */
  giveUp(): void {
    this.#givenUp = true;
  }

  holds(nowMs: number): boolean {
    return !this.#givenUp && nowMs < this.#untilMs;
  }
}
