/**
 * The clients of a run and what they do: first the admin and the bank's staff make the bank, step by step; then every
 * client works on its own until it is told to stop.
 */
import { must } from "../../node/base/assert.ts";
import type { Random } from "../../node/base/ports/random.ts";
import type { Account, Transfer } from "../../node/ledger/records.ts";
import type { Signer } from "../../node/wire/transaction.ts";
import type { Authenticity } from "../check/authenticity.ts";
import type { Backups } from "../check/backups.ts";
import type { History } from "../check/history.ts";
import type { PastStates } from "../check/past-states.ts";
import type { Verdict } from "../check/verdict.ts";
import { exponential } from "../draw.ts";
import type { Reached } from "../reached.ts";
import type { Scheduler } from "../scheduler.ts";
import { EPOCH_MS } from "../virtual-clock.ts";
import { amounts } from "./amounts.ts";
import { Auditor } from "./auditor.ts";
import { BackupTaker } from "./backup-taker.ts";
import {
  authoritySteps,
  type BankKeys,
  bankAuthority,
  bankSteps,
  DELEGATES,
  hotPurses,
  rotation,
  type SetupStep,
} from "./bank.ts";
import { Clerk } from "./clerk.ts";
import { Crowd } from "./crowd.ts";
import { Intruder } from "./intruder.ts";
import { Operations, type OperationsDeps, type OperationsOptions } from "./operations.ts";
import { type Addable, Operator, type OperatorDeps } from "./operator.ts";
import { ACCOUNT_READER, READER, SHOP, type WorkloadOptions } from "./options.ts";
import type { Receipts } from "./receipts.ts";
import { Reviewer } from "./reviewer.ts";
import { codeOf, SimClient, type SimClientDeps } from "./sim-client.ts";

/** Addresses of clients; nodes have the small numbers. */
const FIRST_CLIENT = 101;
/** Clients that are neither tellers nor readers: the admin, the shop, the desk, the auditor, delegates. */
const OTHERS = 4 + DELEGATES;
const NS_PER_US = 1_000n;
const NS_PER_MS = 1_000_000n;
/** The bank replaces a key after some pauses of a client. */
const ROTATION_PAUSES_MAX = 20;
/** Readers ask so many times more often than others. */
const READER_HASTE = 3;
/** So many reads may be answered by a lease, of those who read in other ways, too. */
const BY_LEASE_PERMILLE = 500;

export interface WorkloadDeps
  extends Omit<SimClientDeps, "complain" | "authenticity">,
    Pick<OperatorDeps, "lose" | "remove" | "start" | "mayWant" | "pastMembers" | "release"> {
  readonly authenticity: Authenticity;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly verdict: Verdict;
  readonly history: History;
  readonly receipts: Receipts;
  readonly keys: BankKeys;
  readonly past: PastStates;
  readonly backups: Backups;
  readonly reached: Reached;
  /** Turns, counted over all clients, at which nothing is asked. */
  readonly leftOut: (turn: number) => boolean;
  /** All nodes, by id. */
  readonly addable: readonly Addable[];
}

/** All clients of a run, whether they have something to do or not. */
interface Clients {
  readonly admin: SimClient;
  readonly bank: readonly SimClient[];
  readonly shop: SimClient;
  readonly desk: SimClient;
  readonly delegates: readonly SimClient[];
  readonly auditor: SimClient;
  readonly operator: SimClient | undefined;
  readonly backups: SimClient | undefined;
  readonly crowd: SimClient | undefined;
  readonly reviewer: SimClient | undefined;
}

export class Workload {
  readonly #deps: WorkloadDeps;
  readonly #options: WorkloadOptions;
  readonly #clients: Clients;
  readonly #auditor: Auditor;
  /** Transfers that the auditor has heard of. */
  readonly #seen: Transfer[] = [];
  /** Payments that nobody has decided about yet. */
  readonly #inReview: bigint[] = [];
  readonly #opened = new Set<SimClient>();
  readonly #operations: Operations[] = [];
  #working = true;
  #hasBegun = false;
  #turns = 0;

