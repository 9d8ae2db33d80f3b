/**
 * Gives this node's newest checkpoint to peers that ask for it, each out of a snapshot of the store that is closed when
 * nobody has asked for a while. The log is held from the oldest such checkpoint on, so that whoever installs one finds
 * there what comes behind it.
 */
import type { ActorRef } from "../actor/actor.ts";
import { CodedError } from "../base/errors.ts";
import type { LogIndex, NodeId } from "../base/ids.ts";
import { CHUNK_BYTES_MAX } from "../base/limits.ts";
import type { Log } from "../base/ports/log.ts";
import { type Perturb, unperturbed } from "../base/ports/perturb.ts";
import type { Store, StoreSnapshot } from "../base/ports/store.ts";
import type { LedgerMessage } from "../messages/ledger.ts";
import type { CatchUpFrame } from "./catch-up-frames.ts";
import { type CheckpointMeta, loadCheckpointMeta, META_KEY, pageKey } from "./checkpoint.ts";

/** How long a checkpoint is kept for a peer that asks nothing; it restarts in between, with the state to be loaded. */
const GIVING_IDLE_MS = 60_000;
/** Pages that are read and not wholly sent: as many as a peer asks for at a time. */
const PAGES_CACHED = 8;
/** Of a chunk that is shorter than it may be. */
const SHORT_BYTES = 100;

export interface CheckpointServerDeps {
  readonly store: Pick<Store, "get" | "snapshot">;
  readonly ledger: ActorRef<LedgerMessage>;
  readonly log: Log;
  readonly send: (to: NodeId, frame: CatchUpFrame) => void;
  /** Where the checkpoint stands that this node takes when it is asked now, or has taken and is writing. */
  readonly taken: () => LogIndex;
  readonly perturb?: Perturb | undefined;
}

/** A checkpoint that is being given to one peer. */
interface Giving {
  readonly snapshot: StoreSnapshot;
  readonly meta: CheckpointMeta;
  /** By key, oldest first. */
  readonly pages: Map<string, Uint8Array>;
  usedAtMs: number;
}

export class CheckpointServer {
  readonly #deps: CheckpointServerDeps;
  readonly #givings = new Map<NodeId, Giving>();
  /** What the ledger was told last of where the log is held from. */
  #heldFrom: LogIndex | undefined;
  /** A page that could not be read: no checkpoint is offered until it can. */
  #damagedKey: string | undefined;

  constructor(deps: CheckpointServerDeps) {
    this.#deps = deps;
  }

  /** Peers that are being given a checkpoint. */
  get count(): number {
    return this.#givings.size;
  }

  /** A peer asks for a checkpoint: it is offered the newest, if that is new enough, and else this node takes one. */
  ask(from: NodeId, atLeast: LogIndex, nowMs: number): void {
    const { ledger, send, taken } = this.#deps;
    const meta = this.#meta(from);
    if (meta === undefined || meta.height < atLeast || !this.#isReadable()) {
      this.#end(from);
      // Where the ledger has too much to do, the peer asks again.
      ledger.tell({ type: "takeCheckpoint" });
      send(from, { type: "refuse", height: taken() });
      return;
    }
    const { height, digest, components } = meta;
    const giving = this.#givings.get(from);
    if (giving?.meta.height === height) giving.usedAtMs = nowMs;
    else this.#begin(from, meta, nowMs);
    send(from, { type: "offer", height, digest, components });
  }

  /** A snapshot costs much where there are many pages: whoever asks again and again for the same has one. */
  #begin(to: NodeId, meta: CheckpointMeta, nowMs: number): void {
    const { store, log } = this.#deps;
    this.#givings.get(to)?.snapshot.close();
    this.#givings.set(to, { snapshot: store.snapshot(), meta, pages: new Map(), usedAtMs: nowMs });
    this.#holdLog();
    log.info("catch_up.giving", { to, height: meta.height });
  }

  fetch(from: NodeId, wanted: Extract<CatchUpFrame, { readonly type: "fetch" }>, nowMs: number): void {
    const { height, component, page, offset } = wanted;
    const giving = this.#givings.get(from);
    if (giving?.meta.height !== height) {
      this.#deps.send(from, { type: "gone", height });
      return;
    }
    giving.usedAtMs = nowMs;
    const described = giving.meta.components[component];
    if (described === undefined || page >= described.pages) return;
    const bytes = this.#page(from, giving, pageKey(giving.meta.generation, described.name, page));
    if (bytes === undefined) {
      this.#end(from);
      this.#deps.send(from, { type: "gone", height });
    }
    if (bytes === undefined || offset > bytes.length) return;
    const { perturb = unperturbed } = this.#deps;
    const end = Math.min(offset + (perturb("shortChunk") ? SHORT_BYTES : CHUNK_BYTES_MAX), bytes.length);
    const chunk = bytes.subarray(offset, end);
    this.#deps.send(from, { type: "chunk", height, component, page, offset, total: bytes.length, bytes: chunk });
  }

  /** Closes what has not been used for a while; true while there is something to look after. */
  tick(nowMs: number): boolean {
    for (const [to, { usedAtMs }] of [...this.#givings]) if (nowMs - usedAtMs >= GIVING_IDLE_MS) this.#end(to);
    return this.#givings.size > 0;
  }

  /** A damaged page is not given: this node writes it again with its next checkpoint, at once, which the peer may ask for. */
  #page(to: NodeId, { snapshot, pages }: Giving, key: string): Uint8Array | undefined {
    const cached = pages.get(key);
    if (cached !== undefined) return cached;
    try {
      const bytes = snapshot.get(key);
      if (bytes === undefined) throw new CodedError("checkpoint_damaged", `${key} is missing`);
      if (pages.size >= PAGES_CACHED) for (const oldest of [...pages.keys()].slice(0, 1)) pages.delete(oldest);
      pages.set(key, bytes);
      return bytes;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#damaged(to, key, error);
      return undefined;
    }
  }

  /** Undefined also where it cannot be read: it is written again with the next checkpoint. */
  #meta(from: NodeId): CheckpointMeta | undefined {
    try {
      return loadCheckpointMeta(this.#deps.store);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#damaged(from, META_KEY, error);
      return undefined;
    }
  }

  #damaged(to: NodeId, key: string, { code, message: reason }: CodedError): void {
    const { log, ledger } = this.#deps;
    log.warn("catch_up.page_damaged", { to, key, code, reason });
    ledger.deliver({ type: "pageDamaged", key });
    this.#damagedKey = key;
  }

  #isReadable(): boolean {
    if (this.#damagedKey === undefined) return true;
    try {
      this.#deps.store.get(this.#damagedKey);
      this.#damagedKey = undefined;
      return true;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      return false;
    }
  }

  #end(to: NodeId): void {
    const giving = this.#givings.get(to);
    if (giving === undefined) return;
    giving.snapshot.close();
    this.#givings.delete(to);
    this.#holdLog();
  }

  #holdLog(): void {
    const heights = [...this.#givings.values()].map(({ meta }) => meta.height);
    const from = heights.length === 0 ? undefined : Math.min(...heights);
    if (from === this.#heldFrom) return;
    this.#heldFrom = from;
    this.#deps.ledger.deliver({ type: "holdLog", from });
  }
}
