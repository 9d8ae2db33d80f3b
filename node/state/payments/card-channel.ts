/**
 * The card channel's settings: in which currencies cards are taken, and which account the network's money comes from.
 */
import { u128Bytes } from "../../base/bytes.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import type { ConfigureCardBody } from "../../wire/kinds.ts";
import type { Refusal } from "../../wire/results.ts";
import { integer, type Schema, tuple, u128 } from "../../wire/schema.ts";
import { Table } from "../table.ts";

const rowSchema = tuple(integer(1, 0xffff_ffff), u128, integer(1, 31_536_000));
const decodeRow: Schema<ConfigureCardBody> = (value, path) => {
  const [ledger, clearingAccount, holdSeconds] = rowSchema(value, path);
  return { ledger, clearingAccount, holdSeconds };
};

export class CardChannel {
  readonly table: Table<ConfigureCardBody> = new Table("cardChannels", 16, {
    encode: (row) => [row.ledger, u128Bytes(row.clearingAccount), row.holdSeconds],
    decode: decodeRow,
  });
  readonly #slotOf = new Map<number, number>();

  configure(ledger: Ledger, body: ConfigureCardBody): Refusal | undefined {
    const account = ledger.lookupAccount(body.clearingAccount);
    if (account === undefined) return "not_found";
    if (account.ledger !== body.ledger) return "invalid";
    const slot = this.#slotOf.get(body.ledger);
    if (slot === undefined) this.#slotOf.set(body.ledger, this.table.add(body));
    else this.table.replace(slot, body);
    return undefined;
  }

  /** The settings of a currency; undefined where cards are not taken. */
  of(ledger: number): ConfigureCardBody | undefined {
    const slot = this.#slotOf.get(ledger);
    return slot === undefined ? undefined : this.table.row(slot);
  }

  restored(): void {
    this.table.rows().forEach((row, slot) => {
      this.#slotOf.set(row.ledger, slot);
    });
  }
}
