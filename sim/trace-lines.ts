/**
 * The trace for people: one aligned line an event that matters, with the node's role, term and commit index.
 *
 *     t=     1042 n2 L term=7 commit=88/91 applied=88  raft.role role=leader leader=2 term=7
 */
import type { NodeId } from "../node/base/ids.ts";
import type { Inspected } from "./cluster.ts";
import type { Scheduler } from "./scheduler.ts";
import type { TraceListener } from "./trace.ts";

const ROLES = { follower: "F", preCandidate: "P", candidate: "C", leader: "L" } as const;

export class TraceLines {
  readonly #scheduler: Scheduler;
  readonly #listener: TraceListener;
  readonly #inspect: (node: NodeId) => Inspected | undefined;

  constructor(scheduler: Scheduler, listener: TraceListener, inspect: (node: NodeId) => Inspected | undefined) {
    this.#scheduler = scheduler;
    this.#listener = listener;
    this.#inspect = inspect;
  }

  /** Writes a line about a node; node 0 is the world. */
  readonly write = (node: NodeId, text: string): void => {
    const time = `t=${(this.#scheduler.nowUs / 1000).toFixed(3).padStart(11)}`;
    this.#listener(`${time} ${node === 0 ? "--" : `n${node}`} ${this.#stand(node)} ${text}`);
  };

  #stand(node: NodeId): string {
    const inspected = node === 0 ? undefined : this.#inspect(node);
    if (inspected === undefined) return "-".padEnd(40);
    const { raft, state } = inspected;
    const log = `commit=${raft.commit}/${raft.lastIndex}`;
    return `${ROLES[raft.role]} term=${raft.term} ${log} applied=${state.height}`.padEnd(40);
  }
}
