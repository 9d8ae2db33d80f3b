/**
 * Answering queries from the state. An authority sees its own accounts, transfers and payments; admin, operators and
 * auditors see all. What a reader may not see is answered as if it were not there.
 */
import { toHex } from "../base/bytes.ts";
import type { Configuration } from "../base/configuration.ts";
import type { AccountFilter } from "../ledger/filters.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Bounds, Page } from "../ledger/queries.ts";
import { type Account, encodeAccounts, encodeTransfers, type Transfer } from "../ledger/records.ts";
import type { Asset, Assets } from "./assets.ts";
import { spentOf } from "./delegations.ts";
import { encodeBalances, encodeChanges } from "./flat-answers.ts";
import type { Members } from "./members.ts";
import type { Outbox } from "./outbox.ts";
import { PAYMENT_STATES, type Payment } from "./payments/payment.ts";
import type { Payments } from "./payments/payments.ts";
import {
  type AssetView,
  type AuthorityView,
  type MemberView,
  type PaymentView,
  type QueryAnswer,
  QueryRefusal,
  type StateQuery,
  type WindowView,
} from "./queries.ts";
import type { Authority, Registry } from "./registry.ts";
import type { Reversals } from "./reversals.ts";
import type { Risk } from "./risk/risk.ts";
import type { Sessions } from "./sessions.ts";
import { netPositions } from "./settlement/netting.ts";
import type { SettlementWindow } from "./settlement/rows.ts";
import type { Settlement } from "./settlement/settlement.ts";

/** Windows that an answer holds: the newest. */
const WINDOWS_MAX = 32;
/** Payments that an answer holds, however many are asked for: an answer must fit in a frame. */
const PAYMENTS_MAX = 2_048;

/** Rows that one query looks at, and steps that it goes through the history: a node must not be held up for long. */
const TRIES_MAX = 8_192;
/** Records, and changes, that an answer holds for the same reason. */
const PAGE_RECORDS_MAX = 2_048;
const PAGE_EVENTS_MAX = 256;

type ChangesQuery = Extract<StateQuery, { readonly type: "changeEvents" }>;
type FilterQuery = Extract<
  StateQuery,
  { readonly type: "accountTransfers" | "accountBalances" | "queryAccounts" | "queryTransfers" }
>;

/** Records and where the next page begins. */
interface FlatPage {
  readonly records: Uint8Array;
  readonly next: string;
}

/** Who asks. */
export interface Reader {
  readonly authority: number;
  /** Sees what belongs to others, too. */
  readonly seesAll: boolean;
}

/** What a key's authority may read. */
export function readerFor(authority: Authority): Reader {
  const seesAll = authority.roles.some((role) => role === "admin" || role === "operator" || role === "auditor");
  return { authority: authority.id, seesAll };
}

export interface AnswerParts {
  readonly ledger: Ledger;
  readonly assets: Assets;
  readonly reversals: Reversals;
  readonly registry: Registry;
  readonly members: Members;
  readonly sessions: Sessions;
  readonly risk: Risk;
  readonly settlement: Settlement;
  readonly payments: Payments;
  readonly outbox: Outbox;
}

/** What is being looked at. */
export interface Stand {
  readonly height: number;
  readonly timestamp: bigint;
  readonly digest: Uint8Array;
  readonly configuration: Configuration;
}

export class Answers {
  readonly #parts: AnswerParts;
  #rowsRead = 0;

  constructor(parts: AnswerParts) {
    this.#parts = parts;
  }

  /** Rows that all answers together have gone through, also where they show few: what they cost. */
  get rowsRead(): number {
    return this.#rowsRead + this.#parts.ledger.pages.rowsRead;
  }

