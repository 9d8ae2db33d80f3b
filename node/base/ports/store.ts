/** A small ordered store of keys and values with atomic batches. */
import type { CodedError } from "../errors.ts";

/** One change; without a value the key is deleted. */
export interface StoreChange {
  readonly key: string;
  readonly value?: Uint8Array;
}

/**
 * What a store held when it was taken, whatever is written afterwards. To be closed, for it keeps the store from throwing
 * away what is old; not to be used after that, nor after the store is closed.
 */
export interface StoreSnapshot {
  /** As of the store; throws `CodedError` where the value is damaged. */
  get(key: string): Uint8Array | undefined;
  /** The keys that begin so, in ascending order. */
  keys(prefix: string): string[];
  close(): void;
}

/**
 * What is looked up by key: term and vote, node metadata, checkpoint pages (`level` on a real host).
 * Keys are ASCII paths, such as `raft/state`. One `write` is atomic, and durable when `done` is called without an
 * error; the last change of a key counts. Writes are done in the order they were started; after one that failed, none
 * ever is. Values given and taken are copies.
 */
export interface Store {
  /** The value as of the newest write that is done, at once; throws `CodedError` when the store is damaged. */
  get(key: string): Uint8Array | undefined;
  write(changes: readonly StoreChange[], done: (error?: CodedError) => void): void;
  /** All that the newest write that is done has left. */
  snapshot(): StoreSnapshot;
}
