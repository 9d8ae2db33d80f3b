/**
 * The clients of a run and what they do: first the admin and the bank's staff make the bank, step by step; then every
 * client works on its own until it is told to stop.
 */
import { must } from "../../node/base/assert.ts";
import type { Random } from "../../node/base/ports/random.ts";
import type { Signer } from "../../node/wire/transaction.ts";
import type { History } from "../check/history.ts";
import type { Verdict } from "../check/verdict.ts";
import { exponential } from "../draw.ts";
import type { OperationMix, WorkloadOptions } from "../options.ts";
import type { Scheduler } from "../scheduler.ts";
import { amounts } from "./amounts.ts";
import { type BankKeys, hotPurses, rotation, type SetupStep, setupSteps } from "./bank.ts";
import { Operations, type OperationsDeps, type OperationsOptions } from "./operations.ts";
import type { Receipts } from "./receipts.ts";
import { type Outcome, SimClient, type SimClientDeps } from "./sim-client.ts";

/** Addresses of clients; nodes have the small numbers. */
const FIRST_CLIENT = 101;
const NOTHING: OperationMix = {
  ...{ transfer: 0, hold: 0, chain: 0, readAccount: 0, readStale: 0, readTransfer: 0, retry: 0, payment: 0 },
};
const READER: OperationMix = { ...NOTHING, readAccount: 3, readStale: 1, readTransfer: 1 };
/** The bank replaces a key after some pauses of a client. */
const ROTATION_PAUSES_MAX = 20;
/** Readers ask so many times more often than others. */
const READER_HASTE = 3;
/** The shop takes cards, and has no accounts to move money between. */
const SHOP: OperationMix = { ...NOTHING, payment: 3, retry: 1 };

export interface WorkloadDeps extends Omit<SimClientDeps, "complain"> {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly verdict: Verdict;
  readonly history: History;
  readonly receipts: Receipts;
  readonly keys: BankKeys;
}

export class Workload {
  readonly #deps: WorkloadDeps;
  readonly #options: WorkloadOptions;
  readonly #admin: SimClient;
  readonly #bank: readonly SimClient[];
  readonly #shop: SimClient;
  readonly #opened = new Set<SimClient>();
  readonly #operations: Operations[] = [];
  #working = true;

  /** `expiry` is the log time until which all transactions of the run are good. */
  constructor(deps: WorkloadDeps, options: WorkloadOptions, expiry: bigint) {
    this.#deps = deps;
    this.#options = options;
    const { admin, bank, shop } = deps.keys;
    const complain = (message: string): void => deps.verdict.fail("protocol", message);
    const [adminClient, ...others] = [admin, ...bank, shop].map((signer, index) => {
      const own = { ...deps, complain, random: deps.random.fork(`client ${index}`) };
      const { requestTimeoutUs } = options;
      const common = { endpoint: FIRST_CLIENT + index, requestTimeoutUs, expiry };
      const { cosigner } = deps.keys;
      return new SimClient(own, bank.includes(signer) ? { ...common, cosigner } : common, signer);
    });
    this.#admin = must(adminClient, "there is an admin");
    this.#shop = must(others.pop(), "there is a shop");
    this.#bank = others;
  }

  /** Addresses of all clients of a run with these options. */
  static endpoints(options: WorkloadOptions): readonly number[] {
    return Array.from({ length: options.tellers + options.readers + 2 }, (_, index) => FIRST_CLIENT + index);
  }

  /** Makes the bank; then work begins. */
  start(): void {
    this.#setUp(setupSteps(this.#deps.keys, this.#deps.nodes.length, this.#options));
  }

  /** No new operations; what is asked already goes on. */
  stop(): void {
    this.#working = false;
  }

  /** Requests that wait for an outcome. */
  get open(): number {
    return this.#clients.reduce((sum, client) => sum + client.open, 0);
  }

  /** One more transfer: the cluster must still take it. Where no client has come so far as to work, there is none. */
  last(done: () => void): void {
    const operations = this.#operations[0];
    if (operations === undefined) done();
    else operations.last(done);
  }

  /** Who waits for what, for a report of a run that does not end. */
  describe(): string {
    return this.#clients
      .filter((client) => client.open > 0)
      .map((client) => client.describe())
      .join("; ");
  }

  get #clients(): readonly SimClient[] {
    return [this.#admin, ...this.#bank, this.#shop];
  }

  #setUp([step, ...rest]: readonly SetupStep[]): void {
    if (step === undefined) {
      this.#startWork();
      return;
    }
    const clients = { admin: this.#admin, bank: must(this.#bank[0], "the bank has a client"), shop: this.#shop };
    const client = clients[step.signer];
    this.#openSession(client, () => this.#must(client, client.sign(step.command), () => this.#setUp(rest)));
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
    const { random } = this.#deps;
    const { tellers, cards, mix } = this.#options;
    const shared = { recent: [], nextAmount: amounts(random.fork("amounts")) };
    this.#bank.forEach((client, index) => {
      const own = { ...shared, random: random.fork(`work ${index}`) };
      this.#employ(client, own, { mix: index < tellers ? mix : READER, channel: "wallet" });
    });
    const pauses = 1 + random.fork("rotation").below(ROTATION_PAUSES_MAX);
    this.#deps.scheduler.after(pauses * this.#options.thinkUs, () => this.#rotate());
    if (cards) this.#employ(this.#shop, { ...shared, random: random.fork("shop") }, { mix: SHOP, channel: "card" });
  }

  /** Replaces a key of the bank under way; from then on it is none, in the session that has used it, too. */
  #rotate(): void {
    if (!this.#working) return;
    const { keys, nodes, receipts, verdict } = this.#deps;
    const client = must(this.#bank[0], "the bank has a client");
    this.#must(client, client.sign(rotation(keys, nodes.length)), () => {
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
    own: Pick<OperationsDeps, "random" | "recent" | "nextAmount">,
    job: Omit<OperationsOptions, "purses">,
  ): void {
    const { history, receipts, verdict, scheduler } = this.#deps;
    const deps = { ...own, client, history, receipts, verdict, nowUs: () => scheduler.nowUs };
    const { hotAccounts, thinkUs } = this.#options;
    const operations = new Operations(deps, { ...job, purses: hotPurses(hotAccounts) });
    this.#openSession(client, () => {
      if (client !== this.#shop) this.#operations.push(operations);
      this.#work(client, operations, own.random.fork("pauses"), job.mix === READER ? thinkUs / READER_HASTE : thinkUs);
    });
  }

  #work(client: SimClient, operations: Operations, random: Random, thinkUs: number): void {
    const { inFlightMax } = this.#options;
    const again = (): void => {
      if (!this.#working) return;
      if (client.open < inFlightMax) operations.next();
      this.#deps.scheduler.after(1 + exponential(random, thinkUs), again);
    };
    again();
  }
}

function codeOf(outcome: Outcome): string {
  return outcome.kind === "refused" ? outcome.code : outcome.kind;
}

/** The keys of a run's people. */
export function bankKeys(ring: { create(label: string): Signer }, { tellers, readers }: WorkloadOptions): BankKeys {
  const bank = Array.from({ length: tellers + readers }, (_, index) => ring.create(`bank ${index}`));
  const [cosigner, leaver, joiner] = ["cosigner", "leaver", "joiner"].map((name) => ring.create(name)) as [
    ...[Signer, Signer, Signer],
  ];
  return { admin: ring.create("admin"), bank, cosigner, leaver, joiner, shop: ring.create("shop") };
}
