/**
 * Answering queries from the state. An authority sees its own accounts, transfers and payments; admin, operators and
 * auditors see all. What a reader may not see is answered as if it were not there.
 */
import { concatBytes, toHex } from "../base/bytes.ts";
import { accountFilterFlags } from "../ledger/filters.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { type Account, encodeAccounts, encodeTransfers, type Transfer } from "../ledger/records.ts";
import type { Asset, Assets } from "./assets.ts";
import type { Outbox } from "./outbox.ts";
import { PAYMENT_STATES, type Payment } from "./payments/payment.ts";
import type { Payments } from "./payments/payments.ts";
import type {
  AccountTransfersFilter,
  AssetView,
  AuthorityView,
  PaymentView,
  QueryAnswer,
  StateQuery,
  WindowView,
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
}

export class Answers {
  readonly #parts: AnswerParts;

  constructor(parts: AnswerParts) {
    this.#parts = parts;
  }

  answer(query: StateQuery, reader: Reader, stand: Stand): QueryAnswer {
    const at = { height: stand.height, timestamp: stand.timestamp.toString() };
    switch (query.type) {
      case "accounts":
        return { ...at, type: query.type, records: this.#accounts(query.ids, reader) };
      case "transfers":
        return { ...at, type: query.type, records: this.#transfers(query.ids, reader) };
      case "accountTransfers":
        return { ...at, type: query.type, records: this.#accountTransfers(query, reader) };
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
        return { ...at, type: query.type, authority: seen ? authorityView(authority) : null };
      }
      case "reversed": {
        const seen = this.#transfers([query.id], reader).length > 0;
        const amount = seen ? this.#parts.reversals.reversed(query.id).toString() : null;
        return { ...at, type: query.type, amount };
      }
      case "assets":
        return { ...at, type: query.type, assets: this.#assets(query) };
      case "summary":
        return { ...at, type: query.type, digest: toHex(stand.digest), ...this.#summary() };
    }
  }

  #assets({ ledger, code }: Extract<StateQuery, { type: "assets" }>): readonly AssetView[] {
    const { assets } = this.#parts;
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

  #accountTransfers(filter: AccountTransfersFilter, reader: Reader): Uint8Array {
    if (!this.#seesAccount(reader, filter.accountId)) return concatBytes([]);
    const { accountId, timestampMin, timestampMax, limit } = filter;
    const flags =
      (filter.debits ? accountFilterFlags.debits : 0) |
      (filter.credits ? accountFilterFlags.credits : 0) |
      (filter.reversed ? accountFilterFlags.reversed : 0);
    return encodeTransfers(
      this.#parts.ledger.getAccountTransfers({ accountId, timestampMin, timestampMax, limit, flags }),
    );
  }

  #payments(
    query: Extract<StateQuery, { type: "payments" }>,
    reader: Reader,
  ): { payments: readonly PaymentView[]; next: number } {
    const rows = this.#parts.payments.table.rows();
    const payments: PaymentView[] = [];
    const limit = Math.min(query.limit, PAYMENTS_MAX);
    for (let slot = query.after; slot < rows.length; slot++) {
      const payment = rows[slot] as Payment;
      if (!seesPayment(reader, payment) || (query.state !== undefined && payment.state !== query.state)) continue;
      payments.push(paymentView(payment));
      if (payments.length === limit) return { payments, next: slot + 1 < rows.length ? slot + 1 : 0 };
    }
    return { payments, next: 0 };
  }

  #windows(ledger: number, reader: Reader): readonly WindowView[] {
    const { settlement, registry } = this.#parts;
    return settlement
      .windows(ledger)
      .slice(-WINDOWS_MAX)
      .map((window) => {
        const positions = settlement.positions(window.id);
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
      openIntents: outbox.openIntents().length,
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

function authorityView({ id, name, keys, threshold, roles }: Authority): AuthorityView {
  return { id, name, keys: keys.map(toHex), threshold, roles };
}
