/** Two sides of catching up without a network between them: frames wait until the test says what becomes of them. */
import { MemoryStore } from "../../storage/state/memory-store.ts";
import type { CodedError } from "../base/errors.ts";
import type { NodeId } from "../base/ids.ts";
import { type Account, encodeAccounts } from "../ledger/records.ts";
import type { CatchUpMessage } from "../messages/catch-up.ts";
import type { LedgerMessage } from "../messages/ledger.ts";
import { StatusBoard, type StatusFields } from "../messages/status.ts";
import { StateMachine } from "../state/state-machine.ts";
import { decodeBlock } from "../wire/block.ts";
import type { StateRoot } from "../wire/state-root.ts";
import { CatchUpActor } from "./catch-up-actor.ts";
import { loadCheckpointMeta, restorePages, takeCheckpoint } from "./checkpoint.ts";
import { PageHashes } from "./page-hashes.ts";
import {
  adminTransaction,
  chainOf,
  contextOf,
  GENESIS,
  Listener,
  recordingLog,
  sha256,
  TestClock,
} from "./replica.test-support.ts";
import type { Part } from "./standing.ts";

function account(id: bigint): Account {
  const balances = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
  const userData = { userData128: 0n, userData64: 0n, userData32: 0 };
  return { id, ...balances, ...userData, ledger: 978, code: 1, flags: 0, timestamp: 0n };
}

function accountsOf(from: number, count: number): Uint8Array {
  return encodeAccounts(Array.from({ length: count }, (_, offset) => account(BigInt(from + offset))));
}

/** A session, then accounts: enough for some pages. */
export const BLOCKS: readonly Uint8Array[] = chainOf(1, [
  [adminTransaction(0, { kind: "sessionOpen" })],
  ...[1, 2, 3, 4, 5].map((sequence) => [
    adminTransaction(sequence, { kind: "createAccounts", batch: accountsOf(sequence * 8_000, 1_000) }),
  ]),
]);

function machine(releaseMax?: number): StateMachine {
  return new StateMachine({ genesis: GENESIS, sha256, releaseMax });
}

export function stateAfter(height: number): StateMachine {
  const state = machine();
  for (const block of BLOCKS.slice(0, height)) state.apply(decodeBlock(sha256, block));
  return state;
}

/** A store that holds a checkpoint of this height. */
export function storeAt(height: number): MemoryStore {
  return storeOf(stateAfter(height));
}

/** A store that holds a checkpoint of a state. */
export function storeOf(state: StateMachine): MemoryStore {
  const store = new MemoryStore((run) => run());
  store.write(takeCheckpoint(state), () => undefined);
  return store;
}

export interface Sent {
  readonly to: NodeId;
  readonly payload: Uint8Array;
}

/** A node's side: its actor over its store, what it says, and what it tells its ledger. */
export class Side {
  readonly clock: TestClock;
  readonly ledger = new Listener<LedgerMessage>("ledger");
  readonly failures: CodedError[] = [];
  /** What it has said and nobody has heard. */
  readonly sent: Sent[] = [];
  readonly warnings = recordingLog();
  id: NodeId = 1;
  height = 0;
  taking: number | undefined;
  hasRoom = true;
  /** States to load a checkpoint into. */
  statesMade = 0;
  /** Of whom it knows. */
  peers: readonly NodeId[] = [2];
  part: Part = "none";
  hasLeader = true;
  logged = { commit: 0, lastIndex: 0 };
  /** Who votes, as it knows. */
  voters: readonly NodeId[] = [2];
  learners: readonly NodeId[] = [];
  /** What it knows of its pages: at first those of what it was started with. */
  roots: readonly StateRoot[];
  readonly #actor: CatchUpActor;
  readonly #self: Listener<CatchUpMessage>;
  readonly #timers: CatchUpMessage[];
  readonly #status = new StatusBoard();

  constructor(store: MemoryStore, clock = new TestClock(), releaseMax?: number) {
    this.clock = clock;
    const { context, self, timers } = contextOf<CatchUpMessage>(clock);
    this.#self = self;
    this.#timers = timers;
    this.roots = rootsIn(store);
    this.#actor = new CatchUpActor(context, {
      ...{ store, ledger: this.ledger, hostLog: this.warnings.log, status: this.#status },
      sendPeer: (to, payload) => this.sent.push({ to, payload }) > 0,
      height: () => this.height,
      logged: () => this.logged,
      ...{ peers: () => this.peers, part: () => this.part, hasLeader: () => this.hasLeader, roots: () => this.roots },
      taking: () => this.taking,
      asker: (canDecide) => {
        const configuration = { voters: this.voters, outgoing: [], learners: this.learners };
        return { configuration, node: this.id, canDecide };
      },
      createState: () => {
        this.statesMade += 1;
        return machine(releaseMax);
      },
      sha256,
      hasRoom: () => this.hasRoom,
      fail: (error) => this.failures.push(error),
    });
    this.settle();
  }

  get status(): StatusFields {
    return this.#status.read()["catchUp"] ?? {};
  }

  receive(message: CatchUpMessage): void {
    this.#actor.receive(message);
    this.settle();
  }

  /** Handles what it has told itself: writes that are done. */
  settle(): void {
    while (this.#self.messages.length > 0)
      for (const message of this.#self.messages.splice(0)) this.#actor.receive(message);
  }

  /** So much time passes, and all that has waited for time comes. */
  tick(ms: number): void {
    this.clock.now += ms;
    for (const message of this.#timers.splice(0)) this.receive(message);
  }
}

function rootsIn(store: MemoryStore): readonly StateRoot[] {
  const meta = loadCheckpointMeta(store);
  if (meta === undefined || meta.isForeign) return [];
  const pages = new PageHashes(sha256);
  restorePages(store, meta.generation, meta, machine(), pages.take);
  return [{ height: meta.height, root: pages.root(meta.components) }];
}

/** Lets two nodes talk until neither has anything to say, or for so many frames; node 2 gives. */
export function talk(fetching: Side, giving: Side, framesMax = 10_000): number {
  let frames = 0;
  for (; frames < framesMax; frames++) {
    const asked = fetching.sent.shift();
    const answer = asked === undefined ? giving.sent.shift() : undefined;
    if (asked !== undefined) giving.receive({ type: "peerFrame", from: 1, payload: asked.payload });
    else if (answer !== undefined) fetching.receive({ type: "peerFrame", from: 2, payload: answer.payload });
    else break;
  }
  return frames;
}

/** The digest of the checkpoint that a store holds for installing, loaded as a node would. */
export function digestOf(store: MemoryStore): Uint8Array | undefined {
  const meta = loadCheckpointMeta(store);
  if (meta === undefined) return undefined;
  const state = machine();
  restorePages(store, meta.generation, meta, state);
  return state.digest;
}
