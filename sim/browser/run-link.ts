/** Addresses that lead to a run: `#seed=25&mutant=voteNotPersisted&step=1234`. */

export interface RunLink {
  /** As somebody has written it. */
  readonly seed: string;
  readonly mutant?: string;
}

/** The run that the part of an address behind `#` names; undefined where it names none. */
export function runOfLink(hash: string): RunLink | undefined {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const [seed, mutant] = [fields.get("seed"), fields.get("mutant")];
  if (seed === null) return undefined;
  return mutant === null || mutant === "" ? { seed } : { seed, mutant };
}

/** What stands behind `#` for a run. */
export function linkOfRun({ seed, mutant }: RunLink): string {
  return new URLSearchParams({ seed, ...(mutant === undefined ? {} : { mutant }) }).toString();
}
