/**
 * Clearing and settlement as docs/payments.md has it: which window a captured payment is in, when windows close, and which
 * transfers are made then. The books that are added up from what a node shows are in settlement-books.ts.
 */
import type { ConfigureParticipantBody, ConfigureSettlementBody } from "../../node/wire/kinds.ts";
import type { ModelPosting, Post } from "./model-postings.ts";
import type { ReferenceLedger } from "./reference-ledger.ts";

const SECOND = 1_000_000_000n;
/** Code of the transfers that settle. */
const CODE = 3;
const UNSETTLED: readonly string[] = ["closed", "failed"];
/** The release from which on participants stand apart. */
const APART_SINCE = 4;

/** A captured payment: whose money it was, and whose it becomes. */
interface Cleared {
  readonly amount: bigint;
  readonly payer: number;
  readonly payee: number;
}

interface ModelWindow {
  readonly id: number;
  readonly ledger: number;
  readonly payments: Cleared[];
  closesAt: bigint;
  state: "open" | "closed" | "settled" | "failed";
}

/** When something happens, and the ledger that settlement may move money on. */
export interface SettlementMoment {
  readonly now: bigint;
  readonly settle: Post;
  /** Of the block. */
  readonly release: number;
}

/** What the close of a window, or another try at one, must tell. */
export interface ModelClosing {
  readonly type: "windowClosed";
  readonly ledger: number;
  readonly window: number;
  readonly gross: bigint;
  readonly net: bigint;
  readonly failed: boolean;
}

export interface ClosedWindow {
  readonly window: number;
  readonly state: string;
  readonly payments: number;
}

export class ReferenceSettlement {
  /** What the block must tell of windows. */
  readonly events: ModelClosing[] = [];
  readonly #ledger: Pick<ReferenceLedger, "account" | "authorityOf">;
  readonly #hubs = new Map<number, ConfigureSettlementBody>();
  readonly #participants = new Map<string, bigint>();
  readonly #windows: ModelWindow[] = [];

  constructor(ledger: Pick<ReferenceLedger, "account" | "authorityOf">) {
    this.#ledger = ledger;
  }

