/**
 * Clearing and settlement: captured payments add to the open window of their currency; when the window ends, each
 * participant pays or receives its multilateral net, through the hub account, all transfers or none.
 *
 * A window's time runs from its first payment, so an idle currency closes nothing. A window whose transfers the ledger
 * refuses (no liquidity, no settlement account) is `failed`, keeps its positions, and is tried again whenever the next
 * window closes or an operator asks; a new window is open meanwhile.
 */
import { assert, must } from "../../base/assert.ts";
import { PARTICIPANTS_MAX, SETTLEMENT_CURRENCIES_MAX } from "../../base/limits.ts";
import { APART_RELEASE } from "../../base/release.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import type { ConfigureParticipantBody, ConfigureSettlementBody } from "../../wire/kinds.ts";
import type { Refusal } from "../../wire/results.ts";
import type { Moment } from "../moment.ts";
import { type Posting, type Postings, TRANSFER_CODES } from "../postings.ts";
import type { StateTable } from "../table.ts";
import { type Net, netPositions } from "./netting.ts";
import { type Position, type SettlementWindow, settlementTables } from "./rows.ts";

const NS_PER_SECOND = 1_000_000_000n;

/** A captured payment, as settlement sees it. */
export interface Captured {
  readonly ledger: number;
  readonly amount: bigint;
  /** Authority whose money it was. */
  readonly payer: number;
  /** Authority whose money it becomes. */
  readonly payee: number;
}

export class Settlement {
  readonly #ledger: Ledger;
  readonly #postings: Postings;
  readonly #t: ReturnType<typeof settlementTables> = settlementTables();
  readonly tables: readonly StateTable[] = [
    this.#t.currencies,
    this.#t.participants,
    this.#t.windows,
    this.#t.positions,
  ];
  readonly #currencySlot = new Map<number, number>();
  readonly #participantSlot = new Map<string, number>();
  /** Slots of each window's positions, in the order of their first payment. */
  readonly #positionSlots: Map<number, number>[] = [];
  /** Ids of windows that are closed and not settled, by ledger, oldest first. */
  readonly #unsettled = new Map<number, number[]>();

  constructor(ledger: Ledger, postings: Postings) {
    this.#ledger = ledger;
    this.#postings = postings;
  }

