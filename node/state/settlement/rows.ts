/**
 * Rows of settlement: currencies, participants, windows and positions, and how they look in checkpoints and effects.
 */
import { u128Bytes } from "../../base/bytes.ts";
import type { ConfigureParticipantBody, ConfigureSettlementBody } from "../../wire/kinds.ts";
import { integer, oneOf, type Schema, safeInteger, text, tuple, u32, u64, u128 } from "../../wire/schema.ts";
import { Table } from "../table.ts";

/** A settled currency, with the id of its open window. */
interface Currency extends ConfigureSettlementBody {
  readonly window: number;
}

/** `closed` waits for its transfers; `failed` too, after the ledger refused them once. */
const WINDOW_STATES = ["open", "closed", "settled", "failed"] as const;

export interface SettlementWindow {
  /** From 1, over all currencies. */
  readonly id: number;
  readonly ledger: number;
  readonly state: (typeof WINDOW_STATES)[number];
  /** Log times, nanoseconds; 0 where it has not come to that. */
  readonly openedAt: bigint;
  readonly closesAt: bigint;
  readonly closedAt: bigint;
  readonly payments: number;
  /** Sum of the payments, minor units. */
  readonly gross: bigint;
  /** Sum of what net senders paid. */
  readonly net: bigint;
  /** Why it could not be settled: a transfer status, or `no_settlement_account:<authority>`. */
  readonly failure: string;
}

/** What a participant's payers paid and its payees got in a window, minor units. */
export interface Position {
  readonly window: number;
  readonly authority: number;
  readonly debit: bigint;
  readonly credit: bigint;
}

const ledgerNumber = integer(1, 0xffff_ffff);

const currencySchema = tuple(ledgerNumber, u128, integer(1, 31_536_000), safeInteger);
const decodeCurrency: Schema<Currency> = (value, path) => {
  const [ledger, hubAccount, windowSeconds, window] = currencySchema(value, path);
  return { ledger, hubAccount, windowSeconds, window };
};

const participantSchema = tuple(u32, ledgerNumber, u128);
const decodeParticipant: Schema<ConfigureParticipantBody> = (value, path) => {
  const [authority, ledger, settlementAccount] = participantSchema(value, path);
  return { authority, ledger, settlementAccount };
};

const windowSchema = tuple(
  safeInteger,
  ledgerNumber,
  oneOf(...WINDOW_STATES),
  tuple(u64, u64, u64),
  safeInteger,
  u128,
  u128,
  text(64),
);
const decodeWindow: Schema<SettlementWindow> = (value, path) => {
  const [id, ledger, state, [openedAt, closesAt, closedAt], payments, gross, net, failure] = windowSchema(value, path);
  return { id, ledger, state, openedAt, closesAt, closedAt, payments, gross, net, failure };
};

function encodeWindow(w: SettlementWindow): unknown[] {
  const times = [w.openedAt, w.closesAt, w.closedAt];
  return [w.id, w.ledger, w.state, times, w.payments, u128Bytes(w.gross), u128Bytes(w.net), w.failure];
}

const positionSchema = tuple(safeInteger, u32, u128, u128);
const decodePosition: Schema<Position> = (value, path) => {
  const [window, authority, debit, credit] = positionSchema(value, path);
  return { window, authority, debit, credit };
};

export interface SettlementTables {
  readonly currencies: Table<Currency>;
  readonly participants: Table<ConfigureParticipantBody>;
  readonly windows: Table<SettlementWindow>;
  readonly positions: Table<Position>;
}

/** The tables of settlement, empty. */
export function settlementTables(): SettlementTables {
  return {
    currencies: new Table("settlementCurrencies", 16, {
      encode: (row) => [row.ledger, u128Bytes(row.hubAccount), row.windowSeconds, row.window],
      decode: decodeCurrency,
    }),
    participants: new Table("settlementParticipants", 64, {
      encode: (row) => [row.authority, row.ledger, u128Bytes(row.settlementAccount)],
      decode: decodeParticipant,
    }),
    windows: new Table("settlementWindows", 64, { encode: encodeWindow, decode: decodeWindow }),
    positions: new Table("settlementPositions", 64, {
      encode: (row) => [row.window, row.authority, u128Bytes(row.debit), u128Bytes(row.credit)],
      decode: decodePosition,
    }),
  };
}
