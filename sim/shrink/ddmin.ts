/**
 * Delta debugging (Zeller and Hildebrandt, 2002): a smallest part of a list that still shows the same failure, in the sense
 * that it shows it no longer when any single item is taken out.
 *
 * Of their two moves only one is made, to take a chunk out, and each goes on behind the last: to keep a single chunk is seldom
 * enough, and asks for as many runs again. When chunks of a length have gone, those of twice the length are tried once more:
 * where it is a matter of chance whether a part fails, a large chunk goes as easily as a small one.
 *
 * As a generator: it yields the parts to be tried and is told of each whether it fails. So whoever drives it decides how a
 * part is tried, may show how far it is, and may stop at any time.
 */
export function* ddmin<T>(items: readonly T[]): Generator<readonly T[], readonly T[], boolean> {
  if (items.length === 0 || (yield [])) return [];
  let kept = items;
  for (let length = half(kept); kept.length > 1; ) {
    const left = yield* without(kept, length);
    if (left.length === kept.length && length === 1) break;
    length = left.length < kept.length ? Math.min(2 * length, half(left)) : Math.ceil(length / 2);
    kept = left;
  }
  return kept;
}

/** What is left when chunks of such a length have been taken out, each where it could be; never nothing. */
function* without<T>(items: readonly T[], length: number): Generator<readonly T[], readonly T[], boolean> {
  let kept = items;
  for (let at = 0; at < kept.length; ) {
    const rest = [...kept.slice(0, at), ...kept.slice(at + length)];
    if (rest.length > 0 && (yield rest)) kept = rest;
    else at += length;
  }
  return kept;
}

function half(items: readonly unknown[]): number {
  return Math.ceil(items.length / 2);
}