  configure({ release }: Moment, body: ConfigureSettlementBody): Refusal | undefined {
    const hub = this.#ledger.lookupAccount(body.hubAccount);
    if (hub === undefined) return "not_found";
    if (hub.ledger !== body.ledger) return "invalid";
    if (release >= APART_RELEASE && this.#settlesWith(body.ledger, body.hubAccount)) return "invalid";
    const slot = this.#currencySlot.get(body.ledger);
    if (slot !== undefined) {
      const { window } = this.#t.currencies.row(slot);
      this.#t.currencies.replace(slot, { ...body, window });
      return undefined;
    }
    if (this.#t.currencies.size === SETTLEMENT_CURRENCIES_MAX) return "limit_reached";
    const window = this.#openWindow(body.ledger);
    this.#currencySlot.set(body.ledger, this.#t.currencies.add({ ...body, window }));
    return undefined;
  }

  /** Names the settlement account of an authority that exists. */
  configureParticipant({ release }: Moment, body: ConfigureParticipantBody): Refusal | undefined {
    const account = this.#ledger.lookupAccount(body.settlementAccount);
    if (account === undefined) return "not_found";
    if (account.ledger !== body.ledger) return "invalid";
    if (this.#ledger.accountAuthority(body.settlementAccount) !== body.authority) return "not_authorized";
    if (release >= APART_RELEASE && this.#isHub(body.ledger, body.settlementAccount)) return "invalid";
    const key = participantKey(body.authority, body.ledger);
    const slot = this.#participantSlot.get(key);
    if (slot !== undefined) this.#t.participants.replace(slot, body);
    else if (this.#participantsOf(body.ledger) >= PARTICIPANTS_MAX) return "limit_reached";
    else this.#participantSlot.set(key, this.#t.participants.add(body));
    return undefined;
  }

  /**
   * Whether a payment between the two authorities may be made: where the currency is settled here, both must have an
   * account to settle with, or its window could never be settled.
   */
  takes(ledger: number, payer: number, payee: number): boolean {
    if (payer === payee || !this.#currencySlot.has(ledger)) return true;
    return [payer, payee].every((authority) => this.#participantSlot.has(participantKey(authority, ledger)));
  }

  /** Adds a captured payment to the open window; tells the window's id, 0 where the currency is not settled here. */
  record(moment: Moment, payment: Captured): number {
    const slot = this.#currencySlot.get(payment.ledger);
    if (slot === undefined) return 0;
    const { window, windowSeconds } = this.#t.currencies.row(slot);
    const before = this.#t.windows.row(window - 1);
    const opened =
      before.payments === 0
        ? { openedAt: moment.timestamp, closesAt: moment.timestamp + BigInt(windowSeconds) * NS_PER_SECOND }
        : {};
    const sums = { payments: before.payments + 1, gross: before.gross + payment.amount };
    this.#t.windows.replace(window - 1, { ...before, ...opened, ...sums });
    this.#addPosition(window, payment.payer, payment.amount, 0n);
    this.#addPosition(window, payment.payee, 0n, payment.amount);
    return window;
  }

  /** The earliest end of an open window with payments in it. */
  nextDeadline(): bigint | undefined {
    let earliest: bigint | undefined;
    for (const { window } of this.#t.currencies.rows()) {
      const { payments, closesAt } = this.#t.windows.row(window - 1);
      if (payments > 0 && (earliest === undefined || closesAt < earliest)) earliest = closesAt;
    }
    return earliest;
  }

  /** Closes every window that has ended by the moment. What finds no timestamps left waits for the next block. */
  closeEnded(moment: Moment): void {
    for (const { ledger, window } of this.#t.currencies.rows()) {
      const { payments, closesAt } = this.#t.windows.row(window - 1);
      if (payments > 0 && closesAt <= moment.timestamp && moment.slotsLeft >= PARTICIPANTS_MAX) {
        this.close(moment, ledger);
      }
    }
  }

  /** Closes a currency's open window now, after another try at those that failed; undefined where none is settled. */
  close(moment: Moment, ledger: number): SettlementWindow | undefined {
    const slot = this.#currencySlot.get(ledger);
    if (slot === undefined) return undefined;
    const currency = this.#t.currencies.row(slot);
    const open = currency.window;
    const window = this.#t.windows.row(open - 1);
    if (window.payments > 0) {
      this.#t.windows.replace(open - 1, { ...window, state: "closed", closedAt: moment.timestamp });
      this.#t.currencies.replace(slot, { ...currency, window: this.#openWindow(ledger) });
      this.#unsettledOf(ledger).push(open);
    }
    const unsettled = this.#unsettledOf(ledger);
    // Those that fail again and again must not take all timestamps from the one that closes now.
    const isLater = (id: number): number => (moment.release >= APART_RELEASE && id !== open ? 1 : 0);
    const inOrder = unsettled.toSorted((a, b) => isLater(a) - isLater(b));
    const settled = new Set(inOrder.filter((id) => this.#settle(moment, id)));
    this.#unsettled.set(
      ledger,
      unsettled.filter((id) => !settled.has(id)),
    );
    return this.#t.windows.row(open - 1);
  }

  windows(ledger: number): readonly SettlementWindow[] {
    return this.#t.windows.rows().filter((window) => window.ledger === ledger);
  }

  /** Of all currencies. */
  get windowCount(): number {
    return this.#t.windows.size;
  }

  window(id: number): SettlementWindow | undefined {
    return id >= 1 && id <= this.#t.windows.size ? this.#t.windows.row(id - 1) : undefined;
  }

  /** The window of a currency that takes payments now. */
  openWindowOf(ledger: number): SettlementWindow | undefined {
    const slot = this.#currencySlot.get(ledger);
    return slot === undefined ? undefined : this.#t.windows.row(this.#t.currencies.row(slot).window - 1);
  }

  /** Positions of a window that exists, ascending by authority. */
  positions(window: number): readonly Position[] {
    const slots = must(this.#positionSlots[window - 1], `there is no window ${window}`);
    return [...slots.values()].map((slot) => this.#t.positions.row(slot)).sort((a, b) => a.authority - b.authority);
  }

  /** What must hold after every block. */
  checkInvariants(): void {
    for (const { id, gross } of this.#t.windows.rows()) {
      const positions = this.positions(id);
      const debit = positions.reduce((sum, position) => sum + position.debit, 0n);
      const credit = positions.reduce((sum, position) => sum + position.credit, 0n);
      assert(debit === gross && credit === gross, `the positions of window ${id} do not add up to its payments`);
    }
  }

  restored(): void {
    this.#t.currencies.rows().forEach((row, slot) => {
      this.#currencySlot.set(row.ledger, slot);
    });
    this.#t.participants.rows().forEach((row, slot) => {
      this.#participantSlot.set(participantKey(row.authority, row.ledger), slot);
    });
    for (const window of this.#t.windows.rows()) {
      this.#positionSlots.push(new Map());
      if (window.state === "closed" || window.state === "failed") this.#unsettledOf(window.ledger).push(window.id);
    }
    this.#t.positions.rows().forEach((row, slot) => {
      must(this.#positionSlots[row.window - 1], "a position without a window").set(row.authority, slot);
    });
  }

  #isHub(ledger: number, account: bigint): boolean {
    const slot = this.#currencySlot.get(ledger);
    return slot !== undefined && this.#t.currencies.row(slot).hubAccount === account;
  }

  /** Whether an account is a participant's settlement account. */
  #settlesWith(ledger: number, account: bigint): boolean {
    return this.#t.participants.rows().some((row) => row.ledger === ledger && row.settlementAccount === account);
  }

  #openWindow(ledger: number): number {
    const id = this.#t.windows.size + 1;
    const times = { openedAt: 0n, closesAt: 0n, closedAt: 0n };
    this.#t.windows.add({ id, ledger, state: "open", ...times, payments: 0, gross: 0n, net: 0n, failure: "" });
    this.#positionSlots.push(new Map());
    return id;
  }

  #unsettledOf(ledger: number): number[] {
    let windows = this.#unsettled.get(ledger);
    if (windows === undefined) {
      windows = [];
      this.#unsettled.set(ledger, windows);
    }
    return windows;
  }

  #participantsOf(ledger: number): number {
    return this.#t.participants.rows().filter((row) => row.ledger === ledger).length;
  }

