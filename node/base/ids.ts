/**
 * Names of things. A node's id is a small number that no other node of the cluster ever has; raft indexes and block heights are the same number.
 */

/** A node of the cluster: 1 to NODE_ID_MAX. */
export type NodeId = number;
/** Position in the replicated log, from 1; also the height of the block there. Safe integers only. */
export type LogIndex = number;
/** A Raft term, from 1. Safe integers only. */
export type Term = number;
/** Log time: nanoseconds since the Unix epoch, strictly increasing from event to event. */
export type LogTime = bigint;
