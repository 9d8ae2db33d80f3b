/** What a figure was measured on: without it no figure means anything. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileSystemOf } from "./file-system.ts";
import { median } from "./percentiles.ts";

const SYNC_SAMPLES = 21;
const BLOCK_BYTES = 1_048_576;

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly openssl: string;
  /** Running and waiting processes, averaged over the last minute, before the start. */
  readonly loadAverage: number;
  /** Of the disk on which a cluster of our own writes. */
  readonly disk?: Disk;
}

interface Disk {
  readonly fileSystem: string;
  /** Median of appending 1 MiB and fdatasync, milliseconds. */
  readonly syncMs: number;
}

/** Describes this machine; `directory` is where a cluster of our own will write, undefined where there is none. */
export function describeMachine(directory: string | undefined): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    openssl: process.versions.openssl,
    loadAverage: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    ...(directory === undefined
      ? {}
      : { disk: { fileSystem: fileSystemOf(directory), syncMs: measureSync(directory) } }),
  };
}

function measureSync(directory: string): number {
  const home = mkdtempSync(join(directory, "quorate-bench-"));
  const file = openSync(join(home, "sync-probe"), "w");
  try {
    const block = new Uint8Array(BLOCK_BYTES).fill(1);
    const samples = Array.from({ length: SYNC_SAMPLES }, () => {
      const startedAt = performance.now();
      writeSync(file, block);
      fdatasyncSync(file);
      return performance.now() - startedAt;
    });
    return Math.round(median(samples) * 100) / 100;
  } finally {
    closeSync(file);
    rmSync(home, { recursive: true });
  }
}

export function machineText({ cpu, cores, memoryGiB, node, openssl, loadAverage, disk }: Machine): string {
  const common = `${cores} x ${cpu}, ${memoryGiB} GiB; Node ${node}, OpenSSL ${openssl}; load average ${loadAverage}`;
  if (disk === undefined) return common;
  return `${common}; 1 MiB append and fdatasync ${disk.syncMs} ms on ${disk.fileSystem}`;
}

/** What is another machine's, or another state of it: each difference in words. What only varies is left out. */
export function machineDifferences(before: Machine, now: Machine): readonly string[] {
  const was = lasting(before);
  return Object.entries(lasting(now)).flatMap(([name, value]) =>
    was[name] === value ? [] : [`${name} was ${was[name] ?? "unknown"}, and is ${value ?? "unknown"} now`],
  );
}

function lasting({
  cpu,
  cores,
  memoryGiB,
  node,
  openssl,
  disk,
}: Machine): Readonly<Record<string, string | number | undefined>> {
  return { cpu, cores, memoryGiB, node, openssl, fileSystem: disk?.fileSystem };
}
