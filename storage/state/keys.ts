/** Those of a map's keys that begin so, in ascending order. */
export function keysOf(values: ReadonlyMap<string, unknown>, prefix: string): string[] {
  return [...values.keys()].filter((key) => key.startsWith(prefix)).sort();
}
