/**
 * The outbox: what must be asked of external networks, as part of the replicated state. The leader's channel actor
 * performs open intents; the answer comes back as a transaction and closes the intent exactly once.
 *
 * The idempotency key never changes, so an intent asked twice (retry, new leader) is one request for the network. It says
 * for which payment the network is to do what, and nothing of when that was decided: a cluster that has lost blocks, or was
 * restored from a backup, and comes to the same question again, asks it under the same key and hears the first decision.
 */
import { must } from "../base/assert.ts";
import { toHex, u128Bytes, utf8 } from "../base/bytes.ts";
import { OUTBOX_OPEN_MAX } from "../base/limits.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { integer, oneOf, type Schema, text, tuple, u64, u128 } from "../wire/schema.ts";
import { Table } from "./table.ts";

const ACTIONS = ["authorize", "capture", "void"] as const;
export type IntentAction = (typeof ACTIONS)[number];

/** One request to an external network. */
export interface Intent {
  /** From 1, rising. */
  readonly id: bigint;
  readonly channel: "card";
  readonly action: IntentAction;
  readonly payment: bigint;
  /** Minor units of `ledger`'s currency. */
  readonly amount: bigint;
  readonly ledger: number;
  readonly cardToken: string;
  /** The same for every attempt, on every leader, for ever. */
  readonly idempotencyKey: string;
  /** The network's reference of the authorisation; empty for `authorize`. */
  readonly networkReference: string;
  /** Log time, nanoseconds. */
  readonly openedAt: bigint;
}

/** How an external network has decided. */
export type NetworkAnswer = "approved" | "declined";

interface IntentRow extends Intent {
  readonly closed: "" | NetworkAnswer;
}

const rowSchema = tuple(
  u64,
  oneOf("card"),
  oneOf(...ACTIONS),
  u128,
  u128,
  integer(1, 0xffff_ffff),
  text(64),
  text(64),
  text(64),
  u64,
  oneOf("", "approved", "declined"),
);

const decodeRow: Schema<IntentRow> = (value, path) => {
  const [id, channel, action, payment, amount, ledger, cardToken, idempotencyKey, networkReference, openedAt, closed] =
    rowSchema(value, path);
  const subject = { id, channel, action, payment, amount, ledger, cardToken };
  return { ...subject, idempotencyKey, networkReference, openedAt, closed };
};

function encodeRow(row: IntentRow): unknown[] {
  const { id, channel, action, payment, amount, ledger, cardToken } = row;
  const subject = [id, channel, action, u128Bytes(payment), u128Bytes(amount), ledger, cardToken];
  return [...subject, row.idempotencyKey, row.networkReference, row.openedAt, row.closed];
}

/** What the caller decides about a new intent. */
export type NewIntent = Omit<Intent, "id" | "channel" | "idempotencyKey">;

export class Outbox {
  readonly table: Table<IntentRow> = new Table("outbox", 64, { encode: encodeRow, decode: decodeRow });
  readonly #sha256: Sha256;
  readonly #line: Uint8Array;
  /** Slots of open intents; ids only rise, so insertion order is ascending. */
  readonly #open = new Set<number>();

  /** `line` is the id of the first of the clusters that were restored one from another. */
  constructor(sha256: Sha256, line: Uint8Array) {
    this.#sha256 = sha256;
    this.#line = line;
  }

  /** Whether no more intents may be opened by new payments now. Intents that undo something are always taken. */
  get full(): boolean {
    return this.#open.size >= OUTBOX_OPEN_MAX;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Opens an intent; each action on a payment is asked for once in its life. */
  open(intent: NewIntent): Intent {
    const id = BigInt(this.table.size + 1);
    const idempotencyKey = this.#idempotencyKey(intent);
    const row: IntentRow = { id, channel: "card", idempotencyKey, closed: "", ...intent };
    this.#open.add(this.table.add(row));
    return row;
  }

  /** Closes an open intent. */
  close(id: bigint, outcome: NetworkAnswer): void {
    const slot = Number(id - 1n);
    must(this.#open.delete(slot) || undefined, `intent ${id} is not open`);
    this.table.replace(slot, { ...this.table.row(slot), closed: outcome });
  }

  /** The intent, whether it is open or closed. */
  intent(id: bigint): Intent | undefined {
    return id >= 1n && id <= BigInt(this.table.size) ? this.table.row(Number(id - 1n)) : undefined;
  }

  isOpen(id: bigint): boolean {
    return this.#open.has(Number(id - 1n));
  }

  /** What closed an intent; undefined while it is open. */
  answer(id: bigint): NetworkAnswer | undefined {
    const { closed } = this.table.row(Number(id - 1n));
    return closed === "" ? undefined : closed;
  }

  /** Open intents, ascending by id. */
  openIntents(): readonly Intent[] {
    return [...this.#open].map((slot) => this.table.row(slot));
  }

  restored(): void {
    this.table.rows().forEach((row, slot) => {
      if (row.closed === "") this.#open.add(slot);
    });
  }

  #idempotencyKey({ action, payment }: NewIntent): string {
    const subject = [
      utf8("quorate.intent.v2\0"),
      this.#line,
      Uint8Array.of(ACTIONS.indexOf(action)),
      u128Bytes(payment),
    ];
    return toHex(this.#sha256(...subject).subarray(0, 16));
  }
}
