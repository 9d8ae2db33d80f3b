/**
 * What a node has fetched of a peer's checkpoint, in the store: a note that says which checkpoint it is and under which
 * generation its pages are put, and the pages that are there. Both outlive a crash, so that fetching goes on. Generations
 * that are neither the node's own nor the fetched one are rubbish, and are swept in small pieces.
 */
import { equalBytes } from "../base/bytes.ts";
import { CodedError, errorMessage } from "../base/errors.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import type { Store, StoreChange } from "../base/ports/store.ts";
import { pack, unpack } from "../wire/msgpack.ts";
import { bytes, check, integer, safeInteger, tuple } from "../wire/schema.ts";
import type { PagePlace } from "./catch-up-frames.ts";
import {
  type CheckpointContents,
  componentsSchema,
  FIRST_GENERATION,
  loadCheckpointMeta,
  metaChange,
  pageKey,
} from "./checkpoint.ts";
import { placesOf } from "./offered-state.ts";
import { PageHashes } from "./page-hashes.ts";

const FETCH_KEY = "catch-up/fetch";
const PAGES_PREFIX = "checkpoint/";
const SWEPT_AT_A_TIME = 256;

/** A peer's checkpoint that is being fetched. */
export interface FetchedCheckpoint extends CheckpointContents {
  /** Where its pages are put. */
  readonly generation: number;
}

const fetchSchema = tuple(integer(1, 1), safeInteger, safeInteger, bytes(32), componentsSchema);

/** Which checkpoint is being fetched, if one is; throws `CodedError` `checkpoint_damaged`. */
export function loadFetched(store: Pick<Store, "get">): FetchedCheckpoint | undefined {
  const encoded = store.get(FETCH_KEY);
  if (encoded === undefined) return undefined;
  try {
    const [, generation, height, digest, components] = check(fetchSchema, unpack(encoded), "malformed_body");
    return { generation, height, digest, components: components.map(([name, pages]) => ({ name, pages })) };
  } catch (error) {
    throw new CodedError("checkpoint_damaged", `${FETCH_KEY}: ${errorMessage(error)}`, {}, error);
  }
}

/** To be written before the first of its pages. */
export function noteChange({ generation, height, digest, components }: FetchedCheckpoint): StoreChange {
  const pages = components.map((component) => [component.name, component.pages]);
  return { key: FETCH_KEY, value: pack([1, generation, height, digest, pages]) };
}

/** Nothing is being fetched any more; the pages are rubbish. */
export const FORGET_NOTE: StoreChange = { key: FETCH_KEY };

/**
 * What makes a checkpoint that is fetched whole this node's own, in one atomic write: from then on the pages of the
 * generation before are rubbish, and the log is to reach up to it when the node starts.
 */
export function installChanges(fetched: FetchedCheckpoint): readonly StoreChange[] {
  return [metaChange({ ...fetched, isForeign: true }), FORGET_NOTE];
}

export function sameCheckpoint(a: CheckpointContents, b: CheckpointContents): boolean {
  if (a.height !== b.height || !equalBytes(a.digest, b.digest) || a.components.length !== b.components.length)
    return false;
  return a.components.every(({ name, pages }, place) => {
    const other = b.components[place];
    return other?.name === name && other.pages === pages;
  });
}

/** Pages of a checkpoint in all. */
export function pageCountOf({ components }: CheckpointContents): number {
  return components.reduce((sum, { pages }) => sum + pages, 0);
}

/** All places of a checkpoint whose pages are not there, in order. */
export function missingPages(store: Pick<Store, "get" | "snapshot">, fetched: FetchedCheckpoint): PagePlace[] {
  const snapshot = store.snapshot();
  const there = new Set(snapshot.keys(generationPrefix(fetched.generation)));
  snapshot.close();
  return placesOf(fetched).filter(({ name, page }) => !there.has(pageKey(fetched.generation, name, page)));
}

/**
 * The root over the pages as they are: nothing is made of them, so that takes no longer than reading them, whatever they
 * say. Throws `CodedError` where one is missing or cannot be read.
 */
export function fetchedRoot(store: Pick<Store, "get">, fetched: FetchedCheckpoint, sha256: Sha256): Uint8Array {
  const hashes = new PageHashes(sha256);
  for (const { name, page } of placesOf(fetched)) {
    const key = pageKey(fetched.generation, name, page);
    const encoded = store.get(key);
    if (encoded === undefined) throw new CodedError("checkpoint_damaged", `${key} is missing`);
    hashes.take(name, page, encoded);
  }
  return hashes.root(fetched.components);
}

/** What stands in the store of checkpoints. */
export interface Generations {
  /** The highest that was ever used, as far as can be seen; the next is one more, so that no two are mixed. */
  readonly newest: number;
  /** Keys of pages that count no more. */
  readonly rubbish: string[];
}

export function lookAtGenerations(store: Pick<Store, "get" | "snapshot">): Generations {
  const current = loadCheckpointMeta(store)?.generation ?? FIRST_GENERATION;
  const fetched = loadFetched(store)?.generation ?? current;
  const snapshot = store.snapshot();
  const keys = snapshot.keys(PAGES_PREFIX).filter((key) => generationOf(key) !== undefined);
  snapshot.close();
  const newest = keys.reduce((max, key) => Math.max(max, generationOf(key) ?? 0), Math.max(current, fetched));
  const rubbish = keys.filter((key) => generationOf(key) !== current && generationOf(key) !== fetched);
  return { newest, rubbish };
}

/** Takes the next few keys off, for one write that deletes them. */
export function sweepChanges(rubbish: string[]): readonly StoreChange[] {
  return rubbish.splice(0, SWEPT_AT_A_TIME).map((key) => ({ key }));
}

function generationPrefix(generation: number): string {
  return `${PAGES_PREFIX}${generation}/`;
}

/** Of a page's key; undefined for another key. */
function generationOf(key: string): number | undefined {
  const match = /^checkpoint\/(\d+)\//.exec(key);
  return match === null ? undefined : Number(match[1]);
}