  #addPosition(window: number, authority: number, debit: bigint, credit: bigint): void {
    const slots = must(this.#positionSlots[window - 1], `there is no window ${window}`);
    const slot = slots.get(authority);
    if (slot === undefined) {
      slots.set(authority, this.#t.positions.add({ window, authority, debit, credit }));
      return;
    }
    const before = this.#t.positions.row(slot);
    const after = { ...before, debit: before.debit + debit, credit: before.credit + credit };
    this.#t.positions.replace(slot, after);
  }

  /** Tries to settle a closed window; true when it is done. */
  #settle(moment: Moment, id: number): boolean {
    const window = this.#t.windows.row(id - 1);
    if (moment.slotsLeft < PARTICIPANTS_MAX) return false;
    const { nets, total } = netPositions(this.positions(id));
    const failure = this.#transferNets(moment, window, nets);
    const state = failure === undefined ? "settled" : "failed";
    this.#t.windows.replace(id - 1, { ...window, state, net: total, failure: failure ?? "" });
    const failed = failure !== undefined;
    const { ledger, gross } = window;
    moment.events.push({ type: "windowClosed", ledger, window: id, gross, net: total, failed });
    return !failed;
  }

  /** Net senders pay into the hub, then the hub pays net receivers; undefined when done, else what stood against it. */
  #transferNets(moment: Moment, window: SettlementWindow, nets: readonly Net[]): string | undefined {
    const moving = nets.filter((net) => net.amount !== 0n);
    if (moving.length === 0) return undefined;
    if (moving.length > PARTICIPANTS_MAX) return "too_many_participants";
    const { ledger } = window;
    const { hubAccount } = this.#t.currencies.row(must(this.#currencySlot.get(ledger), "a window without a currency"));
    const postings: Posting[] = [];
    const payIn = moving.filter(({ amount }) => amount < 0n);
    const arePaid = moving.filter(({ amount }) => amount > 0n);
    for (const { authority, amount } of [...payIn, ...arePaid]) {
      const slot = this.#participantSlot.get(participantKey(authority, ledger));
      if (slot === undefined) return `no_settlement_account:${authority}`;
      const account = this.#t.participants.row(slot).settlementAccount;
      const id = this.#postings.transferId(moment, "settlement", BigInt(window.id), BigInt(authority));
      const common = { id, ledger, code: TRANSFER_CODES.settlement, userData128: BigInt(window.id) };
      if (amount < 0n) {
        postings.push({ ...common, amount: -amount, debitAccountId: account, creditAccountId: hubAccount });
      } else postings.push({ ...common, amount, debitAccountId: hubAccount, creditAccountId: account });
    }
    const before = this.#hubBalance(hubAccount);
    const failure = this.#postings.post(moment, postings);
    assert(this.#hubBalance(hubAccount) === before, `settling window ${window.id} left money in the hub account`);
    return failure;
  }

  #hubBalance(account: bigint): bigint {
    const { debitsPosted, creditsPosted } = must(this.#ledger.lookupAccount(account), "the hub account is gone");
    return creditsPosted - debitsPosted;
  }
}

function participantKey(authority: number, ledger: number): string {
  return `${authority}:${ledger}`;
}
