/** What the committed chain says at every height of who takes part: an answer about it is that of the height it names. */
import type { Configuration } from "../../node/base/configuration.ts";
import type { MemberView } from "../../node/state/queries.ts";
import { areQuorum } from "./configurations.ts";
import type { ModelNode } from "./reference-members.ts";
import { expectSame } from "./same.ts";
import type { Verdict } from "./verdict.ts";

interface Stand {
  readonly nodes: readonly ModelNode[];
  readonly configuration: Configuration;
}

/** What a node answers. */
export interface ShownMembers {
  readonly height: number;
  readonly members: readonly MemberView[];
  readonly configuration: Configuration;
}

export class PastMembers {
  readonly #verdict: Verdict;
  /** By height; 0 is the fresh cluster. */
  readonly #stands: Stand[];

  constructor(verdict: Verdict, fresh: readonly ModelNode[]) {
    this.#verdict = verdict;
    const configuration = { voters: fresh.map(({ id }) => id), outgoing: [], learners: [] };
    this.#stands = [{ nodes: fresh, configuration }];
  }

  /** The reference has done what the block of this height does. */
  block(height: number, nodes: readonly ModelNode[], configuration: Configuration): void {
    this.#stands[height] = { nodes, configuration };
  }

  /** Whether these keys (hexadecimal) are those of a quorum of the voters that there were at one of these heights. */
  areQuorum(keys: readonly string[], from: number, to: number): boolean {
    return this.#stands.slice(from, to + 1).some(({ nodes, configuration }) => {
      const signers = new Set(nodes.filter(({ key }) => keys.includes(key)).map(({ id }) => id));
      return areQuorum(configuration, (voter) => signers.has(voter));
    });
  }

  read({ height, members, configuration }: ShownMembers): void {
    const where = (): string => `members at height ${height}`;
    expectSame(this.#verdict, "answers", { nodes: modelsOf(members), configuration }, this.#stands[height], where);
  }
}

/** Nodes as they are shown, in the reference's words. */
function modelsOf(members: readonly MemberView[]): readonly ModelNode[] {
  return members.map(({ id, publicKey, host, port, role }) => ({
    id,
    key: publicKey,
    address: `${host}:${port}`,
    role,
  }));
}