  /** `expiry` is the log time until which all transactions of the run are good. */
  constructor(deps: WorkloadDeps, options: WorkloadOptions, expiry: bigint) {
    this.#deps = deps;
    this.#options = options;
    const { admin, bank, shop, desk, delegates, auditor, operator, cosigner } = deps.keys;
    const complain = (message: string): void => deps.verdict.fail("protocol", message);
    const { requestTimeoutUs } = options;
    let clients = 0;
    const client = (signer: Signer, special: { readonly cosigner?: Signer } = {}): SimClient => {
      const own = { ...deps, complain, random: deps.random.fork(`client ${clients}`) };
      return new SimClient(own, { endpoint: FIRST_CLIENT + clients++, requestTimeoutUs, expiry, ...special }, signer);
    };
    this.#clients = {
      admin: client(admin),
      bank: bank.map((signer) => client(signer, { cosigner })),
      shop: client(shop),
      desk: client(desk, { cosigner }),
      delegates: delegates.map((signer) => client(signer)),
      auditor: client(auditor),
      operator: options.operator === undefined ? undefined : client(operator),
      // Who may read all may take a backup.
      backups: options.backups === undefined ? undefined : client(auditor),
      // An admin is an operator, too.
      reviewer: options.reviewer === undefined ? undefined : client(admin),
      crowd: options.crowd === undefined ? undefined : client(auditor),
    };
    const untouched = new Set(hotPurses(options.hotAccounts).flatMap((purse) => purse.accounts));
    const reading = { client: this.#clients.auditor, random: deps.random.fork("auditor"), untouched, seen: this.#seen };
    this.#auditor = new Auditor({ ...deps, ...reading });
  }

  /** Addresses of all clients of a run with these options. */
  static endpoints({
    tellers,
    readers,
    operator,
    backups,
    reviewer,
    crowd,
    intruder,
  }: WorkloadOptions): readonly number[] {
    const some = [operator, backups, reviewer, crowd, intruder].filter((one) => one !== undefined).length;
    const clients = tellers + readers + OTHERS + some;
    return Array.from({ length: clients }, (_, index) => FIRST_CLIENT + index);
  }

