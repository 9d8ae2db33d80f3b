/**
 * All payments, by id and by deadline, with counts that cost nothing to read. Rows change only through `change`, which
 * asserts the transition.
 */
import { must } from "../../base/assert.ts";
import { DeadlineHeap } from "../../base/heap.ts";
import { Table } from "../table.ts";
import { assertTransition, decodePayment, encodePayment, type Payment, type PaymentState } from "./payment.ts";

/** What may change in a payment's life. */
export type PaymentChange = { readonly state: PaymentState; readonly updatedAt: bigint } & Partial<
  Pick<
    Payment,
    "failure" | "payerParticipant" | "hold" | "intent" | "networkReference" | "ending" | "window" | "deadline"
  >
>;

export class Payments {
  readonly table: Table<Payment> = new Table("payments", 64, { encode: encodePayment, decode: decodePayment });
  readonly #slotOf = new Map<bigint, number>();
  readonly #byState = new Map<PaymentState, number>();
  readonly #byReason = new Map<string, number>();
  #deadlines = new DeadlineHeap();

  get(id: bigint): Payment | undefined {
    const slot = this.#slotOf.get(id);
    return slot === undefined ? undefined : this.table.row(slot);
  }

  add(payment: Payment): void {
    assertTransition(undefined, payment.state);
    const slot = this.table.add(payment);
    this.#index(payment, slot);
  }

  /** Moves a payment on; returns it as it is now. */
  change(id: bigint, change: PaymentChange): Payment {
    const slot = must(this.#slotOf.get(id), `there is no payment ${id}`);
    const before = this.table.row(slot);
    assertTransition(before.state, change.state);
    const after = { ...before, ...change };
    this.table.replace(slot, after);
    this.#count(before, -1);
    this.#count(after, 1);
    if (after.deadline !== before.deadline) this.#watch(after, slot);
    return after;
  }

  /** The earliest deadline of an authorised payment. */
  nextDeadline(): bigint | undefined {
    return this.#earliest()?.deadline;
  }

  /** An authorised payment whose deadline has passed at `now`, the earliest first. */
  overdue(now: bigint): Payment | undefined {
    const payment = this.#earliest();
    return payment !== undefined && payment.deadline <= now ? payment : undefined;
  }

  /** Payments in each state that occurs. */
  countsByState(): ReadonlyMap<PaymentState, number> {
    return this.#byState;
  }

  /** Payments by reason of risk or failure; a payment with two reasons counts twice. */
  countsByReason(): ReadonlyMap<string, number> {
    return this.#byReason;
  }

  restored(): void {
    this.#deadlines = new DeadlineHeap();
    this.table.rows().forEach((payment, slot) => {
      this.#index(payment, slot);
    });
  }

  #index(payment: Payment, slot: number): void {
    this.#slotOf.set(payment.id, slot);
    this.#count(payment, 1);
    this.#watch(payment, slot);
  }

  #watch(payment: Payment, slot: number): void {
    if (payment.state === "authorized" && payment.deadline !== 0n) this.#deadlines.push({ at: payment.deadline, slot });
  }

  #earliest(): Payment | undefined {
    for (;;) {
      const first = this.#deadlines.peek();
      if (first === undefined) return undefined;
      const payment = this.table.row(first.slot);
      if (payment.state === "authorized" && payment.deadline === first.at) return payment;
      this.#deadlines.pop(); // it has moved on since
    }
  }

  #count(payment: Payment, by: number): void {
    add(this.#byState, payment.state, by);
    for (const reason of payment.reasons) add(this.#byReason, reason, by);
    if (payment.failure !== "") add(this.#byReason, payment.failure, by);
  }
}

function add<K>(counts: Map<K, number>, key: K, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
