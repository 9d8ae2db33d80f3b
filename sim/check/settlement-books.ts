/**
 * Settlement, added up again from the captured payments and from who owns the accounts that they moved money between
 * (docs/payments.md): each payment is in one window, each window has the positions that follow from its payments and ends
 * when it must, and the transfers of a settled one are its nets. The node is asked for its payments and windows; what its
 * ledger did stands in the reference ledger.
 */
import type { Command } from "../../node/wire/body.ts";
import { ALL_SEEING, type Readable } from "./readers.ts";
import type { ModelTransfer, ReferenceLedger } from "./reference-ledger.ts";
import { expectSame } from "./same.ts";
import type { Verdict } from "./verdict.ts";

const RULE = "settlement";
const PAGE = 1_000;
/** A node shows so many windows of a currency, the newest. */
const WINDOWS_SHOWN = 32;
const NS_PER_SECOND = 1_000_000_000n;
/** Code of the transfers that settle. */
const SETTLEMENT_CODE = 3;
/** A window is closed at the beginning of a block, whose payments are captured a little later. */
const BLOCK_NS = 10_000_000n;

/** Terms of a currency that is settled. */
interface Currency {
  readonly windowSeconds: number;
}

interface CapturedPayment {
  readonly amount: bigint;
  readonly capturedAt: bigint;
  /** The pending transfer that was posted. */
  readonly hold: bigint;
}

interface Window {
  readonly id: number;
  readonly state: string;
  readonly openedAt: string;
  readonly closesAt: string;
}

interface Position {
  debit: bigint;
  credit: bigint;
}

export class SettlementBooks {
  readonly #verdict: Verdict;
  readonly #reference: Pick<ReferenceLedger, "transfer" | "transfers" | "authorityOf">;
  readonly #currencies = new Map<number, Currency>();
  /** Accounts to settle with, by currency and authority. */
  readonly #accounts = new Map<string, bigint>();

  constructor(verdict: Verdict, reference: Pick<ReferenceLedger, "transfer" | "transfers" | "authorityOf">) {
    this.#verdict = verdict;
    this.#reference = reference;
  }

  /** A command was carried out that the reference bank does not predict; a currency's terms are set once in a run. */
  executed(command: Command): void {
    if (command.kind === "configureSettlement") this.#currencies.set(command.body.ledger, command.body);
    if (command.kind !== "configureParticipant") return;
    const { ledger, authority, settlementAccount } = command.body;
    this.#accounts.set(`${ledger} ${authority}`, settlementAccount);
  }

