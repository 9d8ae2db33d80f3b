/**
 * Measures the ledger by itself, on one core: no cluster, no disk, no signatures. Only the calls into it count, not the
 * making of batches; speed is told by processor time, all threads together, so that a neighbour's load does not show.
 */
import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { BATCH_RECORDS_MAX } from "../../../node/base/limits.ts";
import { Prng } from "../../../node/base/prng.ts";
import { AccountStatus, accountFilterFlags, Ledger, RESULT_BYTES, TransferStatus } from "../../../node/ledger/index.ts";
import { median, percentiles } from "../percentiles.ts";
import { Batches, CODES, USER_DATA_VALUES } from "./loads.ts";

/** Log time between batches. */
const BATCH_NS = 1_000_000n;
/** Batches of which one figure of speed is made; the median of all such is told. */
const ROUND_BATCHES = 10;
const WARM_UP_BATCHES = 30;
const SAMPLES = 10_000;
const QUERY_LIMIT = 100;

export interface LedgerBenchOptions {
  readonly accounts: number;
  /** Accounts of the load that measures their memory. */
  readonly manyAccounts: number;
  /** Transfers of the loads that measure memory, lookups and queries. */
  readonly transfers: number;
  /** Transfers of each other load. */
  readonly sample: number;
  readonly seed: number;
  readonly onStep: (what: string) => void;
}

/** The last line of `npm run bench:ledger -- --json`. */
export interface LedgerFigures {
  readonly risingIdsPerSecond: number;
  readonly randomIdsPerSecond: number;
  readonly twoPhasePerSecond: number;
  readonly linkedPerSecond: number;
  readonly bytesPerTransfer: number;
  readonly bytesPerAccount: number;
  readonly lookupP99Ms: number;
  /** 100 results of a query, the slowest kind. */
  readonly queryP99Ms: number;
}

/** A ledger with accounts, its batches, and the log time. */
class Bench {
  readonly ledger: Ledger = new Ledger();
  readonly batches: Batches;
  readonly #accounts: number;
  #time = 1_700_000_000_000_000_000n;

  constructor({ accounts, seed }: LedgerBenchOptions) {
    this.#accounts = accounts;
    this.batches = new Batches(accounts, seed);
  }

