/** What a figure was measured on: without it no figure means anything. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
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
  /** Median of appending 1 MiB and fdatasync, milliseconds. */
  readonly syncMs: number;
}

/** Describes this machine; `directory` is where the cluster will write. */
export function describeMachine(directory: string): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    openssl: process.versions.openssl,
    loadAverage: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    syncMs: measureSync(directory),
  };
}

function measureSync(directory: string): number {
  const path = join(directory, "sync-probe");
  const file = openSync(path, "w");
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
    rmSync(path);
  }
}

export function machineText(machine: Machine): string {
  const { cpu, cores, memoryGiB, node, openssl, loadAverage, syncMs } = machine;
  return (
    `${cores} x ${cpu}, ${memoryGiB} GiB; Node ${node}, OpenSSL ${openssl}; load average ${loadAverage}; ` +
    `1 MiB append and fdatasync ${syncMs} ms`
  );
}