  configure(body: ConfigureSettlementBody, release: number): string {
    const hub = this.#ledger.account(body.hubAccount);
    if (hub === undefined) return "not_found";
    if (hub.ledger !== body.ledger) return "invalid";
    if (release >= APART_SINCE && [...this.#participants.values()].includes(body.hubAccount)) return "invalid";
    if (!this.#hubs.has(body.ledger)) this.#open(body.ledger);
    this.#hubs.set(body.ledger, body);
    return "ok";
  }

  configureParticipant({ authority, ledger, settlementAccount }: ConfigureParticipantBody, release: number): string {
    const account = this.#ledger.account(settlementAccount);
    if (account === undefined) return "not_found";
    if (account.ledger !== ledger) return "invalid";
    if (this.#ledger.authorityOf(settlementAccount) !== authority) return "not_authorized";
    if (release >= APART_SINCE && this.#hubs.get(ledger)?.hubAccount === settlementAccount) return "invalid";
    this.#participants.set(`${ledger} ${authority}`, settlementAccount);
    return "ok";
  }

  /** Whether payments between two authorities may be made: where the currency is settled, both have an account for it. */
  takes(ledger: number, payer: number, payee: number): boolean {
    if (payer === payee || !this.#hubs.has(ledger)) return true;
    return [payer, payee].every((authority) => this.#participants.has(`${ledger} ${authority}`));
  }

  /** A payment was captured; tells its window, 0 where the currency is not settled. */
  captured(ledger: number, payment: Cleared, now: bigint): number {
    const window = this.#openWindow(ledger);
    if (window === undefined) return 0;
    if (window.payments.length === 0) window.closesAt = now + BigInt(this.#hubOf(ledger).windowSeconds) * SECOND;
    window.payments.push(payment);
    return window.id;
  }

  /** The beginning of a block closes every window that has ended. */
  closeEnded(moment: SettlementMoment): void {
    for (const ledger of this.#hubs.keys()) {
      const window = this.#openWindow(ledger);
      if (window !== undefined && window.payments.length > 0 && window.closesAt <= moment.now)
        this.close(ledger, moment);
    }
  }

  /** Closes a currency's window, unless it has no payments, and tries all that are not settled; undefined where none is. */
  close(ledger: number, { settle, release }: SettlementMoment): ClosedWindow | undefined {
    const window = this.#openWindow(ledger);
    if (window === undefined) return undefined;
    if (window.payments.length > 0) {
      window.state = "closed";
      this.#open(ledger);
    }
    const unsettled = this.#windows.filter(({ ledger: of, state }) => of === ledger && UNSETTLED.includes(state));
    const inOrder =
      release >= APART_SINCE ? unsettled.toSorted((a, b) => Number(b === window) - Number(a === window)) : unsettled;
    for (const one of inOrder) this.#settle(one, settle);
    return { window: window.id, state: window.state, payments: window.payments.length };
  }

  #settle(window: ModelWindow, post: Post): void {
    const { id, ledger, payments } = window;
    const nets = this.#netsOf(payments);
    const transfers = this.#transfersOf(window, nets);
    const failed = transfers === undefined || (transfers.length > 0 && post(transfers).failure !== undefined);
    window.state = failed ? "failed" : "settled";
    const gross = payments.reduce((sum, { amount }) => sum + amount, 0n);
    const net = [...nets.values()].reduce((sum, amount) => (amount > 0n ? sum + amount : sum), 0n);
    this.events.push({ type: "windowClosed", ledger, window: id, gross, net, failed });
  }

  /** What each authority got less what it paid, by authority. */
  #netsOf(payments: readonly Cleared[]): ReadonlyMap<number, bigint> {
    const authorities = [...new Set(payments.flatMap(({ payer, payee }) => [payer, payee]))].sort((a, b) => a - b);
    const netOf = (authority: number): bigint =>
      payments.reduce((sum, { amount, payer, payee }) => {
        return sum + (payee === authority ? amount : 0n) - (payer === authority ? amount : 0n);
      }, 0n);
    return new Map(authorities.map((authority) => [authority, netOf(authority)]));
  }

  /** Who is below zero pays into the hub, then who is above is paid; undefined where one has no account for it. */
  #transfersOf({ id, ledger }: ModelWindow, nets: ReadonlyMap<number, bigint>): ModelPosting[] | undefined {
    const { hubAccount } = this.#hubOf(ledger);
    const moving = [...nets].filter(([, net]) => net !== 0n);
    const inOrder = [...moving.filter(([, net]) => net < 0n), ...moving.filter(([, net]) => net > 0n)];
    const transfers: ModelPosting[] = [];
    for (const [authority, net] of inOrder) {
      const account = this.#participants.get(`${ledger} ${authority}`);
      if (account === undefined) return undefined;
      const [debitAccountId, creditAccountId] = net < 0n ? [account, hubAccount] : [hubAccount, account];
      const amount = net < 0n ? -net : net;
      transfers.push({ ledger, amount, debitAccountId, creditAccountId, code: CODE, userData128: BigInt(id) });
    }
    return transfers;
  }

  #open(ledger: number): void {
    this.#windows.push({ id: this.#windows.length + 1, ledger, payments: [], closesAt: 0n, state: "open" });
  }

  #openWindow(ledger: number): ModelWindow | undefined {
    return this.#windows.find((window) => window.ledger === ledger && window.state === "open");
  }

  #hubOf(ledger: number): ConfigureSettlementBody {
    const hub = this.#hubs.get(ledger);
    if (hub === undefined) throw new Error(`ledger ${ledger} is not settled`);
    return hub;
  }
}
