/**
 * Checkpoints: the pages of the replicated state that changed, with the height they belong to, in one atomic write.
 *
 * Keys: `checkpoint/meta`, `checkpoint/<generation>/<component>/<page>`. The meta names the generation whose pages count;
 * a checkpoint that comes from a peer is put under another generation while this one goes on. A restart loads all pages
 * and replays the log's tail.
 */
import { toHex } from "../base/bytes.ts";
import { CodedError, errorMessage } from "../base/errors.ts";
import { CHECKPOINT_PAGES_MAX } from "../base/limits.ts";
import type { Store, StoreChange } from "../base/ports/store.ts";
import { isTooNew } from "../base/release.ts";
import type { StateMachine } from "../state/state-machine.ts";
import { pack, unpack } from "../wire/msgpack.ts";
import { boolean, bytes, check, integer, list, type Schema, safeInteger, text, tuple } from "../wire/schema.ts";

/** Where a checkpoint says of itself what it is. */
export const META_KEY = "checkpoint/meta";
const COMPONENTS_MAX = 64;
/** Far more than any page has: a bound for what a stranger may make somebody hold. */
export const PAGE_BYTES_MAX: number = 64 * 1_048_576;
/** The components that are not handed on to a restored cluster. */
const OF_SESSIONS: readonly string[] = ["sessions", "replies"];
/** That of a node's own first checkpoint. */
export const FIRST_GENERATION = 1;
/** Of the description and of all pages; 6 since replies and the newest rows are packed. */
const META_VERSION = 6;

/** Pages of a component of the state. */
export interface ComponentPages {
  readonly name: string;
  readonly pages: number;
}

/** The state that a checkpoint holds. */
export interface CheckpointContents {
  readonly height: number;
  readonly digest: Uint8Array;
  /** In the order of `StateMachine.paged`. */
  readonly components: readonly ComponentPages[];
}

/** What a checkpoint says of itself. */
export interface CheckpointMeta extends CheckpointContents {
  readonly generation: number;
  /** It came from a peer, and whether the log reaches up to it has not been looked at. */
  readonly isForeign: boolean;
}

const pageCount = integer(0, CHECKPOINT_PAGES_MAX);
const componentList = list(tuple(text(64), pageCount), COMPONENTS_MAX);

/** Components and the number of their pages, of which there are no more in all than somebody may make a node look for. */
export const componentsSchema: Schema<readonly (readonly [name: string, pages: number])[]> = (value, path) => {
  const components = componentList(value, path);
  pageCount(
    components.reduce((sum, [, pages]) => sum + pages, 0),
    path === "" ? "the pages in all" : `the pages in all of ${path}`,
  );
  return components;
};
const metaSchema = tuple(
  integer(META_VERSION, META_VERSION),
  safeInteger,
  bytes(32),
  componentsSchema,
  safeInteger,
  boolean,
);

type ReadableStore = Pick<Store, "get">;

/** Hears of each page that is written or read. */
type PageReader = (component: string, page: number, encoded: Uint8Array) => void;
const NOBODY: PageReader = () => undefined;
const NO_PAGES: ReadonlySet<string> = new Set();

export function pageKey(generation: number, component: string, page: number): string {
  return `checkpoint/${generation}/${component}/${page}`;
}

/** The newest checkpoint's description, or undefined before the first. */
export function loadCheckpointMeta(store: ReadableStore): CheckpointMeta | undefined {
  const encoded = store.get(META_KEY);
  if (encoded === undefined) return undefined;
  const value = orDamaged(META_KEY, () => unpack(encoded));
  checkVersion(value);
  const fields = orDamaged(META_KEY, () => check(metaSchema, value, "malformed_body"));
  const [, height, digest, components, generation, isForeign] = fields;
  return { height, digest, components: components.map(([name, pages]) => ({ name, pages })), generation, isForeign };
}

/** Throws `CodedError` `store_foreign_format` for the checkpoint of another version of this program. */
function checkVersion(meta: unknown): void {
  const version: unknown = Array.isArray(meta) ? meta[0] : undefined;
  if (version === META_VERSION || !Number.isInteger(version)) return;
  const text = `the checkpoint has format ${String(version)}, this program format ${META_VERSION}; use the version that wrote it`;
  throw new CodedError("store_foreign_format", text, { version: Number(version) });
}

/** The change that makes a checkpoint the one that counts; its pages must be written. */
export function metaChange({ height, digest, components, generation, isForeign }: CheckpointMeta): StoreChange {
  const pages = components.map((component) => [component.name, component.pages]);
  return { key: META_KEY, value: pack([META_VERSION, height, digest, pages, generation, isForeign]) };
}

/** Whether this is the key of a page of a generation, as the state has it. */
export function isPageOf(state: StateMachine, generation: number, key: string): boolean {
  return state.paged.some(({ name }) => key.startsWith(pageKey(generation, name, 0).slice(0, -1)));
}

interface CheckpointTaking {
  /** Keys of pages that are written in any case. */
  readonly damaged?: ReadonlySet<string>;
  /** Hears of each page that is written. */
  readonly tell?: PageReader;
}

/**
 * Collects what changed since the last checkpoint, which has this generation, and marks it clean: it must be written, or
 * the node must stop.
 */
export function takeCheckpoint(
  state: StateMachine,
  generation: number = FIRST_GENERATION,
  taking: CheckpointTaking = {},
): readonly StoreChange[] {
  const changes = checkpointChanges(state, generation, taking);
  markTaken(state);
  return changes;
}