  /** Throws `QueryRefusal` `not_authorized` for what this reader may not ask. */
  answer(query: StateQuery, reader: Reader, stand: Stand): QueryAnswer {
    const at = { height: stand.height, timestamp: stand.timestamp.toString() };
    switch (query.type) {
      case "accounts":
        return { ...at, type: query.type, records: this.#accounts(query.ids, reader) };
      case "transfers":
        return { ...at, type: query.type, records: this.#transfers(query.ids, reader) };
      case "accountTransfers":
      case "accountBalances":
      case "queryAccounts":
      case "queryTransfers":
        return { ...at, type: query.type, ...this.#filtered(query, boundsFor(reader)) };
      case "changeEvents":
        return { ...at, type: query.type, ...this.#changes(query, reader) };
      case "payment": {
        const payment = this.#parts.payments.get(query.id);
        const seen = payment !== undefined && seesPayment(reader, payment);
        return { ...at, type: query.type, payment: seen ? paymentView(payment) : null };
      }
      case "payments":
        return { ...at, type: query.type, ...this.#payments(query, reader) };
      case "settlement":
        return { ...at, type: query.type, windows: this.#windows(query.ledger, reader) };
      case "risk":
        return { ...at, type: query.type, ...this.#risk(reader) };
      case "authority": {
        const authority = this.#parts.registry.ofKey(query.key);
        const seen = authority !== undefined && (reader.seesAll || authority.id === reader.authority);
        return { ...at, type: query.type, authority: seen ? this.#authority(authority, stand.timestamp) : null };
      }
      case "reversed": {
        const seen = this.#transfers([query.id], reader).length > 0;
        const amount = seen ? this.#parts.reversals.reversed(query.id).toString() : null;
        return { ...at, type: query.type, amount };
      }
      case "members":
        return { ...at, type: query.type, members: this.#members(), configuration: stand.configuration };
      case "assets":
        return { ...at, type: query.type, assets: this.#assets(query) };
      case "summary":
        if (!reader.seesAll)
          throw new QueryRefusal("not_authorized", "a summary is for auditors, operators and admins");
        return { ...at, type: query.type, digest: toHex(stand.digest), ...this.#summary() };
    }
  }

  #authority({ id, name, keys, threshold, roles }: Authority, now: bigint): AuthorityView {
    const delegates = this.#parts.registry.delegations.of(id).map((row) => ({
      ...{ key: toHex(row.key), ledger: row.ledger, account: row.account.toString() },
      ...{ dailyLimit: row.dailyLimit.toString(), spentToday: spentOf(row, now).toString() },
      expiresAt: row.expiresAt.toString(),
    }));
    return { id, name, keys: keys.map(toHex), threshold, roles, delegates };
  }

  #members(): readonly MemberView[] {
    return this.#parts.members.all.map(({ id, publicKey, host, port, role }) => {
      return { id, publicKey: toHex(publicKey), host, port, role };
    });
  }

  #assets({ ledger, code }: Extract<StateQuery, { type: "assets" }>): readonly AssetView[] {
    const { assets } = this.#parts;
    this.#rowsRead += assets.table.size;
    return assets.table
      .rows()
      .filter((asset) => (ledger ?? asset.ledger) === asset.ledger && (code ?? asset.code) === asset.code)
      .toSorted((a, b) => a.ledger - b.ledger)
      .map((asset) => this.#assetView(asset));
  }

  #assetView(asset: Asset): AssetView {
    const { ledger, code, decimals, issuer } = asset;
    const { issued, burned } = this.#parts.assets.supply(asset);
    const name = this.#parts.registry.get(issuer)?.name ?? "";
    return {
      ...{ ledger, code, decimals, issuer, issuerName: name, cap: asset.cap.toString() },
      ...{ issued: issued.toString(), burned: burned.toString(), supply: (issued - burned).toString() },
      issuanceAccount: asset.issuanceAccount.toString(),
    };
  }

  #accounts(ids: readonly bigint[], reader: Reader): Uint8Array {
    const found: Account[] = [];
    for (const id of ids) {
      const account = this.#parts.ledger.lookupAccount(id);
      if (account !== undefined && this.#seesAccount(reader, id)) found.push(account);
    }
    return encodeAccounts(found);
  }

  #transfers(ids: readonly bigint[], reader: Reader): Uint8Array {
    const found: Transfer[] = [];
    for (const id of ids) {
      const transfer = this.#parts.ledger.lookupTransfer(id);
      if (transfer === undefined) continue;
      const { debitAccountId, creditAccountId } = transfer;
      if (this.#seesAccount(reader, debitAccountId) || this.#seesAccount(reader, creditAccountId)) found.push(transfer);
    }
    return encodeTransfers(found);
  }

  /** What is left of the way to a page of changes gets shorter by a bounded piece; true when a query can be answered. */
  prepare(query: StateQuery): boolean {
    return query.type !== "changeEvents" || this.#parts.ledger.pages.seekChangeEvents(filterOf(query), TRIES_MAX);
  }

  #filtered(query: FilterQuery, bounds: Bounds): FlatPage {
    const { pages } = this.#parts.ledger;
    const filter = { ...filterOf(query), limit: Math.min(query.limit, PAGE_RECORDS_MAX) };
    switch (query.type) {
      case "accountTransfers":
        return flat(pages.accountTransfers(filter as AccountFilter, bounds), encodeTransfers);
      case "accountBalances":
        return flat(pages.accountBalances(filter as AccountFilter, bounds), encodeBalances);
      case "queryAccounts":
        return flat(pages.accounts(filter, bounds), encodeAccounts);
      case "queryTransfers":
        return flat(pages.transfers(filter, bounds), encodeTransfers);
    }
  }

  /** Of a change on an account of the reader's and one of another's, the other's balances are not shown. */
  #changes(
    query: ChangesQuery,
    reader: Reader,
  ): Omit<Extract<QueryAnswer, { type: "changeEvents" }>, "type" | "height" | "timestamp"> {
    const filter = { ...filterOf(query), limit: Math.min(query.limit, PAGE_EVENTS_MAX) };
    const { events, next, more } = this.#parts.ledger.pages.changeEvents(filter, boundsFor(reader));
    const shows = (id: bigint): boolean => this.#seesAccount(reader, id);
    return { ...encodeChanges(events, shows), next: next.toString(), more };
  }

  #payments(
    query: Extract<StateQuery, { type: "payments" }>,
    reader: Reader,
  ): { payments: readonly PaymentView[]; next: number } {
    const rows = this.#parts.payments.table.rows();
    const payments: PaymentView[] = [];
    const limit = Math.min(query.limit, PAYMENTS_MAX);
    const end = Math.min(rows.length, query.after + TRIES_MAX);
    for (let slot = query.after; slot < end; slot++) {
      this.#rowsRead += 1;
      const payment = rows[slot] as Payment;
      if (!seesPayment(reader, payment) || (query.state !== undefined && payment.state !== query.state)) continue;
      payments.push(paymentView(payment));
      if (payments.length === limit) return { payments, next: slot + 1 < rows.length ? slot + 1 : 0 };
    }
    return { payments, next: end < rows.length ? end : 0 };
  }

