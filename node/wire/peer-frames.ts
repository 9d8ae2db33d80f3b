/**
 * Frames between peers: one byte says which actor a frame is for, the rest is that actor's business.
 */
export const LANES = { raft: 1, gossip: 2, forward: 3, catchUp: 4, repair: 5 } as const;
export type Lane = (typeof LANES)[keyof typeof LANES];
