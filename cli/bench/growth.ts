/**
 * How a cluster fares that has grown: how much of its throughput with a million transfers is left when many are stored, and
 * when it has many accounts. In each case the same number of transfers is measured, behind what is stored.
 */
import { type BulkOptions, prepareBulk, runBulk } from "./bulk.ts";
import type { Target } from "./target.ts";

/** Stored before the first measurement, so that nothing is measured that runs for the first time; and measured each time. */
const MEASURED_MAX = 1_000_000;
const MIB = 1_048_576;

export interface GrowthOptions extends Pick<BulkOptions, "batch" | "clients" | "seed"> {
  readonly accounts: number;
  readonly manyAccounts: number;
  /** Transfers that are stored at the second measurement, or twice as many as are measured where that is more. */
  readonly transfers: number;
  readonly onStep: (text: string) => void;
}

export interface GrowthFigures {
  /** With a million transfers stored. */
  readonly transfersPerSecond: number;
  readonly transfersPerSecondStored: number;
  readonly keptWithTransfers: number;
  readonly transfersPerSecondManyAccounts: number;
  readonly keptWithAccounts: number;
  /** Of the largest node, with all transfers stored. */
  readonly rssMiB: number;
  readonly rssMiBManyAccounts: number;
}

/** What `--transfers` comes to: how many are measured each time, and how many are stored at the second measurement. */
export function growthSizes(transfers: number): { readonly measured: number; readonly stored: number } {
  const measured = Math.min(MEASURED_MAX, transfers);
  return { measured, stored: Math.max(transfers, 2 * measured) };
}

/** `withTarget` gives a fresh cluster each time. */
export async function measureGrowth(
  withTarget: <T>(act: (target: Target) => Promise<T>) => Promise<T>,
  options: GrowthOptions,
): Promise<GrowthFigures> {
  const { measured, stored } = growthSizes(options.transfers);
  const few = await withTarget(async (target) => {
    const measure = await begun(target, options, { accounts: options.accounts, measured });
    return { first: await measure(measured), stored: await measure(stored), rssMiB: rssMiB(target) };
  });
  const many = await withTarget(async (target) => {
    const measure = await begun(target, options, { accounts: options.manyAccounts, measured });
    return { perSecond: await measure(measured), rssMiB: rssMiB(target) };
  });
  const kept = (perSecond: number): number => Math.round((perSecond / few.first) * 100) / 100;
  return {
    transfersPerSecond: few.first,
    transfersPerSecondStored: few.stored,
    keptWithTransfers: kept(few.stored),
    transfersPerSecondManyAccounts: many.perSecond,
    keptWithAccounts: kept(many.perSecond),
    rssMiB: few.rssMiB,
    rssMiBManyAccounts: many.rssMiB,
  };
}

/** Opens the accounts; what comes back stores transfers until there are so many, and measures the next ones. */
async function begun(
  target: Target,
  { batch, clients, seed, onStep }: GrowthOptions,
  { accounts, measured }: { readonly accounts: number; readonly measured: number },
): Promise<(stored: number) => Promise<number>> {
  let count = 0;
  const run = async (more: number): Promise<number> => {
    const options = { accounts, batch, clients, seed, firstId: count + 1, onProgress: () => undefined };
    count += more;
    return (await runBulk(target, { ...options, transfers: more })).transfersPerSecond;
  };
  onStep(`opening ${accounts} accounts`);
  await prepareBulk(target, { accounts });
  return async (stored) => {
    onStep(`storing ${stored - count} transfers among ${accounts} accounts`);
    if (stored > count) await run(stored - count);
    onStep(`measuring ${measured} transfers with ${count} stored`);
    return await run(measured);
  };
}

function rssMiB(target: Target): number {
  const nodes = [...target.read()].filter(([name]) => name !== "client");
  return Math.round(Math.max(0, ...nodes.map(([, { rssBytes }]) => rssBytes)) / MIB);
}