  /** A node that has applied just the blocks that the reference ledger has shows windows that follow from its payments. */
  compare(state: Readable, where: () => string): void {
    for (const [ledger, currency] of this.#currencies) {
      const answer = state.query({ type: "settlement", ledger }, ALL_SEEING);
      if (answer.type !== "settlement") return;
      const captured = capturedPayments(state, ledger);
      for (const { positions, gross, payments, ...window } of answer.windows) {
        const own = captured.get(window.id) ?? [];
        captured.delete(window.id);
        const inWindow = (): string => `${where()}: window ${window.id}`;
        const expected = this.#positions(own);
        const shown = positions.map(({ authority, debit, credit }) => ({ authority, debit, credit }));
        const sum = own.reduce((total, { amount }) => total + amount, 0n).toString();
        const rows = [...expected].map(([authority, { debit, credit }]) => {
          return { authority, debit: debit.toString(), credit: credit.toString() };
        });
        const all = { payments: own.length, gross: sum, positions: rows.sort((a, b) => a.authority - b.authority) };
        expectSame(this.#verdict, RULE, { payments, gross, positions: shown }, all, inWindow);
        this.#checkTimes({ window, own, currency, now: BigInt(answer.timestamp) }, inWindow);
        this.#checkTransfers({ window, expected, ledger }, inWindow);
      }
      const [oldest] = answer.windows.length < WINDOWS_SHOWN ? [] : answer.windows;
      const lost = [...captured.keys()].find((id) => oldest === undefined || id === 0 || id > oldest.id);
      const why = (): string => `${where()}: payments are captured in a window ${lost} that there is not`;
      this.#verdict.expect(lost === undefined, RULE, why);
    }
  }

  /** Whose money the payments were and whose they became, by the accounts of their holds. */
  #positions(payments: readonly CapturedPayment[]): Map<number, Position> {
    const positions = new Map<number, Position>();
    const of = (account: bigint | undefined): Position => {
      const authority = (account === undefined ? undefined : this.#reference.authorityOf(account)) ?? 0;
      const position = positions.get(authority) ?? { debit: 0n, credit: 0n };
      positions.set(authority, position);
      return position;
    };
    for (const { hold, amount } of payments) {
      const transfer = this.#reference.transfer(hold);
      of(transfer?.debitAccountId).debit += amount;
      of(transfer?.creditAccountId).credit += amount;
    }
    return positions;
  }

  #checkTimes(
    {
      window,
      own,
      currency,
      now,
    }: { window: Window; own: readonly CapturedPayment[]; currency: Currency; now: bigint },
    where: () => string,
  ): void {
    if (own.length === 0) return;
    const times = own.map(({ capturedAt }) => capturedAt);
    const first = times.reduce((a, b) => (a < b ? a : b));
    const last = times.reduce((a, b) => (a > b ? a : b));
    const end = first + BigInt(currency.windowSeconds) * NS_PER_SECOND;
    const { openedAt, closesAt } = window;
    const expected = { openedAt: first.toString(), closesAt: end.toString() };
    expectSame(this.#verdict, RULE, { openedAt, closesAt }, expected, where);
    const late = (): string => `${where()} ends at ${end}, and took a payment at ${last}`;
    this.#verdict.expect(last < end + BLOCK_NS, RULE, late);
    const isOver = window.state !== "open" || now < end + BLOCK_NS;
    this.#verdict.expect(isOver, RULE, () => `${where()} ends at ${end}, and is open at ${now}`);
  }

  /** Participants have got their nets by the window's transfers, and nobody else anything, the hub least of all. */
  #checkTransfers(
    { window, expected, ledger }: { window: Window; expected: ReadonlyMap<number, Position>; ledger: number },
    where: () => string,
  ): void {
    const nets = new Map<bigint, bigint>();
    const add = (account: bigint, amount: bigint): void => {
      nets.set(account, (nets.get(account) ?? 0n) + amount);
    };
    if (window.state === "settled") {
      for (const [authority, { debit, credit }] of expected) {
        add(this.#accounts.get(`${ledger} ${authority}`) ?? 0n, debit - credit);
      }
    }
    const isOfWindow = ({ code, userData128 }: ModelTransfer): boolean =>
      code === SETTLEMENT_CODE && userData128 === BigInt(window.id);
    for (const { debitAccountId, creditAccountId, amount } of this.#reference.transfers.filter(isOfWindow)) {
      add(debitAccountId, -amount);
      add(creditAccountId, amount);
    }
    const [wrong] = [...nets].filter(([, rest]) => rest !== 0n);
    this.#verdict.expect(
      wrong === undefined,
      RULE,
      () => `${where()}: account ${wrong?.[0]} is ${wrong?.[1]} off its net`,
    );
  }
}

/** All captured payments of a currency, by their windows. */
function capturedPayments(state: Readable, ledger: number): Map<number, CapturedPayment[]> {
  const captured = new Map<number, CapturedPayment[]>();
  for (let after = 0; ; ) {
    const page = state.query({ type: "payments", state: "captured", after, limit: PAGE }, ALL_SEEING);
    if (page.type !== "payments") return captured;
    for (const { ledger: currency, window, amount, updatedAt, hold } of page.payments) {
      if (currency !== ledger) continue;
      const payments = captured.get(window) ?? [];
      payments.push({ amount: BigInt(amount), capturedAt: BigInt(updatedAt), hold: BigInt(hold) });
      captured.set(window, payments);
    }
    if (page.next === 0) return captured;
    after = page.next;
  }
}
