/**
 * The state of a checkpoint, fetched from a running node page by page and believed only because a quorum of nodes has signed
 * the root over its pages. Audits begin with it, and backups keep it.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { equalBytes } from "../../node/base/bytes.ts";
import { CodedError } from "../../node/base/errors.ts";
import { ask } from "../../node/client/ask.ts";
import { type ClusterFile, QuorateClient, type Signer } from "../../node/client/index.ts";
import { nodeTrust } from "../../node/client/receipt-check.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { type ComponentPages, componentsSchema, loadPages } from "../../node/replica/checkpoint.ts";
import { PageHashes } from "../../node/replica/page-hashes.ts";
import { StateMachine } from "../../node/state/state-machine.ts";
import type { ClusterNode } from "../../node/transport/cluster-file.ts";
import { quorumOf } from "../../node/wire/attestation.ts";
import { check } from "../../node/wire/schema.ts";
import { decodeSignedState, type SignedState, stateSigners } from "../../node/wire/state-root.ts";

/** The newest checkpoint of a node is signed by others a second or two after it was written. */
const PATIENCE_MS = 10_000;
const POLL_MS = 500;
/** Pages that are asked for at a time. */
const WINDOW = 8;
/** What a node may make of this process' memory: pages in all, and bytes of one. */
const PAGES_MAX = 4_194_304;
const PAGE_BYTES_MAX = 64 * 1_048_576;

/** A checkpoint that a quorum vouches for. */
export interface OfferedState {
  readonly signed: SignedState;
  /** In the order in which a state is loaded. */
  readonly components: readonly ComponentPages[];
}

/** Is given the pages in the order in which a state is loaded. */
export type TakePage = (component: string, page: number, bytes: Uint8Array) => void;

/**
 * The newest checkpoint of the node that the client is connected to; waits a little where none is signed yet. Throws
 * `ClientError` `checkpoint_unavailable`, `not_authorized` and others, `CodedError` `checkpoint_invalid`, or `WireError`.
 */
export async function offeredState(client: QuorateClient, cluster: ClusterFile): Promise<OfferedState> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      const { state, components } = await ask(client, { type: "signedState" }, "local");
      return checkOffer(cluster, state, components);
    } catch (error) {
      const isWaiting = error instanceof CodedError && error.code === "checkpoint_unavailable";
      if (!isWaiting || performance.now() >= giveUpAt) throw error;
    }
    await sleep(POLL_MS);
  }
}

function checkOffer(cluster: ClusterFile, encoded: Uint8Array, described: unknown): OfferedState {
  const signed = checkSignedState(cluster, encoded);
  return { signed, components: checkComponents(described) };
}

/** What a stranger says of the pages of a checkpoint: pairs of name and count. Throws `WireError` or `checkpoint_invalid`. */
export function checkComponents(described: unknown): readonly ComponentPages[] {
  const components = check(componentsSchema, described, "malformed_checkpoint");
  if (components.reduce((sum, [, pages]) => sum + pages, 0) > PAGES_MAX) throw invalid("it has too many pages");
  return components.map(([name, pages]) => ({ name, pages }));
}

/** The signed state in these bytes; throws `CodedError` `checkpoint_invalid` unless a quorum has signed it, or `WireError`. */
export function checkSignedState(cluster: ClusterFile, encoded: Uint8Array): SignedState {
  const signed = decodeSignedState(encoded);
  const good = stateSigners(signed, nodeTrust(cluster)).length;
  const needed = quorumOf(cluster.nodes.length);
  if (good >= needed) return signed;
  throw invalid(`${good} good signatures of this cluster's nodes where ${needed} are needed`);
}

