/**
 * All rules that watch the nodes, behind the one interface through which the cluster tells what happens. A rule sees
 * every change of a node's Raft core and every applied block, and is told nothing else.
 */
import type { NodeId } from "../../node/base/ids.ts";
import type { Applied, StateMachine } from "../../node/state/state-machine.ts";
import type { ClusterObserver, Inspected } from "../cluster.ts";
import type { CrashMoment } from "../fault/plan.ts";
import { CommittedChain } from "./committed-chain.ts";
import { ElectionSafety } from "./election-safety.ts";
import { ExactlyOnce } from "./exactly-once.ts";
import { LogMatching } from "./log-matching.ts";
import { type NodeChange, ObservedNode } from "./observed-node.ts";
import { StateSafety } from "./state-safety.ts";
import type { Verdict } from "./verdict.ts";

export class Rules implements ClusterObserver {
  readonly elections: ElectionSafety;
  readonly logs: LogMatching;
  readonly chain: CommittedChain;
  readonly states: StateSafety;
  readonly exactlyOnce: ExactlyOnce;
  readonly #verdict: Verdict;
  /** Told of moments at which a crash may be planned. */
  readonly #moment: (node: NodeId, moment: CrashMoment) => void;
  readonly #nodes = new Map<NodeId, ObservedNode>();

  constructor(verdict: Verdict, moment: (node: NodeId, moment: CrashMoment) => void) {
    this.#verdict = verdict;
    this.#moment = moment;
    this.elections = new ElectionSafety(verdict);
    this.logs = new LogMatching(verdict);
    this.chain = new CommittedChain(verdict, this.logs);
    this.states = new StateSafety(verdict);
    this.exactlyOnce = new ExactlyOnce(verdict);
  }

  started(node: NodeId, inspected: Inspected): void {
    this.#nodes.set(node, new ObservedNode(node));
    this.logs.restarted(node);
    this.states.restored(node, inspected.state);
    this.stepped(node, inspected);
  }

  stepped(node: NodeId, { raft }: Inspected): void {
    const change = this.#nodes.get(node)?.look(raft);
    if (change === undefined) return;
    if (change.logChanged) this.logs.changed(node, raft);
    if (change.elected) {
      this.elections.elected(node, raft.term);
      this.chain.elected(node, raft);
    }
    if (change.committed) this.chain.committed(node, raft, change.commitBefore);
    this.#tellMoments(node, change);
  }

  applied(node: NodeId, applied: Applied, state: StateMachine): void {
    const first = this.states.isFirst(applied.block.header.height);
    this.states.applied(node, applied, state);
    if (first) this.exactlyOnce.block(applied);
  }

  broken(node: NodeId, reason: string): void {
    this.#verdict.fail("nodeStopped", `node ${node}: ${reason}`);
  }

  #tellMoments(node: NodeId, change: NodeChange): void {
    if (change.voted) this.#moment(node, "voted");
    if (change.elected) this.#moment(node, "elected");
    if (change.logChanged) this.#moment(node, "appended");
    if (change.committed) this.#moment(node, "committed");
  }
}
