/** How long somebody who gets answers all the time went without. */

/**
 * The longest time without an answer that touches a window, from the answers' times in rising order; what lies before the
 * first answer or behind the last one counts up to the window's edge.
 */
export function longestGap(
  timesMs: readonly number[],
  window: { readonly fromMs: number; readonly toMs: number },
): number {
  const { fromMs, toMs } = window;
  const before = timesMs.findLast((time) => time <= fromMs) ?? fromMs;
  const after = timesMs.find((time) => time >= toMs) ?? toMs;
  const edges = [before, ...timesMs.filter((time) => time > fromMs && time < toMs), after];
  return edges.reduce((longest, time, index) => Math.max(longest, time - (edges[index - 1] ?? time)), 0);
}
