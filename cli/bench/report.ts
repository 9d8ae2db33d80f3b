/** What a benchmark says at its end. */
import type { Machine } from "./machine.ts";
import type { Percentiles } from "./percentiles.ts";
import type { Reading } from "./target.ts";

const MIB = 1_048_576;

/** How the cluster kept its promises while it was measured; printed with every figure. */
export const DURABILITY =
  "every answer after fdatasync on a majority; each transaction's Ed25519 signature checked; blocks hash-chained; TLS 1.3";

export interface ResourceFigures {
  readonly cpuSeconds: Readonly<Record<string, number>>;
  readonly rssMiB: Readonly<Record<string, number>>;
  readonly bytesWritten: number;
}

/** What the processes used between two readings. `bytesWritten` is the mean of a node. */
export function resources(before: Reading, after: Reading): ResourceFigures {
  const cpuSeconds: Record<string, number> = {};
  const rssMiB: Record<string, number> = {};
  let bytesWritten = 0;
  let nodes = 0;
  for (const [name, end] of after) {
    const start = before.get(name);
    cpuSeconds[name] = round(end.cpuSeconds - (start?.cpuSeconds ?? 0));
    rssMiB[name] = Math.round(end.rssBytes / MIB);
    if (!name.startsWith("node-")) continue;
    nodes += 1;
    bytesWritten += end.bytesWritten - (start?.bytesWritten ?? 0);
  }
  return { cpuSeconds, rssMiB, bytesWritten: nodes === 0 ? 0 : bytesWritten / nodes };
}

export interface BenchResult {
  readonly load: string;
  readonly machine: Machine;
  readonly durability: string;
  readonly settings: Readonly<Record<string, number | string | boolean>>;
  readonly figures: Readonly<Record<string, unknown>>;
}

export function latencyText({ p50, p99, max }: Percentiles): string {
  return `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
