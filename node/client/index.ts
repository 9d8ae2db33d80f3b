/**
 * The client library: what a program needs to submit signed transactions to a Quorate cluster and to prove what became
 * of them.
 */

export { fetchCheckpoint, fetchConsistency, fetchInclusion } from "./checkpoints.ts";
export { type ClientOptions, type Outcome, QuorateClient } from "./client.ts";
export type { EventsOptions } from "./events.ts";
export { readKeyFile, writeKeyFile } from "./key-file.ts";
export * from "./portable.ts";
