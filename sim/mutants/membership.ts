/** Changes of members that are not safe, and quorums of the wrong ones. */
import type { Configuration } from "../../consensus/raft/configuration.ts";
import type { RaftOptions } from "../../consensus/raft/options.ts";
import { Raft } from "../../consensus/raft/raft.ts";
import type { NodeParts } from "../../node/compose.ts";
import { StateMachine } from "../../node/state/state-machine.ts";
import { firstConfiguration } from "../../node/wire/genesis.ts";

/** While a configuration is joint, the majority of its new voters decides alone. */
export class IgnoresOutgoingVoters extends Raft {
  protected override electorate(): Configuration {
    return { ...super.electorate(), outgoing: [] };
  }
}

/** What a learner has counts as if it had a say. */
export class CountsLearners extends Raft {
  protected override electorate(): Configuration {
    const { voters, outgoing, learners } = super.electorate();
    return { voters: [...voters, ...learners].sort((a, b) => a - b), outgoing, learners: [] };
  }
}

/** A configuration counts once it is committed, not as soon as it is appended. */
export class CountsByCommittedConfiguration extends Raft {
  readonly #options: RaftOptions;

  constructor(options: RaftOptions) {
    super(options);
    this.#options = options;
  }

  protected override electorate(): Configuration {
    const { commit, firstIndex } = this;
    return commit < firstIndex ? super.electorate() : this.#options.configurationOf(this.entry(commit).data);
  }
}

/** A leader takes the next change while the one before, or what other leaders have begun, may not be committed. */
export class ChangesTooSoon extends Raft {
  override get mayReconfigure(): boolean {
    return this.role === "leader" && this.transferTarget === 0;
  }
}

/** A node that starts from a checkpoint takes the cluster's first configuration for the one that it was taken under. */
export function startingWithTheFirst(): Partial<NodeParts> {
  let first: Configuration | undefined;
  return {
    createStateMachine: (options) => {
      first = firstConfiguration(options.genesis);
      return new StateMachine(options);
    },
    createRaft: (options) => new Raft({ ...options, configuration: first ?? options.configuration }),
  };
}
