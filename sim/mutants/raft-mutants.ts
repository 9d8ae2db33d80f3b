/** Raft cores with one bug each. */
import type { Configuration } from "../../consensus/raft/configuration.ts";
import type { Entry } from "../../consensus/raft/messages.ts";
import type { RaftOptions } from "../../consensus/raft/options.ts";
import { Raft } from "../../consensus/raft/raft.ts";
import type { Ready } from "../../consensus/raft/ready.ts";

export class ForgetsItsVote extends Raft {
  override ready(): Ready {
    const ready = super.ready();
    return ready.hardState === undefined ? ready : { ...ready, hardState: { ...ready.hardState, vote: 0 } };
  }
}

export class CountsReplicasOfOlderTerms extends Raft {
  protected override quorumIndexIsCommittable(): boolean {
    return true;
  }
}

export class TruncatesOnStaleAppend extends Raft {
  protected override appendToLog(entries: readonly Entry[]): void {
    this.replaceTail(entries);
  }
}

export class ServesReadsUnconfirmed extends Raft {
  protected override readsNeedQuorum(): boolean {
    return false;
  }
}

export class IgnoresOutgoingVoters extends Raft {
  protected override electorate(): Configuration {
    return { ...super.electorate(), outgoing: [] };
  }
}

export class CountsLearners extends Raft {
  protected override electorate(): Configuration {
    const { voters, outgoing, learners } = super.electorate();
    return { voters: [...voters, ...learners].sort((a, b) => a - b), outgoing, learners: [] };
  }
}

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
