/**
 * Gives the pages of checkpoints to clients who may see everything: whoever audits from a checkpoint, or backs the cluster
 * up. A checkpoint is given only when a quorum has signed its pages, out of a snapshot of the store that stays while
 * somebody asks, however often the node writes another meanwhile; several who ask share one.
 */
import { must } from "../base/assert.ts";
import { CodedError } from "../base/errors.ts";
import type { LogIndex } from "../base/ids.ts";
import { CHUNK_BYTES_MAX, STATES_GIVEN_MAX } from "../base/limits.ts";
import type { Store, StoreSnapshot } from "../base/ports/store.ts";
import type { CheckpointBoard } from "../messages/checkpoints.ts";
import { type ChainQuery, type QueryAnswer, QueryRefusal } from "../state/queries.ts";
import { encodeSignedState } from "../wire/state-root.ts";
import { type CheckpointMeta, loadCheckpointMeta, pageKey } from "./checkpoint.ts";

/** How long a checkpoint is kept for somebody who asks nothing. */
const IDLE_MS = 60_000;
/** So long it is not taken from them either where there is no room for another. */
const IN_USE_MS = 5_000;

/** A checkpoint that is given, or will be as soon as it is signed. */
interface Given {
  readonly snapshot: StoreSnapshot;
  readonly meta: CheckpointMeta;
  usedAtMs: number;
  /** The page that was read last: it goes out in chunks. */
  page?: { readonly key: string; readonly bytes: Uint8Array };
}

type PageQuery = Extract<ChainQuery, { readonly type: "statePage" }>;

/** An answer without where the state stands now. */
type Part<T extends QueryAnswer["type"]> = Omit<Extract<QueryAnswer, { readonly type: T }>, "height" | "timestamp">;

export class GivenStates {
  readonly #store: Pick<Store, "snapshot">;
  readonly #board: Pick<CheckpointBoard, "states">;
  /** By height, which ascends. */
  readonly #given = new Map<LogIndex, Given>();

  constructor(store: Pick<Store, "snapshot">, board: Pick<CheckpointBoard, "states">) {
    this.#store = store;
    this.#board = board;
  }

  /** The log is needed from here on by those who take a checkpoint; undefined while nobody does. */
  get oldest(): LogIndex | undefined {
    return this.#given.size === 0 ? undefined : Math.min(...this.#given.keys());
  }

  /** Checkpoints that are given, or will be. */
  get count(): number {
    return this.#given.size;
  }

  /**
   * The newest checkpoint that a quorum has signed; throws `QueryRefusal` `checkpoint_unavailable` while there is none: the
   * newest that was written is kept meanwhile, so that asking again comes to an end.
   */
  offer(nowMs: number): Part<"signedState"> {
    this.#keepNewest(nowMs);
    const signed = this.#board.states.findLast(({ height }) => this.#given.has(height));
    if (signed === undefined) {
      throw new QueryRefusal("checkpoint_unavailable", "no checkpoint of this node is signed by a quorum yet");
    }
    const given = must(this.#given.get(signed.height), "it is among those that are given");
    given.usedAtMs = nowMs;
    const components = given.meta.components.map(({ name, pages }) => [name, pages] as const);
    return { type: "signedState", state: encodeSignedState(signed), components };
  }

  /** A part of a page of a checkpoint that was offered; throws `QueryRefusal`. */
  page({ state, component, page, offset }: PageQuery, nowMs: number): Part<"statePage"> {
    const given = this.#given.get(state);
    if (given === undefined) throw gone(`the checkpoint at height ${state} is not given any more`);
    const described = given.meta.components[component];
    if (described === undefined || page >= described.pages) {
      throw new QueryRefusal("out_of_range", `the checkpoint has no page ${page} of component ${component}`);
    }
    given.usedAtMs = nowMs;
    const bytes = pageOf(given, pageKey(given.meta.generation, described.name, page));
    if (offset > bytes.length) throw new QueryRefusal("out_of_range", `the page has ${bytes.length} bytes`);
    const chunk = bytes.subarray(offset, offset + CHUNK_BYTES_MAX);
    return { type: "statePage", total: bytes.length, bytes: chunk };
  }

  /** Closes what has not been used for a while; true while there is something to look after. */
  tick(nowMs: number): boolean {
    for (const [height, { usedAtMs }] of [...this.#given]) if (nowMs - usedAtMs >= IDLE_MS) this.#end(height);
    return this.#given.size > 0;
  }

  #keepNewest(nowMs: number): void {
    const snapshot = this.#store.snapshot();
    const meta = readable("the checkpoint", () => loadCheckpointMeta(snapshot), snapshot);
    const isNew = meta !== undefined && !this.#given.has(meta.height);
    if (!isNew || !this.#makeRoom(nowMs)) snapshot.close();
    else this.#given.set(meta.height, { snapshot, meta, usedAtMs: nowMs });
  }

  /** The one that was used longest ago gives way, unless that was just now. */
  #makeRoom(nowMs: number): boolean {
    if (this.#given.size < STATES_GIVEN_MAX) return true;
    const [first] = [...this.#given].sort(([, a], [, b]) => a.usedAtMs - b.usedAtMs);
    const [height, { usedAtMs }] = must(first, "there are some");
    if (nowMs - usedAtMs < IN_USE_MS) return false;
    this.#end(height);
    return true;
  }

  #end(height: LogIndex): void {
    this.#given.get(height)?.snapshot.close();
    this.#given.delete(height);
  }
}

function pageOf(given: Given, key: string): Uint8Array {
  if (given.page?.key === key) return given.page.bytes;
  const bytes = readable(key, () => must(given.snapshot.get(key), `${key} is in the checkpoint`));
  given.page = { key, bytes };
  return bytes;
}

/** What is damaged is not given, and nobody stops for it: whoever asks turns to another node. */
function readable<T>(what: string, read: () => T, ending?: StoreSnapshot): T {
  try {
    return read();
  } catch (error) {
    ending?.close();
    if (error instanceof CodedError) throw gone(`${what} cannot be read: ${error.message}`);
    throw error;
  }
}

function gone(reason: string): QueryRefusal {
  return new QueryRefusal("checkpoint_gone", reason);
}
