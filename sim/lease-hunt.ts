/**
 * Runs that put leases to the test. One that is too long shows itself only where a leader that is cut off still has it while
 * the others have elected another, and where somebody goes on asking it by lease who would not wait for anything
 * else. That takes a good deal at one time; so in some runs everything that was drawn is made to fit.
 */
import type { SimOptions } from "./options.ts";

/** How far clocks are off at most, in thousandths of true time. */
export const SLOWEST = 600;
export const FASTEST = 1_600;
const TRUE = 1_000;

/** Faults come one after the other, with time for a leader to be deposed. */
const EVERY_MS = 1_500;
const LASTS_MS = 2_000;
const OFTEN = 80;
/** Work has begun by the first fault, and elections are a matter of clocks alone. */
const DELAY_MAX_US = 3_000;
const LOSS_MAX_PERMILLE = 20;
const READERS = 4;

/** Whether one clock goes at the slowest rate, and all others go at the fastest. */
export function hasLaggard(clockRates: readonly number[]): boolean {
  const slow = clockRates.filter((rate) => rate === SLOWEST).length;
  const fast = clockRates.filter((rate) => rate === FASTEST).length;
  return slow === 1 && slow + fast === clockRates.length;
}

/**
 * The margin for clocks: one with a slow clock leads, who wins no election, so it is handed over to again and again, and it
 * is cut off.
 */
export function testingMargin(options: SimOptions): SimOptions {
  return fitting(options, "handOver");
}

/** The rounds of heartbeats: late answers come to one who is deposed. All clocks are true, so that leases are long. */
export function testingRounds(options: SimOptions): SimOptions {
  const timing = { ...options.timing, leaseDriftPermille: 1 };
  return fitting({ ...options, timing, clockRates: options.clockRates.map(() => TRUE) }, "lateAnswers");
}

/** One kind of fault often, all others seldom; a quick network, the same for all; readers who do not wait. */
function fitting(options: SimOptions, often: keyof SimOptions["faults"]["weights"]): SimOptions {
  const { peers, faults, workload } = options;
  const seldom = Object.entries(faults.weights).map(([kind, weight]) => [kind, Math.min(1, weight)]);
  const weights = { ...Object.fromEntries(seldom), [often]: OFTEN } as typeof faults.weights;
  return {
    ...options,
    peers: {
      ...peers,
      meanDelayUs: Math.min(peers.meanDelayUs, DELAY_MAX_US),
      lossPermille: Math.min(peers.lossPermille, LOSS_MAX_PERMILLE),
      unequal: undefined,
    },
    faults: { ...faults, everyMs: EVERY_MS, lastsMs: LASTS_MS, weights },
    workload: { ...workload, readers: READERS, readersByLease: true },
  };
}
