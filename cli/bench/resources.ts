/** What a load used of the machine: only what could be measured, so of a cluster that was there already less. */
import type { Reading, Synced, Target } from "./target.ts";

const MIB = 1_048_576;

/** Names and numbers of a result. */
export type Figures = Readonly<Record<string, unknown>>;

/** What is counted: `Transfer`, and how many there are. */
export interface Work {
  readonly unit: string;
  readonly count: number;
}

/** Runs a load; what it used stands beside what it came to. Figures that do not say of which process are a node's mean. */
export async function withResources<L extends { readonly seconds: number }>(
  target: Target,
  { unit, count }: Work,
  run: () => Promise<L>,
): Promise<{ readonly load: L; readonly used: Figures }> {
  const syncsBefore = countsIn(await target.synced());
  const before = target.read();
  const load = await run();
  const after = target.read();
  const syncs = mean(difference(syncsBefore, countsIn(await target.synced())));
  const bytes = mean(difference(nodesIn(before), nodesIn(after)));
  const used = {
    ...(bytes === undefined ? {} : { [`bytesWrittenPer${unit}`]: Math.round(bytes / count) }),
    ...(syncs === undefined ? {} : { fsyncsPerSecond: Math.round(syncs / load.seconds) }),
    cpuSeconds: cpuSeconds(before, after),
    rssMiB: Object.fromEntries([...after].map(([name, { rssBytes }]) => [name, Math.round(rssBytes / MIB)])),
  };
  return { load, used };
}

function cpuSeconds(before: Reading, after: Reading): Readonly<Record<string, number>> {
  const entries = [...after].map(([name, end]) => {
    const seconds = end.cpuSeconds - (before.get(name)?.cpuSeconds ?? 0);
    return [name, Math.round(seconds * 100) / 100] as const;
  });
  return Object.fromEntries(entries);
}

function nodesIn(reading: Reading): ReadonlyMap<string, number> {
  const nodes = [...reading].filter(([name]) => name.startsWith("node-"));
  return new Map(nodes.map(([name, { bytesWritten }]) => [name, bytesWritten]));
}

function countsIn(synced: ReadonlyMap<number, Synced>): ReadonlyMap<number, number> {
  return new Map([...synced].map(([id, { syncs }]) => [id, syncs]));
}

function difference<K>(before: ReadonlyMap<K, number>, after: ReadonlyMap<K, number>): readonly number[] {
  return [...after].flatMap(([name, end]) => {
    const start = before.get(name);
    return start === undefined ? [] : [end - start];
  });
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}
