/** What tests of the rules about Raft share: cores as the rules see them. */
import type { Role } from "../../consensus/raft/ready.ts";
import type { Configuration } from "../../node/base/configuration.ts";
import { BLOCK_HEADER_BYTES } from "../../node/wire/block.ts";
import type { RaftView } from "./observed-node.ts";
import { Verdict } from "./verdict.ts";

/** The rule that is broken by what is done. */
export function verdictOf(act: (verdict: Verdict) => void): string | undefined {
  const verdict = new Verdict(() => ({ atMs: 0, step: 0 }));
  act(verdict);
  return verdict.failure?.checker;
}

/** A block of which only the header counts here. */
export function block(mark: number): Uint8Array {
  return new Uint8Array(BLOCK_HEADER_BYTES + 8).fill(mark);
}

interface Told {
  readonly term?: number;
  readonly vote?: number;
  readonly role?: Role;
  readonly leader?: number;
  readonly commit?: number;
  /** Terms of the entries from index 1 on; each entry's block is marked with its term unless `marks` says otherwise. */
  readonly log?: readonly number[];
  readonly marks?: readonly number[];
  readonly configuration?: Configuration;
}

export const THREE: Configuration = { voters: [1, 2, 3], outgoing: [], learners: [] };

/** A Raft core as the rules see one. */
export function raft({
  term = 1,
  vote = 0,
  role = "follower",
  leader = 0,
  commit = 0,
  log = [],
  marks = log,
  ...rest
}: Told): RaftView {
  const { configuration = THREE } = rest;
  return {
    ...{ term, vote, role, leader, commit, firstIndex: 1, lastIndex: log.length, lastTerm: log.at(-1) ?? 0 },
    ...{ stableIndex: log.length, configuration, configurationIsCommitted: true },
    entry: (index) => ({ index, term: log[index - 1] as number, data: block(marks[index - 1] as number) }),
    termAt: (index) => (index === 0 ? 0 : log[index - 1]),
  };
}
