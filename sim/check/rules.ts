/**
 * All rules that watch the nodes, behind the one interface through which the cluster tells what happens. A rule sees
 * every change of a node's Raft core and every applied block, and is told nothing else.
 */
import type { NodeId } from "../../node/base/ids.ts";
import type { Ledger } from "../../node/ledger/ledger.ts";
import { decodeRaftMessage, raftMessageType } from "../../node/replica/raft-codec.ts";
import type { Applied, StateMachine } from "../../node/state/state-machine.ts";
import type { Genesis } from "../../node/wire/genesis.ts";
import { LANES } from "../../node/wire/peer-frames.ts";
import type { ClusterObserver, Inspected } from "../cluster.ts";
import type { CrashMoment } from "../fault/plan.ts";
import type { Reached } from "../reached.ts";
import { Authenticity } from "./authenticity.ts";
import { BankOracle } from "./bank-oracle.ts";
import { Campaigns } from "./campaigns.ts";
import { CommittedChain } from "./committed-chain.ts";
import { CommittedOutcomes } from "./committed-outcomes.ts";
import { Configurations } from "./configurations.ts";
import { checkConservation } from "./conservation.ts";
import { ElectionRestriction } from "./election-restriction.ts";
import { ElectionSafety } from "./election-safety.ts";
import { ExactlyOnce } from "./exactly-once.ts";
import { LogMatching } from "./log-matching.ts";
import { type NodeChange, ObservedNode, type RaftView } from "./observed-node.ts";
import type { PastMembers } from "./past-members.ts";
import type { PastStates } from "./past-states.ts";
import { type Absence, ProtocolStates } from "./protocol-states.ts";
import { Quorums } from "./quorums.ts";
import { ReachedPoints } from "./reached-points.ts";
import { readAllAccounts } from "./readers.ts";
import { Releases } from "./releases.ts";
import { ShadowLedger } from "./shadow-ledger.ts";
import { StateSafety } from "./state-safety.ts";
import type { Verdict } from "./verdict.ts";

/** Balances are compared every so many blocks, and when all is at rest. */
const COMPARE_EVERY_BLOCKS = 8;
/** What a node says to a peer that binds it, or that only some nodes may say. */
const PROMISES: ReadonlySet<string> = new Set(["preVote", "vote", "voteResponse", "appendResponse"]);

export interface RulesOptions {
  readonly genesis: Genesis;
  /** Currencies that the run may name. */
  readonly currencies: readonly number[];
  /** Accounts that only plain transfers touch. */
  readonly followed: readonly bigint[];
  /** Public keys of all nodes. */
  readonly nodeKeys: readonly Uint8Array[];
  readonly reached: Reached;
}

export class Rules implements ClusterObserver {
  readonly elections: ElectionSafety;
  readonly logs: LogMatching;
  readonly chain: CommittedChain;
  readonly outcomes: CommittedOutcomes = new CommittedOutcomes();
  readonly states: StateSafety;
  readonly exactlyOnce: ExactlyOnce;
  readonly authenticity: Authenticity;
  readonly protocol: ProtocolStates = new ProtocolStates();
  readonly releases: Releases;
  readonly #quorums: Quorums;
  readonly #restriction: ElectionRestriction;
  readonly #campaigns: Campaigns;
  readonly configurations: Configurations;
  readonly #reached: Reached;
  readonly #shadow: ShadowLedger;
  readonly #oracle: BankOracle;
  readonly #verdict: Verdict;
  /** Told of moments at which a crash may be planned. */
  readonly #moment: (node: NodeId, moment: CrashMoment) => void;
  readonly #nodes = new Map<NodeId, { readonly seen: ObservedNode; readonly raft: RaftView }>();

  constructor(verdict: Verdict, options: RulesOptions, moment: (node: NodeId, moment: CrashMoment) => void) {
    this.#verdict = verdict;
    this.#moment = moment;
    const { genesis, currencies, followed, reached } = options;
    this.#shadow = new ShadowLedger(verdict, followed);
    this.#oracle = new BankOracle(verdict, genesis, currencies, new ReachedPoints(reached));
    this.elections = new ElectionSafety(verdict);
    this.logs = new LogMatching(verdict);
    this.chain = new CommittedChain(verdict, this.logs);
    this.states = new StateSafety(verdict);
    this.exactlyOnce = new ExactlyOnce(verdict);
    this.authenticity = new Authenticity(verdict, options.nodeKeys);
    this.#quorums = new Quorums(verdict);
    this.#restriction = new ElectionRestriction(verdict);
    this.#campaigns = new Campaigns(verdict, this.chain);
    const founders = genesis.nodes.map(({ id }) => id);
    this.configurations = new Configurations(verdict, reached, founders);
    this.#reached = reached;
    this.releases = new Releases(verdict, reached);
  }

  /** What answers are compared with. */
  get past(): PastStates {
    return this.#oracle.past;
  }

