/** Open addressing over a typed array of entries: a hash, and a slot + 1 or 0 where nothing is; a power of two of them. */

export const ENTRY_WORDS = 2;

/** Puts an entry into the first free place of its probe; there must be one. */
export function enter(table: Uint32Array, hash: number, entry: number): void {
  const mask = table.length - 1;
  let probe = (hash * ENTRY_WORDS) & mask;
  while (table[probe + 1] !== 0) probe = (probe + ENTRY_WORDS) & mask;
  table[probe] = hash;
  table[probe + 1] = entry;
}
