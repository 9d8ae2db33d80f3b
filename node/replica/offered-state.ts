/**
 * The state of a checkpoint as a stranger offers it, page by page: what must hold before it is believed. Its signatures are
 * a quorum's, its pages have the root that was signed, and they are of the height that was signed.
 */
import { equalBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { quorumOf } from "../base/quorum.ts";
import { StateMachine, type StateMachineOptions } from "../state/state-machine.ts";
import type { NodeTrust } from "../wire/attestation.ts";
import { check } from "../wire/schema.ts";
import { decodeSignedState, type SignedState, stateSigners } from "../wire/state-root.ts";
import { type ComponentPages, componentsSchema, loadPages, PAGE_BYTES_MAX } from "./checkpoint.ts";
import type { PageHashes } from "./page-hashes.ts";

/** A checkpoint that a quorum vouches for. */
export interface OfferedState {
  readonly signed: SignedState;
  /** In the order in which a state is loaded. */
  readonly components: readonly ComponentPages[];
}

/** A page of an offered state: of the component at a place in its list. */
export interface PagePlace {
  readonly name: string;
  readonly component: number;
  readonly page: number;
}

/** What a stranger says of the pages of a checkpoint: pairs of name and count. Throws `WireError` or `checkpoint_invalid`. */
export function checkComponents(described: unknown): readonly ComponentPages[] {
  const components = check(componentsSchema, described, "malformed_checkpoint");
  return components.map(([name, pages]) => ({ name, pages }));
}

/**
 * The signed state in these bytes; throws `WireError`, or `CodedError` `checkpoint_invalid` unless a quorum of the voters has
 * signed it, with what `lack` says of those that have.
 */
export function checkSignedState(
  voters: NodeTrust,
  encoded: Uint8Array,
  lack: (signers: readonly Uint8Array[]) => string,
): SignedState {
  const signed = decodeSignedState(encoded);
  const signers = stateSigners(signed, voters);
  if (signers.length >= quorumOf(voters.nodeKeys.length)) return signed;
  throw invalid(lack(signers));
}

/** All pages of an offered state, in the order in which a state is loaded. */
export function placesOf({ components }: Pick<OfferedState, "components">): readonly PagePlace[] {
  return components.flatMap(({ name, pages }, component) =>
    Array.from({ length: pages }, (_, page) => ({ name, component, page })),
  );
}

/** A page that comes in parts, one behind the other. */
export class PageParts {
  readonly #place: PagePlace;
  #whole: Uint8Array | undefined;
  #offset = 0;

  constructor(place: PagePlace) {
    this.#place = place;
  }

  /** Where the part begins that is to be asked for next. */
  get offset(): number {
    return this.#offset;
  }

  /** The page once its last part has come; throws `CodedError` `checkpoint_invalid` for a part that is none. */
  take({ total, bytes }: { readonly total: unknown; readonly bytes: unknown }): Uint8Array | undefined {
    this.#whole ??= new Uint8Array(checkedLength(total));
    const left = this.#whole.length - this.#offset;
    if (total !== this.#whole.length || !fits(bytes, left)) {
      throw invalid(`page ${this.#place.page} of component ${this.#place.component} does not fit together`);
    }
    this.#whole.set(bytes, this.#offset);
    this.#offset += bytes.length;
    return this.#offset === this.#whole.length ? this.#whole : undefined;
  }
}

/** Whether these bytes are some of the rest, or all of it. */
function fits(bytes: unknown, left: number): bytes is Uint8Array {
  return bytes instanceof Uint8Array && bytes.length <= left && (bytes.length > 0 || left === 0);
}

function checkedLength(total: unknown): number {
  if (typeof total === "number" && Number.isInteger(total) && total >= 0 && total <= PAGE_BYTES_MAX) return total;
  throw invalid("a page has no length that a page can have");
}

/** Throws `CodedError` `checkpoint_invalid` unless the pages, all of which were taken, have the root that was signed. */
export function checkRoot(hashes: PageHashes, { signed, components }: OfferedState): void {
  if (equalBytes(hashes.root(components), signed.root)) return;
  throw invalid("the pages that came are not those that a quorum has signed");
}

/** The state that pages make; throws `CodedError` `checkpoint_damaged` or `checkpoint_invalid`. */
export function stateOf(
  options: StateMachineOptions,
  { signed, components }: OfferedState,
  pageOf: (component: string, page: number) => Uint8Array | undefined,
): StateMachine {
  const state = new StateMachine(options);
  loadPages(state, components, pageOf);
  if (state.height !== signed.height) throw invalid(`its pages are of height ${state.height}, not ${signed.height}`);
  return state;
}

function invalid(reason: string): CodedError {
  return new CodedError("checkpoint_invalid", `the checkpoint's pages do not hold: ${reason}`);
}
