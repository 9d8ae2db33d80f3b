/** What tests of the replica's actors share: a cluster's genesis, blocks behind it, and actors that only listen. */
import { sha256 } from "../../sim/virtual-crypto.ts";
import type { ActorContext, ActorRef } from "../actor/actor.ts";
import { must } from "../base/assert.ts";
import { utf8 } from "../base/bytes.ts";
import type { Configuration } from "../base/configuration.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Log, LogFields } from "../base/ports/log.ts";
import { FIRST_RELEASE } from "../base/release.ts";
import { earliestTimestamp, encodeBlock, type StateAt } from "../wire/block.ts";
import type { Command } from "../wire/body.ts";
import { THREE_VOTERS } from "../wire/configuration.test-support.ts";
import { clusterIdOf, type Genesis, genesisHash } from "../wire/genesis.ts";
import { GROUP, signTransaction } from "../wire/transaction.ts";
import type { ChainHead } from "./chain.ts";

export { sha256 };

const SECOND = 1_000_000_000n;

function keyOf(name: string): Uint8Array {
  return sha256(utf8(`key of ${name}`));
}

export const GENESIS: Genesis = {
  timestamp: 1_750_000_000n * SECOND,
  nodes: [1, 2, 3].map((id) => ({ id, publicKey: keyOf(`node ${id}`) })),
  adminKey: keyOf("admin"),
};
export const CLUSTER_ID: Uint8Array = clusterIdOf(sha256, GENESIS);
export const GENESIS_HEAD: ChainHead = {
  hash: genesisHash(sha256, GENESIS),
  timestamp: GENESIS.timestamp,
  release: FIRST_RELEASE,
};
const ADMIN_SESSION: Uint8Array = sha256(utf8("session")).slice(0, 16);

/** A transaction of the admin. Its signature is zeros: the gateway has checked it before it comes to a replica. */
export function adminTransaction(sequence: number, command: Command): Uint8Array {
  const signer = { publicKey: GENESIS.adminKey, sign: () => new Uint8Array(64) };
  const placement = {
    clusterId: CLUSTER_ID,
    session: ADMIN_SESSION,
    sequence,
    expiry: GENESIS.timestamp + 300n * SECOND,
  };
  return signTransaction(sha256, signer, placement, command);
}

export interface BlockSpec {
  readonly height: number;
  readonly term: number;
  readonly transactions?: readonly Uint8Array[];
  readonly state?: StateAt;
  /** That of the head where it is not given. */
  readonly release?: number;
  /** Three voters where it is not given. */
  readonly configuration?: Configuration;
}

/** What a leader says of its state in blocks that are never executed. */
export const STATE: StateAt = { height: 0, digest: new Uint8Array(32) };

/** A block behind a head, with the head that it makes. */
export function blockBehind(
  head: ChainHead,
  spec: BlockSpec,
): { readonly bytes: Uint8Array; readonly head: ChainHead } {
  const { height, term, transactions = [], release = head.release, configuration = THREE_VOTERS } = spec;
  const timestamp = earliestTimestamp(head.timestamp, transactions.length);
  const content = {
    release,
    builder: 1,
    group: GROUP,
    height,
    term,
    timestamp,
    clusterId: CLUSTER_ID,
    previousHash: head.hash,
    state: spec.state ?? STATE,
    transactions,
  };
  const { bytes, hash } = encodeBlock(sha256, { ...content, configuration });
  return { bytes, head: { hash, timestamp, release } };
}

/** Chained blocks from height 1 on, one for each list of transactions. */
export function chainOf(term: number, bodies: readonly (readonly Uint8Array[])[]): readonly Uint8Array[] {
  let head = GENESIS_HEAD;
  return bodies.map((transactions, index) => {
    const block = blockBehind(head, { height: index + 1, term, transactions });
    head = block.head;
    return block.bytes;
  });
}

/** An actor that keeps what it is told. */
export class Listener<M extends { readonly type: string }> implements ActorRef<M> {
  readonly name: string;
  readonly messages: M[] = [];

  constructor(name: string) {
    this.name = name;
  }

  tell(message: M): boolean {
    this.messages.push(message);
    return true;
  }

  deliver(message: M): void {
    this.messages.push(message);
  }

  /** The messages of one type, which are forgotten. */
  take<T extends M["type"]>(type: T): Extract<M, { readonly type: T }>[] {
    const taken = this.messages.filter((message): message is Extract<M, { readonly type: T }> => message.type === type);
    const left = this.messages.filter((message) => message.type !== type);
    this.messages.splice(0, this.messages.length, ...left);
    return taken;
  }
}

/** A clock that stands still until it is moved. */
export class TestClock implements Clock {
  now = 1_750_000_000_000;

  monotonicMs(): number {
    return this.now;
  }

  wallMs(): number {
    return this.now;
  }

  setTimer(): never {
    throw new Error("actors ask their context for timers");
  }

  defer(): never {
    throw new Error("actors do not defer");
  }
}

/** The context of an actor under test: what it tells itself, now and later, is kept. */
export function contextOf<M extends { readonly type: string }>(
  clock: Clock,
): {
  readonly context: ActorContext<M>;
  readonly self: Listener<M>;
  readonly timers: M[];
  /** After how long each timer that was ever set becomes due. */
  readonly delaysMs: number[];
} {
  const self = new Listener<M>("self");
  const timers: M[] = [];
  const delaysMs: number[] = [];
  const after: ActorContext<M>["after"] = (delayMs, message) => {
    delaysMs.push(delayMs);
    timers.push(message);
    return { cancel: () => {} };
  };
  const later = (message: M): void => void timers.push(message);
  return { context: { self, clock, after, later }, self, timers, delaysMs };
}

function ignore(): void {
  // Only warnings are kept.
}

/** A log of warnings. */
export function recordingLog(): { readonly log: Log; readonly warnings: { event: string; fields: LogFields }[] } {
  const warnings: { event: string; fields: LogFields }[] = [];
  const warn = (event: string, fields: LogFields = {}): void => {
    warnings.push({ event, fields });
  };
  return { log: { debug: ignore, info: ignore, warn, error: ignore }, warnings };
}

/** Completions that wait until the test lets them happen, oldest first. */
export class Later {
  readonly #waiting: (() => void)[] = [];

  readonly schedule = (run: () => void): void => {
    this.#waiting.push(run);
  };

  get count(): number {
    return this.#waiting.length;
  }

  next(): void {
    must(this.#waiting.shift(), "something waits")();
  }

  all(): void {
    while (this.#waiting.length > 0) this.next();
  }
}
