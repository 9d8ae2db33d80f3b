/** Addresses that lead to a run: `#seed=25&mutant=voteNotPersisted&giveUpLastCopy=true&step=1234`. */

export interface RunLink {
  /** As somebody has written it. */
  readonly seed: string;
  readonly mutant?: string;
  readonly giveUpLastCopy?: boolean;
}

/** The run that the part of an address behind `#` names; undefined where it names none. */
export function runOfLink(hash: string): RunLink | undefined {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const [seed, mutant] = [fields.get("seed"), fields.get("mutant")];
  if (seed === null) return undefined;
  return runLink(seed, mutant ?? "", fields.get("giveUpLastCopy") === "true");
}

/** An empty name is that of no bug. */
export function runLink(seed: string, mutant: string, giveUpLastCopy: boolean): RunLink {
  return { seed, ...(mutant === "" ? {} : { mutant }), ...(giveUpLastCopy ? { giveUpLastCopy } : {}) };
}

/** What stands behind `#` for a run. */
export function linkOfRun({ seed, mutant, giveUpLastCopy }: RunLink): string {
  const planted = mutant === undefined ? {} : { mutant };
  const given = giveUpLastCopy === true ? { giveUpLastCopy: "true" } : {};
  return new URLSearchParams({ seed, ...planted, ...given }).toString();
}
