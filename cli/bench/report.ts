/** What a benchmark says: on what it runs at its beginning, and what came of it at its end. */

import { table } from "../output.ts";
import { softwareVersion } from "../software.ts";
import type { Load, Settings } from "./arguments.ts";
import type { Compared } from "./compare.ts";
import { type Machine, machineText } from "./machine.ts";
import type { Percentiles } from "./percentiles.ts";
import type { Figures } from "./resources.ts";

/** How the cluster kept its promises while it was measured; printed with every figure. */
export const DURABILITY =
  "every answer after fdatasync on a majority; each transaction's Ed25519 signature checked; blocks hash-chained; TLS 1.3";

/** What a figure means nothing without. */
export interface BenchRun {
  readonly load: Load;
  /** Of this program. */
  readonly version: string;
  readonly machine: Machine;
  readonly durability: string;
  readonly settings: Settings;
}

export interface BenchResult extends BenchRun {
  readonly figures: Figures;
}

export function benchRun(load: Load, machine: Machine, settings: Settings): BenchRun {
  return { load, version: softwareVersion(), machine, durability: DURABILITY, settings };
}

export function runText({ load, version, machine, durability, settings }: BenchRun): string {
  const named = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  return [machineText(machine), durability, `Quorate ${version}, ${load}: ${named.join(", ")}`].join("\n");
}

export function benchText({ figures }: BenchResult): string {
  const rows = Object.entries(figures).map(([name, value]) => {
    if (typeof value !== "object" || value === null) return [name, String(value)];
    if ("p50" in value) return [name, latencyText(value as Percentiles)];
    const parts = Object.entries(value).map(([key, part]) => `${key} ${String(part)}`);
    return [name, parts.join(", ")];
  });
  return table([["figure", "value"], ...rows]);
}

export function comparedText(compared: readonly Compared[]): string {
  const rows = compared.map(({ figure, before, now, ratio }) => [figure, `${before}`, `${now}`, `${ratio}`]);
  return table([["figure", "before", "now", "ratio"], ...rows]);
}

function latencyText({ p50, p99, max }: Percentiles): string {
  return `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`;
}
