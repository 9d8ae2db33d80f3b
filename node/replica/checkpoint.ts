/**
 * Checkpoints: the pages of the replicated state that changed, with the height they belong to, in one atomic write.
 *
 * Keys: `checkpoint/meta`, `checkpoint/<component>/<page>`. A restart loads all pages and replays the log's tail.
 */
import { toHex } from "../base/bytes.ts";
import { CodedError, errorMessage } from "../base/errors.ts";
import type { Store, StoreChange } from "../base/ports/store.ts";
import type { StateMachine } from "../state/state-machine.ts";
import { pack, unpack } from "../wire/msgpack.ts";
import { bytes, check, integer, list, type Schema, safeInteger, text, tuple } from "../wire/schema.ts";

const META_KEY = "checkpoint/meta";
const COMPONENTS_MAX = 64;

/** What a checkpoint says of itself. */
export interface CheckpointMeta {
  readonly height: number;
  readonly digest: Uint8Array;
  /** Pages of each component, in the order of `StateMachine.paged`. */
  readonly components: readonly { readonly name: string; readonly pages: number }[];
}

const metaSchema: Schema<
  readonly [version: number, height: number, digest: Uint8Array, components: readonly (readonly [string, number])[]]
> = tuple(integer(1, 1), safeInteger, bytes(32), list(tuple(text(64), safeInteger), COMPONENTS_MAX));

function pageKey(component: string, page: number): string {
  return `checkpoint/${component}/${page}`;
}

/** The newest checkpoint's description, or undefined before the first. */
export function loadCheckpointMeta(store: Store): CheckpointMeta | undefined {
  const encoded = store.get(META_KEY);
  if (encoded === undefined) return undefined;
  const [, height, digest, components] = orDamaged(META_KEY, () =>
    check(metaSchema, unpack(encoded), "malformed_body"),
  );
  return { height, digest, components: components.map(([name, pages]) => ({ name, pages })) };
}

/** Collects what changed since the last checkpoint and marks it clean: it must be written, or the node must stop. */
export function takeCheckpoint(state: StateMachine): readonly StoreChange[] {
  const changes: StoreChange[] = [];
  for (const component of state.paged) {
    for (const page of component.dirtyPages()) {
      changes.push({ key: pageKey(component.name, page), value: component.encodePage(page) });
    }
    component.markClean();
  }
  const components = state.paged.map((component) => [component.name, component.pageCount()]);
  changes.push({ key: META_KEY, value: pack([1, state.height, state.digest, components]) });
  return changes;
}

/** Restores a freshly constructed state machine from the store; false when there is no checkpoint. */
export function restoreCheckpoint(store: Store, state: StateMachine): boolean {
  const meta = loadCheckpointMeta(store);
  if (meta === undefined) return false;
  for (const { name, pages } of meta.components) {
    const component = state.paged.find((candidate) => candidate.name === name);
    if (component === undefined) throw damaged(`it has a component ${name} that this version does not know`);
    for (let page = 0; page < pages; page++) {
      const key = pageKey(name, page);
      const encoded = store.get(key);
      if (encoded === undefined) throw damaged(`${key} is missing`);
      orDamaged(key, () => component.decodePage(page, encoded));
    }
  }
  for (const component of state.paged) component.restored();
  state.restored();
  if (state.height !== meta.height || toHex(state.digest) !== toHex(meta.digest)) {
    throw damaged(`it says height ${meta.height}, its pages say ${state.height}`);
  }
  return true;
}

/** Bytes of ours that do not decode are damage, whatever the decoder says of them. */
function orDamaged<T>(key: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw damaged(`${key}: ${errorMessage(error)}`, error);
  }
}

function damaged(reason: string, cause?: unknown): CodedError {
  return new CodedError("checkpoint_damaged", `the checkpoint cannot be used: ${reason}`, {}, cause);
}