  openAccounts(accounts: number = this.#accounts): void {
    for (let first = 1; first <= accounts; first += BATCH_RECORDS_MAX) {
      const count = Math.min(BATCH_RECORDS_MAX, accounts - first + 1);
      this.#time += BATCH_NS;
      const results = this.ledger.createAccounts(this.batches.accounts(first, count), this.#time);
      expectAll(results, AccountStatus.created);
      // As a cluster does with every block.
      this.ledger.takeEffects();
    }
  }

  /** Creates transfers, and returns how many a second. */
  transfers(count: number, makers: readonly (() => Uint8Array)[]): number {
    const speeds: number[] = [];
    for (let done = 0; done < count; ) {
      let microseconds = 0;
      for (let i = 0; i < ROUND_BATCHES; i++) {
        const batch = (makers[i % makers.length] as () => Uint8Array)();
        this.#time += BATCH_NS;
        const before = process.cpuUsage();
        const results = this.ledger.createTransfers(batch, this.#time);
        const { user, system } = process.cpuUsage(before);
        microseconds += user + system;
        expectAll(results, TransferStatus.created);
      }
      const created = ROUND_BATCHES * BATCH_RECORDS_MAX;
      done += created;
      speeds.push((created * 1_000_000) / microseconds);
    }
    return Math.round(median(speeds));
  }
}

/** A load that was not carried out measures nothing. */
function expectAll(results: Uint8Array, status: number): void {
  const view = new DataView(results.buffer, results.byteOffset, results.byteLength);
  for (let at = 8; at < results.length; at += RESULT_BYTES) {
    if (view.getUint32(at, true) !== status)
      throw new Error(`event ${at / RESULT_BYTES} got status ${view.getUint32(at, true)}`);
  }
}

export function measureLedger(options: LedgerBenchOptions): LedgerFigures {
  warmUp(options);
  options.onStep("rising ids, memory, lookups");
  const rising = measureRising(options);
  options.onStep("random ids");
  const randomIdsPerSecond = measureLoad(options, ({ batches }) => [() => batches.random()]);
  options.onStep("two-phase");
  const twoPhasePerSecond = measureLoad(options, ({ batches }) => [() => batches.pending(), () => batches.posts()]);
  options.onStep("linked");
  const linkedPerSecond = measureLoad(options, ({ batches }) => [() => batches.linked()]);
  options.onStep("queries");
  const queryP99Ms = measureQueries(options);
  options.onStep("memory of accounts");
  const bytesPerAccount = measureAccountBytes(options);
  const { risingIdsPerSecond, bytesPerTransfer, lookupP99Ms } = rising;
  return {
    ...{ risingIdsPerSecond, randomIdsPerSecond, twoPhasePerSecond, linkedPerSecond },
    ...{ bytesPerTransfer, bytesPerAccount, lookupP99Ms, queryP99Ms },
  };
}

/** Every kind of batch, until the compiler has seen them all. */
function warmUp(options: LedgerBenchOptions): void {
  const bench = new Bench(options);
  bench.openAccounts();
  const { batches } = bench;
  const makers = [
    () => batches.rising(),
    () => batches.pending(),
    () => batches.posts(),
    () => batches.linked(),
    () => batches.random(),
  ];
  bench.transfers(WARM_UP_BATCHES * BATCH_RECORDS_MAX, makers);
}

function measureLoad(options: LedgerBenchOptions, makersOf: (bench: Bench) => (() => Uint8Array)[]): number {
  const bench = new Bench(options);
  bench.openAccounts();
  return bench.transfers(options.sample, makersOf(bench));
}

type RisingFigures = Pick<LedgerFigures, "risingIdsPerSecond" | "bytesPerTransfer" | "lookupP99Ms">;

function measureRising(options: LedgerBenchOptions): RisingFigures {
  const bench = new Bench(options);
  bench.openAccounts();
  const before = memoryUsed();
  const risingIdsPerSecond = bench.transfers(options.transfers, [() => bench.batches.rising()]);
  const { ledger } = bench;
  const bytesPerTransfer = round((memoryUsed() - before) / ledger.transferCount);
  const random = new Prng(options.seed);
  const lookupP99Ms = p99(() => {
    const id = BigInt(1 + random.below(ledger.transferCount));
    if (ledger.lookupTransfer(id) === undefined) throw new Error(`transfer ${id} is not there`);
  });
  return { risingIdsPerSecond, bytesPerTransfer, lookupP99Ms };
}

function measureAccountBytes(options: LedgerBenchOptions): number {
  const bench = new Bench(options);
  const before = memoryUsed();
  bench.openAccounts(options.manyAccounts);
  return round((memoryUsed() - before) / bench.ledger.accountCount);
}

/** 100 results by account, by user data, and by code in a range of time. */
function measureQueries(options: LedgerBenchOptions): number {
  const bench = new Bench(options);
  bench.openAccounts();
  bench.transfers(options.transfers, [() => bench.batches.labelled()]);
  const { ledger } = bench;
  const random = new Prng(options.seed);
  const times = [1, ledger.transferCount].map((id) => ledger.lookupTransfer(BigInt(id))?.timestamp ?? 0n);
  const [first = 0n, last = 0n] = times;
  const { debits, credits, reversed } = accountFilterFlags;
  const sides = debits | credits;
  const kinds = [
    () => {
      const flags = random.below(2) === 0 ? sides : sides | reversed;
      return ledger.getAccountTransfers({
        accountId: BigInt(1 + random.below(options.accounts)),
        limit: QUERY_LIMIT,
        flags,
      });
    },
    () => ledger.queryTransfers({ userData64: BigInt(1 + random.below(USER_DATA_VALUES)), limit: QUERY_LIMIT }),
    () => {
      const from = first + ((last - first) * BigInt(random.below(1_000))) / 1_000n;
      return ledger.queryTransfers({ code: 1 + random.below(CODES), timestampMin: from, limit: QUERY_LIMIT });
    },
  ];
  return Math.max(...kinds.map((query) => p99(query)));
}

function p99(act: () => unknown): number {
  const samples: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const startedAt = performance.now();
    act();
    samples.push(performance.now() - startedAt);
  }
  return percentiles(samples).p99;
}

/** Bytes in use after a collection of what is not. */
function memoryUsed(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