  /** Makes the bank; then work begins. Members change from as soon as there is somebody who may change them. */
  start(): void {
    const { keys, founders } = this.#deps;
    this.#setUp(authoritySteps(keys, this.#options), () => {
      this.#employOperator();
      this.#letIn();
      this.#setUp(bankSteps(founders, this.#options), () => this.#startWork());
    });
  }

  /** No new operations; what is asked already goes on. */
  stop(): void {
    this.#working = false;
  }

  /** Turns that clients have had so far. When they come follows from the pauses alone, whatever is left out. */
  get turns(): number {
    return this.#turns;
  }

  /** Whether the bank is made. */
  get isWorking(): boolean {
    return this.#hasBegun;
  }

  /** Requests that wait for an outcome. */
  get open(): number {
    return this.#all.reduce((sum, client) => sum + client.open, 0);
  }

  /** One more transfer: the cluster must still take it. Where no client has come so far as to work, there is none. */
  last(done: () => void): void {
    const operations = this.#operations[0];
    if (operations === undefined) done();
    else operations.last(done);
  }

  /** Who waits for what, for a report of a run that does not end. */
  describe(): string {
    return this.#all
      .filter((client) => client.open > 0)
      .map((client) => client.describe())
      .join("; ");
  }

  /** Has the auditor read the stream on, if it does not know all that happened up to a height; whether it does. */
  drained(height: number): boolean {
    if (!this.#options.auditor || !this.#auditor.isBehind(height)) return true;
    if (this.#clients.auditor.open === 0) this.#auditor.drain();
    return false;
  }

  /** What the auditor has made of the stream is what all accounts show, at rest. */
  audit(accounts: readonly Account[]): void {
    if (this.#options.auditor) this.#auditor.compare(accounts);
  }

  get #all(): readonly SimClient[] {
    const { admin, bank, shop, desk, delegates, auditor, operator, backups, reviewer, crowd } = this.#clients;
    const some = [operator, backups, reviewer, crowd].filter((client) => client !== undefined);
    return [admin, ...bank, shop, desk, ...delegates, auditor, ...some];
  }

  /** The first of the bank's clients. */
  get #head(): SimClient {
    return must(this.#clients.bank[0], "the bank has a client");
  }

  #setUp([step, ...rest]: readonly SetupStep[], then: () => void): void {
    if (step === undefined) {
      then();
      return;
    }
    const { admin, shop } = this.#clients;
    const client = { admin, bank: this.#head, shop }[step.signer];
    this.#openSession(client, () => this.#must(client, client.sign(step.command), () => this.#setUp(rest, then)));
  }

  #openSession(client: SimClient, then: () => void): void {
    if (this.#opened.has(client)) then();
    else {
      this.#opened.add(client);
      this.#must(client, client.sign({ kind: "sessionOpen" }), then);
    }
  }

  /** Submits something that must succeed. */
  #must(client: SimClient, transaction: Uint8Array, then: () => void): void {
    const { verdict, receipts } = this.#deps;
    client.ask({ kind: "submit", transaction }, (outcome) => {
      if (outcome.kind !== "receipt") {
        verdict.fail("refusals", `the bank got: ${JSON.stringify(outcome)}`);
        return;
      }
      const { status } = receipts.accept(transaction, outcome.receipt).result;
      verdict.expect(status === "ok", "refusals", () => `the bank got: ${status}`);
      then();
    });
  }

  #startWork(): void {
    const { random, reached } = this.#deps;
    this.#hasBegun = true;
    reached.add("workBegun");
    const { tellers, cards, mix, readersByLease, auditor, thinkUs } = this.#options;
    const shared = { recent: [], inReview: this.#inReview, nextAmount: amounts(random.fork("amounts")) };
    this.#clients.bank.forEach((client, index) => {
      const own = { ...shared, random: random.fork(`work ${index}`) };
      const readers = readersByLease ? { mix: ACCOUNT_READER, byLeasePermille: 1_000 } : { mix: READER };
      const job = index < tellers ? { mix } : readers;
      this.#employ(client, own, { byLeasePermille: BY_LEASE_PERMILLE, channel: "wallet", ...job });
    });
    const pauses = 1 + random.fork("rotation").below(ROTATION_PAUSES_MAX);
    this.#deps.scheduler.after(pauses * this.#options.thinkUs, () => this.#rotate());
    if (cards)
      this.#employ(
        this.#clients.shop,
        { ...shared, random: random.fork("shop") },
        { mix: SHOP, byLeasePermille: BY_LEASE_PERMILLE, channel: "card" },
      );
    this.#employClerk();
    if (auditor) this.#work(() => this.#auditor.next(), random.fork("audit"), thinkUs);
    this.#takeBackups();
    this.#employReviewer();
    this.#gatherCrowd();
  }

  /** Replaces a key of the bank under way; from then on it is none, in the session that has used it, too. */
  #rotate(): void {
    if (!this.#working) return;
    const { keys, founders, receipts, verdict } = this.#deps;
    const client = this.#head;
    this.#must(client, client.sign(rotation(keys, founders)), () => {
      const late = client.sign({ kind: "capturePayment", body: { id: 1n } }, keys.leaver);
      client.ask({ kind: "submit", transaction: late }, (outcome) => {
        // A node that lags lets it into the log: there it is refused, too.
        const code =
          outcome.kind === "receipt" ? receipts.accept(late, outcome.receipt).result.status : codeOf(outcome);
        verdict.expect(code === "unknown_cosigner", "refusals", () => `a revoked key signed, and got ${code}`);
      });
    });
  }

  #employ(
    client: SimClient,
    own: Pick<OperationsDeps, "random" | "recent" | "inReview" | "nextAmount">,
    job: Omit<OperationsOptions, "purses">,
  ): void {
    const { history, receipts, verdict, past, scheduler } = this.#deps;
    const deps = { ...own, client, history, receipts, verdict, past, nowUs: () => scheduler.nowUs };
    const { hotAccounts, thinkUs } = this.#options;
    const operations = new Operations(deps, { ...job, purses: hotPurses(hotAccounts) });
    this.#openSession(client, () => {
      if (client !== this.#clients.shop) this.#operations.push(operations);
      const isReader = job.mix === READER || job.mix === ACCOUNT_READER;
      const pause = isReader ? thinkUs / READER_HASTE : thinkUs;
      const next = (): void => {
        if (client.open < this.#options.inFlightMax) operations.next();
      };
      this.#work(next, own.random.fork("pauses"), pause);
    });
  }

  #employClerk(): void {
    const { history, receipts, verdict, reached, scheduler, keys, founders, random } = this.#deps;
    const { clerk, inFlightMax, thinkUs } = this.#options;
    if (clerk === undefined) return;
    const { admin, shop, desk, delegates } = this.#clients;
    const nowNs = (): bigint => BigInt(EPOCH_MS) * NS_PER_MS + BigInt(scheduler.nowUs) * NS_PER_US;
    const common = {
      random: random.fork("clerk"),
      history,
      receipts,
      verdict,
      reached,
      nowNs,
      cosigner: keys.cosigner,
    };
    const who = { desk, admin, shop, delegates, bank: bankAuthority(founders), seen: this.#seen };
    const working = new Clerk({ ...common, ...who }, clerk);
    const busy = [admin, shop, desk, ...delegates];
    const next = (): void => {
      if (busy.reduce((sum, client) => sum + client.open, 0) < inFlightMax) working.next();
    };
    this.#openSession(shop, () =>
      this.#openSession(desk, () => this.#work(next, random.fork("clerk's pauses"), thinkUs)),
    );
  }

  #takeBackups(): void {
    const { backups: options } = this.#options;
    const client = this.#clients.backups;
    if (client === undefined || options === undefined) return;
    const { random } = this.#deps;
    const taker = new BackupTaker({ ...this.#deps, client, random: random.fork("backups") }, options);
    this.#work(() => taker.next(), random.fork("pauses of backups"), options.thinkUs);
  }

  #employReviewer(): void {
    const { reviewer: options } = this.#options;
    const client = this.#clients.reviewer;
    if (client === undefined || options === undefined) return;
    const { random } = this.#deps;
    const own = { client, random: random.fork("reviewer"), inReview: this.#inReview };
    const reviewer = new Reviewer({ ...this.#deps, ...own }, options);
    const pauses = random.fork("reviewer's pauses");
    this.#openSession(client, () => this.#work(() => reviewer.next(), pauses, options.thinkUs));
  }

  #gatherCrowd(): void {
    const { crowd: options, hotAccounts } = this.#options;
    const client = this.#clients.crowd;
    if (client === undefined || options === undefined) return;
    const { random } = this.#deps;
    const own = { client, random: random.fork("crowd"), purses: hotPurses(hotAccounts) };
    const crowd = new Crowd({ ...this.#deps, ...own }, options);
    this.#work(() => crowd.next(), random.fork("crowd's pauses"), options.thinkUs);
  }

  #employOperator(): void {
    const { addable: nodes, random } = this.#deps;
    const { operator: options } = this.#options;
    const client = this.#clients.operator;
    if (client === undefined || options === undefined) return;
    const operator = new Operator({ ...this.#deps, client, nodes, random: random.fork("operator") }, options);
    const pauses = random.fork("operator's pauses");
    this.#openSession(client, () => this.#work(() => operator.next(), pauses, options.thinkUs));
  }

  /** Nobody waits for what an intruder does. */
  #letIn(): void {
    const { keys, random } = this.#deps;
    const { intruder: options } = this.#options;
    if (options === undefined) return;
    const endpoint = must(Workload.endpoints(this.#options).at(-1), "there are clients");
    const [careless = keys.admin] = keys.bank;
    const own = { ...this.#deps, endpoint, careless, signer: keys.intruder, random: random.fork("intruder") };
    const intruder = new Intruder(own, options);
    this.#work(() => intruder.next(), random.fork("intruder's pauses"), options.thinkUs);
  }

  /** Does something again and again, with pauses, while there is work. */
  #work(next: () => void, random: Random, thinkUs: number): void {
    const again = (): void => {
      if (!this.#working) return;
      this.#turns += 1;
      if (!this.#deps.leftOut(this.#turns)) next();
      this.#deps.scheduler.after(1 + exponential(random, thinkUs), again);
    };
    again();
  }
}
