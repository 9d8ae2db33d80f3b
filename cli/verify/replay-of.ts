/** Executing a cluster's log again with this machine's cryptography. */
import type { ClusterFile } from "../../node/client/index.ts";
import { nodeTrust } from "../../node/client/receipt-check.ts";
import { Replay } from "../../node/replica/replay.ts";
import type { StateMachine } from "../../node/state/state-machine.ts";

/** Goes on from `state`: the genesis, or what an earlier run has come to. */
export function replayOf(cluster: ClusterFile, state?: StateMachine): Replay {
  return new Replay({ ...nodeTrust(cluster), genesis: cluster.genesis }, state);
}
