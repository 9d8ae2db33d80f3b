/** Order statistics of measured durations: exact, because a benchmark keeps every sample. */

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Milliseconds at the usual ranks, by the nearest-rank rule; all zero where nothing was measured. */
export function percentiles(samplesMs: readonly number[]): Percentiles {
  const sorted = Float64Array.from(samplesMs).sort();
  const at = (share: number): number => round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** The middle of a few figures; the mean of the two middle ones where their number is even. */
export function median(figures: readonly number[]): number {
  const sorted = Float64Array.from(figures).sort();
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