  #windows(ledger: number, reader: Reader): readonly WindowView[] {
    const { settlement, registry } = this.#parts;
    this.#rowsRead += settlement.windowCount;
    return settlement
      .windows(ledger)
      .slice(-WINDOWS_MAX)
      .map((window) => {
        const positions = settlement.positions(window.id);
        this.#rowsRead += positions.length;
        const { nets } = netPositions(positions);
        const views = positions.map(({ authority, debit, credit }, index) => ({
          authority,
          name: registry.get(authority)?.name ?? "",
          debit: debit.toString(),
          credit: credit.toString(),
          net: (nets[index]?.amount ?? 0n).toString(),
        }));
        return {
          ...windowView(window),
          positions: views.filter(({ authority }) => reader.seesAll || authority === reader.authority),
        };
      });
  }

  #risk(reader: Reader): Pick<Extract<QueryAnswer, { type: "risk" }>, "rules" | "blocked"> {
    if (!reader.seesAll) return { rules: [], blocked: [] };
    const rules = this.#parts.risk.rules().map((row) => ({
      ...row,
      reviewAmount: row.reviewAmount.toString(),
      declineAmount: row.declineAmount.toString(),
      velocityDeclineAmount: row.velocityDeclineAmount.toString(),
    }));
    return { rules, blocked: this.#parts.risk.blocked().map(String) };
  }

  #summary(): Omit<Extract<QueryAnswer, { type: "summary" }>, "type" | "digest" | "height" | "timestamp"> {
    const { ledger, payments, sessions, outbox } = this.#parts;
    const byState = payments.countsByState();
    const states = PAYMENT_STATES.filter((state) => byState.has(state)).map((state) => [
      state,
      byState.get(state) ?? 0,
    ]);
    const reasons = [...payments.countsByReason()].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      accounts: ledger.accountCount,
      transfers: ledger.transferCount,
      sessions: sessions.count,
      openIntents: outbox.openCount,
      totals: ledger.totals().map((row) => ({
        ledger: row.ledger,
        debitsPending: row.debitsPending.toString(),
        debitsPosted: row.debitsPosted.toString(),
        creditsPending: row.creditsPending.toString(),
        creditsPosted: row.creditsPosted.toString(),
      })),
      paymentsByState: Object.fromEntries(states) as Record<string, number>,
      paymentsByReason: Object.fromEntries(reasons),
    };
  }

  #seesAccount(reader: Reader, id: bigint): boolean {
    return reader.seesAll || this.#parts.ledger.accountAuthority(id) === reader.authority;
  }
}

function boundsFor({ authority, seesAll }: Reader): Bounds {
  return { triesMax: TRIES_MAX, authority: seesAll ? undefined : authority };
}

function flat<T>({ items, next }: Page<T>, encode: (items: readonly T[]) => Uint8Array): FlatPage {
  return { records: encode(items), next: next.toString() };
}

/** A query without its type is a filter. */
function filterOf<Q extends FilterQuery | ChangesQuery>({ type: _type, ...filter }: Q): Omit<Q, "type"> {
  return filter;
}

function seesPayment(reader: Reader, payment: Payment): boolean {
  const parties = [payment.signer, payment.payerParticipant, payment.payeeParticipant];
  return reader.seesAll || parties.includes(reader.authority);
}

function paymentView(p: Payment): PaymentView {
  const { state, channel, ledger, capture, reference, verdict, reasons, failure, signer, window, networkReference } = p;
  return {
    ...{ id: p.id.toString(), state, channel, payer: p.payer.toString(), payee: p.payee.toString() },
    ...{ amount: p.amount.toString(), ledger, capture, reference, verdict, reasons, failure, signer },
    ...{ hold: p.hold.toString(), networkReference, window, initiatedAt: p.initiatedAt.toString() },
    ...{ createdAt: p.createdAt.toString(), updatedAt: p.updatedAt.toString() },
  };
}

function windowView(w: SettlementWindow): Omit<WindowView, "positions"> {
  const { id, state, payments, failure } = w;
  const times = { openedAt: w.openedAt.toString(), closesAt: w.closesAt.toString(), closedAt: w.closedAt.toString() };
  return { id, state, ...times, payments, gross: w.gross.toString(), net: w.net.toString(), failure };
}
