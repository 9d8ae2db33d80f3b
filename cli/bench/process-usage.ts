/**
 * What a process has used of the machine, from Linux' /proc; zeros where there is none. Only ever differences count, so
 * what came before the measured time does not matter.
 */
import { readFileSync } from "node:fs";

/** Clock ticks a second in /proc/PID/stat; fixed at 100 on Linux for user space. */
const TICKS_PER_SECOND = 100;
const UTIME_FIELD = 11;
const STIME_FIELD = 12;

export interface ProcessUsage {
  /** User and system time, seconds. */
  readonly cpuSeconds: number;
  /** Bytes handed to the block layer. */
  readonly bytesWritten: number;
  /** Resident memory now, bytes. */
  readonly rssBytes: number;
}

export function processUsage(pid: number): ProcessUsage {
  return { cpuSeconds: cpuSeconds(pid), bytesWritten: bytesWritten(pid), rssBytes: rssBytes(pid) };
}

function cpuSeconds(pid: number): number {
  // The command's name may hold anything; the numbers begin behind its closing parenthesis.
  const stat = read(pid, "stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[UTIME_FIELD] ?? 0) + Number(fields[STIME_FIELD] ?? 0)) / TICKS_PER_SECOND;
}

function bytesWritten(pid: number): number {
  return Number(/^write_bytes: (\d+)$/m.exec(read(pid, "io"))?.[1] ?? 0);
}

function rssBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(pid, "status"))?.[1] ?? 0) * 1_024;
}

function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}
