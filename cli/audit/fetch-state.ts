/**
 * The state of a checkpoint, fetched from a running node page by page and believed only because a quorum of nodes has signed
 * the root over its pages. Audits begin with it, and backups keep it.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../../node/base/errors.ts";
import { ask } from "../../node/client/ask.ts";
import { type ClusterFile, QuorateClient, type Signer } from "../../node/client/index.ts";
import { missingSignatures } from "../../node/client/missing-signatures.ts";
import { voterTrust } from "../../node/client/receipt-check.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import {
  checkComponents,
  checkRoot,
  checkSignedState,
  type OfferedState,
  PageParts,
  type PagePlace,
  placesOf,
  stateOf,
} from "../../node/replica/offered-state.ts";
import { PageHashes } from "../../node/replica/page-hashes.ts";
import type { StateMachine } from "../../node/state/state-machine.ts";
import type { ClusterNode } from "../../node/transport/cluster-file.ts";

/** The newest checkpoint of a node is signed by others a second or two after it was written. */
const PATIENCE_MS = 10_000;
const POLL_MS = 500;
/** Pages that are asked for at a time. */
const WINDOW = 8;

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

/** Throws `CodedError` `checkpoint_invalid` that names who has not signed: the cluster file may name voters that never came up. */
function checkOffer(cluster: ClusterFile, encoded: Uint8Array, described: unknown): OfferedState {
  const lack = (signers: readonly Uint8Array[]): string => missingSignatures(cluster, signers);
  return { signed: checkSignedState(voterTrust(cluster), encoded, lack), components: checkComponents(described) };
}

/** Fetches all pages of a checkpoint; throws `CodedError` `checkpoint_invalid` at the end where they are not those signed. */
export async function fetchPages(client: QuorateClient, offered: OfferedState, take: TakePage): Promise<void> {
  const hashes = new PageHashes(sha256);
  const places = placesOf(offered);
  const asked: Promise<Uint8Array>[] = [];
  for (const [at, { name, page }] of places.entries()) {
    for (const place of places.slice(at + asked.length, at + WINDOW)) {
      const bytes = fetchPage(client, offered.signed.height, place);
      // Whoever waits for it hears of it: the one before may have failed already.
      bytes.catch(() => undefined);
      asked.push(bytes);
    }
    const bytes = (await asked.shift()) ?? new Uint8Array(0);
    hashes.take(name, page, bytes);
    take(name, page, bytes);
  }
  checkRoot(hashes, offered);
}

async function fetchPage(client: QuorateClient, state: number, place: PagePlace): Promise<Uint8Array> {
  const { component, page } = place;
  const parts = new PageParts(place);
  let whole: Uint8Array | undefined;
  while (whole === undefined) {
    const { offset } = parts;
    whole = parts.take(await ask(client, { type: "statePage", state, component, page, offset }, "local"));
  }
  return whole;
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
    return stateOf({ genesis: cluster.genesis, sha256 }, offered, (name, page) => pages.get(`${name}/${page}`));
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
