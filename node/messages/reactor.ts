/**
 * What the reactors (channels, risk, settlement, gossip) hear of the replicated state. A reactor acts on the outside only
 * while this node leads, and may be told things twice across changes of leader: the state machine makes that harmless.
 */
import type { LogIndex, LogTime } from "../base/ids.ts";
import type { StateEvent } from "../state/events.ts";
import type { Intent } from "../state/outbox.ts";

/** A block has been applied. */
export interface AppliedNotice {
  readonly type: "applied";
  readonly height: LogIndex;
  readonly timestamp: LogTime;
  readonly digest: Uint8Array;
  readonly blockHash: Uint8Array;
  readonly historyRoot: Uint8Array;
  readonly events: readonly StateEvent[];
  /** Earliest log time at which the state machine has housekeeping to do. */
  readonly nextDeadline: LogTime | undefined;
}

/** This node leads and has applied all that came before its term; `openIntents` is the whole outbox. */
interface LeadNotice {
  readonly type: "lead";
  readonly openIntents: readonly Intent[];
}

/** This node does not lead any more. */
interface FollowNotice {
  readonly type: "follow";
}

export type ReactorMessage = AppliedNotice | LeadNotice | FollowNotice;
