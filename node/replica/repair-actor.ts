/**
 * The repair actor: gives blocks to peers that have lost theirs, and brings back its own that were found damaged while the
 * node runs. Those are known by their hashes, which the node has in memory, so that it need not know why they are damaged.
 */
import type { LogStore } from "../../storage/wal/log-store.ts";
import type { Actor, ActorContext } from "../actor/actor.ts";
import type { LogIndex, NodeId } from "../base/ids.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import type { Log } from "../base/ports/log.ts";
import type { Random } from "../base/ports/random.ts";
import type { Store } from "../base/ports/store.ts";
import type { RepairMessage } from "../messages/repair.ts";
import type { StatusBoard } from "../messages/status.ts";
import { WireError } from "../wire/msgpack.ts";
import { BlockFetcher } from "./block-fetcher.ts";
import { BlockGiver, type LeaderEnd } from "./block-giver.ts";
import { readableBlock } from "./readable-block.ts";
import { decodeRepair, type RepairFrame } from "./repair-frames.ts";
import { repairLane } from "./repair-lane.ts";
import { repairedBlocks, repairedChange } from "./repaired-count.ts";

const TICK_MS = 200;
/** What no peer has is asked for again after so long: another may have come up. */
const AGAIN_MS = 60_000;
/** Damaged blocks that are remembered; what is beyond is found again by the next round of reading. */
const DAMAGED_MAX = 1_024;

export interface RepairActorDeps {
  readonly log: Pick<LogStore, "firstIndex" | "durableIndex" | "lastIndex" | "hash" | "read" | "repair">;
  readonly store: Store;
  readonly hostLog: Log;
  readonly sha256: Sha256;
  readonly clusterId: Uint8Array;
  readonly random: Random;
  /** The peers of this node. */
  readonly peers: () => readonly NodeId[];
  /** Where the log ends, while this node leads. */
  readonly leaderEnd: () => LeaderEnd | undefined;
  readonly sendPeer: (to: NodeId, payload: Uint8Array) => boolean;
  /** A store that cannot be written: the node must stop. */
  readonly fail: (error: Error) => void;
  readonly status: StatusBoard;
}

export class RepairActor implements Actor<RepairMessage> {
  readonly #context: ActorContext<RepairMessage>;
  readonly #deps: RepairActorDeps;
  readonly #fetcher: BlockFetcher;
  readonly #giver: BlockGiver;
  /** Heights of blocks that are damaged. */
  readonly #damaged = new Set<LogIndex>();
  /** The one that is being written anew. */
  #rewriting: LogIndex | undefined;
  #notBeforeMs = 0;
  #repaired: number;
  #framesRefused = 0;
  #isTicking = false;

  constructor(context: ActorContext<RepairMessage>, deps: RepairActorDeps) {
    this.#context = context;
    this.#deps = deps;
    this.#repaired = repairedBlocks(deps.store);
    const { log, sha256, clusterId, peers, leaderEnd } = deps;
    const { send, nextQuestion } = repairLane(deps.sendPeer, deps.random);
    this.#fetcher = new BlockFetcher({ sha256, clusterId, peers, nextQuestion, send });
    const block = readableBlock((height) => {
      return height >= log.firstIndex() && height <= log.lastIndex() ? log.read(height, height + 1, 0)[0] : undefined;
    });
    this.#giver = new BlockGiver({ block, end: () => leaderEnd() ?? "follows", send });
    deps.status.post("repair", () => ({
      damagedBlocks: this.#damaged.size,
      repairedBlocks: this.#repaired,
      givenBlocks: this.#giver.given,
      framesRefused: this.#framesRefused,
    }));
  }

  receive(message: RepairMessage): void {
    const nowMs = this.#context.clock.monotonicMs();
    switch (message.type) {
      case "peerFrame":
        this.#frame(message.from, message.payload, nowMs);
        break;
      case "tick":
        this.#isTicking = false;
        this.#fetcher.tick(nowMs);
        break;
      case "damaged":
        if (this.#damaged.size < DAMAGED_MAX) this.#damaged.add(message.height);
        break;
      case "rewritten":
        this.#rewritten(message.height, message.isSound, nowMs);
        break;
    }
    this.#goOn(nowMs);
  }

  #frame(from: NodeId, payload: Uint8Array, nowMs: number): void {
    try {
      const frame = decodeRepair(payload);
      if (frame.type === "want" || frame.type === "wantEnd") this.#giver.answer(from, frame);
      else if (frame.type === "blocks") this.#blocks(from, frame, nowMs);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#framesRefused += 1;
    }
  }

  #blocks(from: NodeId, frame: Extract<RepairFrame, { readonly type: "blocks" }>, nowMs: number): void {
    const [record] = this.#fetcher.receive(from, frame, nowMs);
    if (record === undefined) return;
    this.#fetcher.want(undefined, nowMs);
    const height = record.index;
    this.#rewriting = height;
    this.#deps.log.repair(record, (isSound) => this.#context.self.deliver({ type: "rewritten", height, isSound }));
  }

  #rewritten(height: LogIndex, isSound: boolean, nowMs: number): void {
    const { hostLog, store, fail } = this.#deps;
    this.#rewriting = undefined;
    if (!isSound) {
      hostLog.warn("repair.not_written", { height });
      this.#notBeforeMs = nowMs + AGAIN_MS;
      return;
    }
    this.#damaged.delete(height);
    this.#repaired += 1;
    hostLog.info("repair.repaired", { height });
    store.write([repairedChange(this.#repaired)], (error) => {
      if (error !== undefined) fail(error);
    });
  }

  /** One damaged block after the other, the oldest report first; what has left the log is not missed. */
  #goOn(nowMs: number): void {
    const { log, hostLog } = this.#deps;
    for (const height of this.#damaged) if (height < log.firstIndex()) this.#damaged.delete(height);
    if (this.#fetcher.isNowhere) {
      hostLog.warn("repair.nowhere", { height: this.#fetcher.wanted?.height ?? 0 });
      this.#fetcher.want(undefined, nowMs);
      this.#notBeforeMs = nowMs + AGAIN_MS;
    }
    const [height] = this.#damaged;
    const isIdle = this.#fetcher.wanted === undefined && this.#rewriting === undefined;
    if (height !== undefined && isIdle && nowMs >= this.#notBeforeMs) this.#fetch(height, nowMs);
    if (height === undefined || this.#isTicking) return;
    this.#isTicking = true;
    this.#context.after(TICK_MS, { type: "tick" });
  }

  #fetch(height: LogIndex, nowMs: number): void {
    const hash = this.#deps.log.hash(height);
    if (hash === undefined) this.#damaged.delete(height);
    else this.#fetcher.want({ height, hash, downTo: height }, nowMs);
  }
}
