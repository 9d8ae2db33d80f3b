/**
 * Delta debugging (Zeller and Hildebrandt, 2002): a smallest part of a list that still shows the same failure, in the sense
 * that it shows it no longer when any single item is taken out.
 *
 * As a generator: it yields the parts to be tried and is told of each whether it fails. So whoever drives it decides how a
 * part is tried, may show how far it is, and may stop at any time.
 */
export function* ddmin<T>(items: readonly T[]): Generator<readonly T[], readonly T[], boolean> {
  if (items.length === 0 || (yield [])) return [];
  let kept = items;
  let parts = 2;
  while (kept.length > 1) {
    const chunks = split(kept, parts);
    const smaller: readonly T[] | undefined = yield* firstFailing(candidates(chunks));
    if (smaller !== undefined) {
      // A chunk is cut in two again; what is left without one chunk stays cut as finely as it was.
      parts = chunks.includes(smaller) ? 2 : Math.max(parts - 1, 2);
      kept = smaller;
    } else if (parts >= kept.length) break;
    else parts *= 2;
    parts = Math.min(parts, kept.length);
  }
  return kept;
}

/** Each chunk by itself, then all without one; of two chunks, one is all without the other. */
function candidates<T>(chunks: readonly (readonly T[])[]): readonly (readonly T[])[] {
  if (chunks.length <= 2) return chunks;
  return [...chunks, ...chunks.map((_, left) => chunks.flatMap((chunk, index) => (index === left ? [] : chunk)))];
}

function* firstFailing<T>(
  tried: readonly (readonly T[])[],
): Generator<readonly T[], readonly T[] | undefined, boolean> {
  for (const candidate of tried) if (yield candidate) return candidate;
  return undefined;
}

/** A list in so many chunks of nearly one size. */
function split<T>(items: readonly T[], parts: number): readonly (readonly T[])[] {
  return Array.from({ length: parts }, (_, part) =>
    items.slice(Math.floor((part * items.length) / parts), Math.floor(((part + 1) * items.length) / parts)),
  );
}
