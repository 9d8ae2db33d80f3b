/**
 * The catch-up actor: a node whose log cannot be continued, because its peers no longer have what it lacks, is given a
 * checkpoint by one of them, and the others vouch for it. This actor does all sides of it: gives, fetches, and vouches.
 */
import type { Actor, ActorContext, ActorRef } from "../actor/actor.ts";
import type { CodedError } from "../base/errors.ts";
import type { LogIndex, NodeId } from "../base/ids.ts";
import type { Timer } from "../base/ports/clock.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import type { Log } from "../base/ports/log.ts";
import type { Perturb } from "../base/ports/perturb.ts";
import type { Store } from "../base/ports/store.ts";
import type { CatchUpMessage } from "../messages/catch-up.ts";
import type { LedgerMessage } from "../messages/ledger.ts";
import type { StatusBoard } from "../messages/status.ts";
import type { StateMachine } from "../state/state-machine.ts";
import { WireError } from "../wire/msgpack.ts";
import type { StateRoot } from "../wire/state-root.ts";
import { type CatchUpFrame, decodeCatchUp, encodeCatchUp } from "./catch-up-frames.ts";
import { CheckpointClient } from "./checkpoint-client.ts";
import { CheckpointServer } from "./checkpoint-server.ts";
import { type Asker, type Part, standingWithoutRoot } from "./standing.ts";

/** While fetching, and while only giving. */
const FETCHING_TICK_MS = 20;
const GIVING_TICK_MS = 1_000;
/** A node rests when there is more in its log than is committed, and has been for so long with nothing committed meanwhile. */
const RESTS_AFTER_MS = 3_000;

export interface CatchUpActorDeps {
  readonly store: Store;
  readonly ledger: ActorRef<LedgerMessage>;
  readonly hostLog: Log;
  readonly sendPeer: (to: NodeId, payload: Uint8Array) => boolean;
  readonly height: () => LogIndex;
  /** All nodes but this one. */
  readonly peers: () => readonly NodeId[];
  /** What this node takes part in, and whether it knows who leads. */
  readonly part: () => Part;
  readonly hasLeader: () => boolean;
  /** How far its log reaches, and how far that is committed. */
  readonly logged: () => { readonly commit: LogIndex; readonly lastIndex: LogIndex };
  /** As who this node asks, given who of its peers can take part in a decision. */
  readonly asker: (canDecide: ReadonlyMap<NodeId, boolean>) => Asker;
  /** What it knows of its pages at the last few heights. */
  readonly roots: () => readonly StateRoot[];
  /** The height of the checkpoint that it is writing. */
  readonly taking: () => LogIndex | undefined;
  readonly createState: () => StateMachine;
  readonly sha256: Sha256;
  readonly hasRoom: () => boolean;
  /** A store that cannot be written: the node must stop. */
  readonly fail: (error: CodedError) => void;
  readonly status: StatusBoard;
  readonly perturb?: Perturb | undefined;
}

export class CatchUpActor implements Actor<CatchUpMessage> {
  readonly #context: ActorContext<CatchUpMessage>;
  readonly #deps: CatchUpActorDeps;
  readonly #client: CheckpointClient;
  readonly #server: CheckpointServer;
  #timer: Timer | undefined;
  #framesRefused = 0;
  /** Where the log stood still, and since when, as far as was looked. */
  #stalled: { readonly commit: LogIndex; readonly sinceMs: number } | undefined;

  constructor(context: ActorContext<CatchUpMessage>, deps: CatchUpActorDeps) {
    this.#context = context;
    this.#deps = deps;
    const { store, ledger, hostLog: log, height, peers, asker } = deps;
    const { createState, sha256, hasRoom, fail, status } = deps;
    const send = (to: NodeId, frame: CatchUpFrame): void => this.#send(to, frame);
    const stored = (bytes: number): void => context.self.deliver({ type: "stored", bytes });
    const swept = (): void => context.self.deliver({ type: "swept" });
    const shared = { store, ledger, log, send };
    this.#server = new CheckpointServer({ ...shared, taken: () => deps.taking() ?? height(), perturb: deps.perturb });
    const fetching = { peers, asker, createState, sha256, hasRoom, stored, swept, fail };
    this.#client = new CheckpointClient({ ...shared, height, ...fetching });
    status.post("catchUp", () => ({
      ...this.#client.status(),
      giving: this.#server.count,
      framesRefused: this.#framesRefused,
    }));
  }

  receive(message: CatchUpMessage): void {
    const nowMs = this.#context.clock.monotonicMs();
    const wasBusy = this.#client.isBusy;
    switch (message.type) {
      case "peerFrame":
        this.#frame(message.from, message.payload, nowMs);
        break;
      case "wanted":
        this.#client.wanted(message.from, message.atLeast, nowMs);
        break;
      case "tick":
        this.#timer = undefined;
        this.#client.tick(nowMs);
        this.#server.tick(nowMs);
        break;
      case "stored":
        this.#client.stored(message.bytes, nowMs);
        break;
      case "swept":
        this.#client.swept();
        break;
      case "notInstalled":
        this.#client.notInstalled(nowMs);
        break;
    }
    this.#setTimer(wasBusy);
  }

  #frame(from: NodeId, payload: Uint8Array, nowMs: number): void {
    try {
      const frame = decodeCatchUp(payload);
      if (frame.type === "ask") this.#server.ask(from, frame.atLeast, nowMs);
      else if (frame.type === "fetch") this.#server.fetch(from, frame, nowMs);
      else if (frame.type === "vouch") this.#vouch(from, frame.height, nowMs);
      else if (frame.type === "vouched") this.#client.vouched(from, frame, nowMs);
      else this.#client.receive(from, frame, nowMs);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#framesRefused += 1;
    }
  }

  /** Says what this node knows of a checkpoint. Where it will know its pages, it has them reckoned, and is asked again. */
  #vouch(to: NodeId, asked: LogIndex, nowMs: number): void {
    const { roots, part, height, hasLeader, ledger } = this.#deps;
    const known = roots().find((at) => at.height === asked);
    const follows = hasLeader() && !this.#client.isWaiting(nowMs);
    const place = { part: part(), height: height(), follows, rests: this.#rests(nowMs) };
    // Where the ledger has too much to do, the peer asks again.
    if (known === undefined && place.height <= asked) ledger.tell({ type: "rootAsked", by: to, height: asked });
    this.#send(to, { type: "vouched", height: asked, standing: known?.root ?? standingWithoutRoot(place, asked) });
  }

  /** Told by what was so when somebody asked before: nobody asks for long unless it may matter. */
  #rests(nowMs: number): boolean {
    const { commit, lastIndex } = this.#deps.logged();
    if (lastIndex === commit) this.#stalled = undefined;
    else if (this.#stalled?.commit !== commit) this.#stalled = { commit, sinceMs: nowMs };
    return this.#stalled !== undefined && nowMs - this.#stalled.sinceMs >= RESTS_AFTER_MS;
  }

  #send(to: NodeId, frame: CatchUpFrame): void {
    this.#deps.sendPeer(to, encodeCatchUp(frame));
  }

  /** Time is told while there is something to be late for; more often from the moment that this node fetches. */
  #setTimer(wasBusy: boolean): void {
    if (!wasBusy && this.#client.isBusy) {
      this.#timer?.cancel();
      this.#timer = undefined;
    }
    if (this.#timer !== undefined) return;
    if (this.#client.isBusy) this.#timer = this.#context.after(FETCHING_TICK_MS, { type: "tick" });
    else if (this.#server.count > 0) this.#timer = this.#context.after(GIVING_TICK_MS, { type: "tick" });
  }
}