  get pastMembers(): PastMembers {
    return this.#oracle.pastMembers;
  }

  createLedger(node: NodeId): Ledger {
    return this.#oracle.createLedger(node);
  }

  started(node: NodeId, inspected: Inspected): void {
    this.releases.started(node, inspected.releaseMax);
    this.#nodes.set(node, { seen: new ObservedNode(), raft: inspected.raft });
    this.logs.restarted(node);
    this.states.restored(node, inspected.state);
    this.configurations.inForce(node, inspected.raft);
    this.stepped(node, inspected);
  }

  stepped(node: NodeId, { raft }: Inspected): void {
    this.protocol.look(node, raft);
    const change = this.#nodes.get(node)?.seen.look(raft);
    if (change === undefined) return;
    if (change.logChanged) this.logs.changed(node, raft);
    if (change.logChanged && raft.role === "leader") this.releases.built(raft);
    if (change.elected) {
      this.elections.elected(node, raft.term);
      this.chain.elected(node, raft);
      this.#quorums.elected(node, raft);
      if (raft.configuration.outgoing.length > 0) this.#reached.add("leaderChangedWhileJoint");
    }
    if (change.committed) {
      this.chain.committed(node, raft, change.commitBefore);
      if (change.stillLeads) this.#committedByLeader(node, raft, change);
    }
    if (change.reconfigured) this.configurations.inForce(node, raft);
    if (change.reconfigured && change.stillLeads) this.configurations.begun(node, raft);
    this.#tellMoments(node, change);
  }

  sent(node: NodeId, to: NodeId, frame: Uint8Array): void {
    if (frame[0] !== LANES.raft) return;
    const type = raftMessageType(frame, 1);
    if (type === undefined || !PROMISES.has(type)) return;
    const message = decodeRaftMessage(frame.subarray(1));
    const { term } = message;
    if (message.type === "preVote") this.#campaigns.asked(node, term);
    else if (message.type === "appendResponse" && message.accepted)
      this.#quorums.acknowledged(node, term, message.index);
    else if (message.type === "voteResponse" && message.granted) {
      this.elections.voted(node, term, to);
      this.#quorums.voted(node, term, to);
      const raft = this.#nodes.get(node)?.raft;
      if (raft !== undefined) this.#restriction.granted(node, term, to, raft);
    } else if (message.type === "vote") {
      this.elections.voted(node, term, node);
      this.#restriction.asked(node, term, message);
      const raft = this.#nodes.get(node)?.raft;
      if (raft !== undefined && message.transfer !== true) this.#campaigns.begun(node, term, raft);
    }
  }

  applied(node: NodeId, applied: Applied, state: StateMachine): void {
    const first = this.states.isFirst(applied.block.header.height);
    this.states.applied(node, applied, state);
    this.#oracle.applied(node, applied, first);
    if (!first) return;
    this.outcomes.block(applied);
    this.configurations.block(applied.block.header.height, applied.block.header.configuration);
    this.releases.block(applied.block.header);
    this.exactlyOnce.block(applied);
    this.authenticity.block(applied);
    this.#shadow.block(applied);
    if (applied.block.header.height % COMPARE_EVERY_BLOCKS === 0) this.#compareBalances(node, state);
  }

  absent(node: NodeId, how: Absence): void {
    this.protocol.absent(node, how);
  }

  /** A node stands where all others stand, and nothing moves any more. */
  atRest(node: NodeId, state: StateMachine): void {
    this.states.look(node, state);
    this.releases.atRest(state.release, state.configuration);
    this.#compareBalances(node, state);
  }

  broken(node: NodeId, reason: string): void {
    this.#verdict.fail("nodeStopped", `node ${node}: ${reason}`);
  }

  #committedByLeader(node: NodeId, raft: RaftView, { configurationBefore }: NodeChange): void {
    this.chain.committedByLeader(node, raft);
    this.#quorums.committedByLeader(node, raft, configurationBefore);
    const { voters, outgoing, learners } = raft.configuration;
    const isOut = ![...voters, ...outgoing].includes(node);
    if (!isOut || !raft.configurationIsCommitted) return;
    this.#reached.add(learners.includes(node) ? "leaderDemoted" : "leaderRemoved");
  }

  #compareBalances(node: NodeId, state: StateMachine): void {
    const where = (): string => `node ${node} at height ${state.height}`;
    const accounts = readAllAccounts(state);
    checkConservation(this.#verdict, where, accounts);
    this.#shadow.compare(where, accounts);
    this.#oracle.compare(node, state, where);
  }

  #tellMoments(node: NodeId, change: NodeChange): void {
    if (change.voted) this.#moment(node, "voted");
    if (change.elected) this.#moment(node, "elected");
    if (change.logChanged) this.#moment(node, "appended");
    if (change.committed) this.#moment(node, "committed");
    if (change.reconfigured) this.#moment(node, "reconfigured");
  }
}