/** What a checkpoint would write that is taken now. */
export function checkpointChanges(
  state: StateMachine,
  generation: number,
  { damaged = NO_PAGES, tell = NOBODY }: CheckpointTaking,
): readonly StoreChange[] {
  const changes: StoreChange[] = [];
  for (const component of state.paged) {
    const dirty = new Set(component.dirtyPages());
    for (let page = 0; damaged.size > 0 && page < component.pageCount(); page++) {
      if (damaged.has(pageKey(generation, component.name, page))) dirty.add(page);
    }
    for (const page of dirty) {
      const value = component.encodePage(page);
      tell(component.name, page, value);
      changes.push({ key: pageKey(generation, component.name, page), value });
    }
  }
  changes.push(metaChange({ ...contentsOf(state), generation, isForeign: false }));
  return changes;
}

/** The next checkpoint is about what changes from now on: those changes must be written, or the node must stop. */
export function markTaken(state: StateMachine): void {
  for (const component of state.paged) component.markClean();
}

/** Tells of each page that has changed since the last checkpoint, as it stands now; they go on to be changed. */
export function tellChanged(state: StateMachine, tell: PageReader): void {
  for (const component of state.paged) {
    for (const page of component.dirtyPages()) tell(component.name, page, component.encodePage(page));
  }
}

/** The changes that take away all checkpoints, whole or not. */
export function forgetChanges(store: Pick<Store, "snapshot">): readonly StoreChange[] {
  const snapshot = store.snapshot();
  const keys = snapshot.keys("checkpoint/");
  snapshot.close();
  return keys.map((key) => ({ key }));
}

/** All of a state as a checkpoint, for a store that has none. */
export function wholeCheckpoint(state: StateMachine): readonly StoreChange[] {
  const pages = state.paged.flatMap((component) =>
    Array.from({ length: component.pageCount() }, (_, page) => {
      return { key: pageKey(FIRST_GENERATION, component.name, page), value: component.encodePage(page) };
    }),
  );
  return [...pages, metaChange({ ...contentsOf(state), generation: FIRST_GENERATION, isForeign: false })];
}

/**
 * The state that a restored cluster begins with, out of the one that its genesis names as its origin. Sessions are left
 * behind: what they number was signed for the other cluster, and is never taken here.
 */
export function succeeding(origin: StateMachine, state: StateMachine): StateMachine {
  const components = contentsOf(origin).components.filter(({ name }) => !OF_SESSIONS.includes(name));
  loadPages(state, components, (name, page) => origin.paged.find((part) => part.name === name)?.encodePage(page));
  state.takeOver();
  return state;
}

/** What a checkpoint of the state as it stands holds. */
export function contentsOf({ height, digest, paged }: StateMachine): CheckpointContents {
  return { height, digest, components: paged.map((each) => ({ name: each.name, pages: each.pageCount() })) };
}

/** Restores a freshly constructed state machine from the store; false when there is no checkpoint. */
export function restoreCheckpoint(store: ReadableStore, state: StateMachine): boolean {
  const meta = loadCheckpointMeta(store);
  if (meta === undefined) return false;
  restorePages(store, meta.generation, meta, state);
  return true;
}

/** Restores a freshly constructed state machine from a generation's pages; throws as `loadPages` does. */
export function restorePages(
  store: ReadableStore,
  generation: number,
  { height, digest, components }: CheckpointContents,
  state: StateMachine,
  tell: PageReader = NOBODY,
): void {
  loadPages(state, components, (name, page) => {
    const encoded = store.get(pageKey(generation, name, page));
    if (encoded !== undefined) tell(name, page, encoded);
    return encoded;
  });
  if (state.height !== height || toHex(state.digest) !== toHex(digest)) {
    throw damaged(`it says height ${height}, its pages say ${state.height}`);
  }
}

/** Throws `CodedError` `checkpoint_damaged` where the books of a loaded state do not balance; takes time with the state. */
export function checkBooks(state: StateMachine): void {
  orDamaged("its books", () => state.checkInvariants());
}

/** Loads a freshly constructed state machine; throws `CodedError` `checkpoint_damaged`, or `release_too_new`. */
export function loadPages(
  state: StateMachine,
  components: readonly ComponentPages[],
  pageOf: (component: string, page: number) => Uint8Array | undefined,
): void {
  for (const { name, pages } of components) {
    const component = state.paged.find((candidate) => candidate.name === name);
    if (component === undefined) throw damaged(`it has a component ${name} that this version does not know`);
    for (let page = 0; page < pages; page++) {
      const encoded = pageOf(name, page);
      if (encoded === undefined) throw damaged(`page ${page} of ${name} is missing`);
      orDamaged(`page ${page} of ${name}`, () => component.decodePage(page, encoded));
    }
  }
  orDamaged("its pages", () => {
    for (const component of state.paged) component.restored();
    state.restored();
  });
}

/** Bytes of ours that do not decode are damage, whatever the decoder says of them, unless they are of a later release. */
function orDamaged<T>(key: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (isTooNew(error)) throw error;
    throw damaged(`${key}: ${errorMessage(error)}`, error);
  }
}

function damaged(reason: string, cause?: unknown): CodedError {
  return new CodedError("checkpoint_damaged", `the checkpoint cannot be used: ${reason}`, {}, cause);
}