/** Fetches all pages of a checkpoint; throws `CodedError` `checkpoint_invalid` at the end where they are not those signed. */
export async function fetchPages(
  client: QuorateClient,
  { signed, components }: OfferedState,
  take: TakePage,
): Promise<void> {
  const hashes = new PageHashes(sha256);
  const places = components.flatMap(({ name, pages }, component) =>
    Array.from({ length: pages }, (_, page) => ({ name, component, page })),
  );
  const asked: Promise<Uint8Array>[] = [];
  for (const [at, { name, page }] of places.entries()) {
    for (const place of places.slice(at + asked.length, at + WINDOW)) {
      const bytes = fetchPage(client, signed.height, place);
      // Whoever waits for it hears of it: the one before may have failed already.
      bytes.catch(() => undefined);
      asked.push(bytes);
    }
    const bytes = (await asked.shift()) ?? new Uint8Array(0);
    hashes.take(name, page, bytes);
    take(name, page, bytes);
  }
  if (!equalBytes(hashes.root(components), signed.root)) {
    throw invalid("the pages that came are not those that a quorum has signed");
  }
}

async function fetchPage(
  client: QuorateClient,
  state: number,
  { component, page }: { readonly component: number; readonly page: number },
): Promise<Uint8Array> {
  let whole: Uint8Array | undefined;
  let offset = 0;
  for (;;) {
    const { total, bytes } = await ask(client, { type: "statePage", state, component, page, offset }, "local");
    whole ??= new Uint8Array(checkedLength(total));
    if (total !== whole.length || !fits(bytes, total - offset)) {
      throw invalid(`page ${page} of component ${component} does not fit together`);
    }
    whole.set(bytes, offset);
    offset += bytes.length;
    if (offset === total) return whole;
  }
}

/** Whether these bytes are some of the rest, or all of it. */
function fits(bytes: unknown, left: number): boolean {
  return bytes instanceof Uint8Array && bytes.length <= left && (bytes.length > 0 || left === 0);
}

function checkedLength(total: unknown): number {
  if (typeof total === "number" && Number.isInteger(total) && total >= 0 && total <= PAGE_BYTES_MAX) return total;
  throw invalid("a page has no length that a page can have");
}

/**
 * The state of the newest checkpoint that a quorum has signed, from the first node that gives one. Throws what the last node
 * that was asked has refused it with; or `CodedError` `checkpoint_invalid` where one gives something else than was signed.
 */
export async function fetchState(cluster: ClusterFile, signer: Signer): Promise<StateMachine> {
  let refusal: unknown;
  for (const node of cluster.nodes) {
    try {
      return await fetchStateFrom(cluster, node, signer);
    } catch (error) {
      if (!(error instanceof CodedError) || NOT_HONEST.has(error.code)) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

async function fetchStateFrom(cluster: ClusterFile, node: ClusterNode, signer: Signer): Promise<StateMachine> {
  const client = await QuorateClient.openReader({ cluster: { ...cluster, nodes: [node] }, signer });
  try {
    const offered = await offeredState(client, cluster);
    const pages = new Map<string, Uint8Array>();
    await fetchPages(client, offered, (name, page, bytes) => pages.set(`${name}/${page}`, bytes));
    return stateOf(cluster, offered, (name, page) => pages.get(`${name}/${page}`));
  } catch (error) {
    if (error instanceof CodedError && NOT_HONEST.has(error.code)) {
      throw new CodedError(error.code, `node ${node.id}: ${error.message}`, {}, error);
    }
    throw error;
  } finally {
    client.close();
  }
}

/** Codes of what no honest node gives. */
const NOT_HONEST: ReadonlySet<string> = new Set(["checkpoint_invalid", "checkpoint_damaged", "malformed_checkpoint"]);

/** The state that pages make; throws `CodedError` `checkpoint_damaged` or `checkpoint_invalid`. */
export function stateOf(
  { genesis }: ClusterFile,
  { signed, components }: OfferedState,
  pageOf: (component: string, page: number) => Uint8Array | undefined,
): StateMachine {
  const state = new StateMachine({ genesis, sha256 });
  loadPages(state, components, pageOf);
  if (state.height !== signed.height) throw invalid(`its pages are of height ${state.height}, not ${signed.height}`);
  return state;
}

function invalid(reason: string): CodedError {
  return new CodedError("checkpoint_invalid", `the checkpoint's pages do not hold: ${reason}`);
}
