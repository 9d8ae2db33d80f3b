/** The rule about backups, shown what no honest node gives. */
import { describe, expect, test } from "vitest";
import { toHex } from "../../node/base/bytes.ts";
import { contentsOf, wholeCheckpoint } from "../../node/replica/checkpoint.ts";
import { placesOf } from "../../node/replica/offered-state.ts";
import { PageHashes } from "../../node/replica/page-hashes.ts";
import { accounts, Chain, CLUSTER_ID, GENESIS, replay } from "../../node/state/chain.test-support.ts";
import { type Attested, compareKeys, encodeCheckpoint } from "../../node/wire/attestation.ts";
import { BLOCK_HEADER_BYTES } from "../../node/wire/block.ts";
import { encodeSignedState } from "../../node/wire/state-root.ts";
import { sha256 } from "../virtual-crypto.ts";
import { Backups, type BackupsDeps } from "./backups.ts";
import { PastMembers } from "./past-members.ts";
import { verdictOf } from "./raft-view.test-support.ts";
import { readAllAccounts } from "./readers.ts";
import type { ModelNode } from "./reference-members.ts";

const NODE_KEYS = GENESIS.nodes.map(({ publicKey }) => publicKey);
const BAD = 9;
/** Signatures are zeros, and a bad one begins with another number. */
const trust = {
  ...{ clusterId: CLUSTER_ID, nodeKeys: NODE_KEYS, sha256 },
  verify: (_key: Uint8Array, _message: Uint8Array, signature: Uint8Array) => signature[0] !== BAD,
};

/** What the nodes with these keys have signed. */
function by(keys: readonly Uint8Array[], mark = 0) {
  return keys.toSorted(compareKeys).map((nodeKey) => ({ nodeKey, signature: new Uint8Array(64).fill(mark) }));
}

/** A checkpoint as it is given page by page: at the height where the chain stands. */
function checkpointOf({ state }: Chain) {
  const { components } = contentsOf(state);
  const hashes = new PageHashes(sha256);
  const pages = placesOf({ components }).map(({ name, page }) => {
    const key = `checkpoint/1/${name}/${page}`;
    const bytes = wholeCheckpoint(state).find((change) => change.key === key)?.value ?? new Uint8Array(0);
    hashes.take(name, page, bytes);
    return bytes;
  });
  return { height: state.height, root: hashes.root(components), components, pages };
}

/** A cluster with a checkpoint, a later one, and some blocks behind both; and what the run knows of it. */
function cluster() {
  const chain = new Chain();
  chain.admin.must(accounts({ id: 1n }, { id: 2n }));
  const checkpoint = checkpointOf(chain);
  const shown = [{ height: chain.state.height, accounts: readAllAccounts(chain.state) }];
  chain.admin.must(accounts({ id: 3n }));
  const later = checkpointOf(chain);
  chain.admin.must(accounts({ id: 4n }));
  shown.push({ height: chain.state.height, accounts: readAllAccounts(chain.state) });
  const { state, blocks } = chain;
  const attested: Attested = state.attested();
  return { checkpoint, later, shown, blocks, attested, height: state.height };
}

const MADE = cluster();

/** The rule in a run that has committed what the cluster above has. */
function backupsOf(verdict: BackupsDeps["verdict"], special: Partial<BackupsDeps> = {}): Backups {
  const nodes = NODE_KEYS.map((key, index): ModelNode => {
    return { id: index + 1, key: toHex(key), address: ":0", role: "voter" };
  });
  const members = new PastMembers(verdict, nodes);
  const configuration = { voters: [1, 2, 3], outgoing: [], learners: [] };
  for (let height = 1; height <= MADE.height; height++) members.block(height, nodes, configuration);
  return new Backups({
    ...{ verdict, genesis: GENESIS, trust, pastMembers: members },
    past: { accountsAt, transfersAt: () => 0 },
    states: { digestAt },
    chain: { headerAt: (height) => MADE.blocks[height - 1]?.subarray(0, BLOCK_HEADER_BYTES) },
    ...special,
  });
}

function digestAt(height: number): string {
  return replay(MADE.blocks.slice(0, height));
}

function accountsAt(height: number) {
  return MADE.shown.find((one) => one.height === height)?.accounts ?? [];
}

/** What is given to somebody who takes a backup. */
interface Given {
  readonly signers: ReturnType<typeof by>;
  readonly pages: readonly Uint8Array[];
  readonly blocks: readonly Uint8Array[];
  readonly endSigners: ReturnType<typeof by>;
  readonly end: Attested;
}

/** A backup that begins with the checkpoint, as honest nodes give it but for what is special. */
function taken(special: Partial<Given> = {}, deps: Partial<BackupsDeps> = {}): string | undefined {
  const { checkpoint, height, attested } = MADE;
  const [, ...majority] = NODE_KEYS;
  const honest = { signers: by(majority), endSigners: by(majority), end: attested };
  const given = { ...honest, pages: checkpoint.pages, blocks: MADE.blocks.slice(checkpoint.height), ...special };
  return verdictOf((verdict) => {
    const backups = backupsOf(verdict, deps);
    const state = encodeSignedState({ ...checkpoint, signatures: given.signers });
    const described = checkpoint.components.map(({ name, pages }) => [name, pages]);
    const offered = backups.offered({ height, state, components: described });
    const begun = offered && backups.fromPages(offered, given.pages);
    const agreed = encodeCheckpoint({ ...given.end, signatures: given.endSigners });
    const end = backups.agreed({ height, agreed });
    if (begun === undefined || end === undefined) return;
    backups.execute(begun, given.blocks, end);
    if (begun.state.height === end.height) backups.restored(begun, end);
  });
}

describe("a backup", () => {
  test("that honest nodes give holds", () => {
    expect(taken()).toBeUndefined();
  });

  test("from the first block on, too", () => {
    const verdict = verdictOf((told) => {
      const backups = backupsOf(told);
      const begun = backups.fromGenesis();
      const end = { ...MADE.attested, signatures: by(NODE_KEYS) };
      backups.execute(begun, MADE.blocks, end);
      backups.restored(begun, end);
    });
    expect(verdict).toBeUndefined();
  });

  const [first] = NODE_KEYS;
  test.each<[string, Partial<Given>]>([
    ["a checkpoint that one node has signed", { signers: by([first as Uint8Array]) }],
    ["a checkpoint with bad signatures", { signers: by(NODE_KEYS, BAD) }],
    ["pages of a later checkpoint", { pages: MADE.later.pages }],
    ["a page less", { pages: MADE.checkpoint.pages.slice(0, -1) }],
    ["a block left out", { blocks: MADE.blocks.slice(MADE.checkpoint.height + 1) }],
    ["an end that one node has signed", { endSigners: by([first as Uint8Array]) }],
    ["an end with another digest", { end: { ...MADE.attested, digest: new Uint8Array(32) } }],
  ])("with %s does not", (_what, special) => {
    expect(taken(special)).toBe("backup");
  });

  test.each<[string, Partial<BackupsDeps>]>([
    ["another state", { states: { digestAt: () => "00" } }],
    ["another block", { chain: { headerAt: () => new Uint8Array(BLOCK_HEADER_BYTES) } }],
    ["other accounts", { past: { accountsAt: () => [], transfersAt: () => 0 } }],
    ["other transfers", { past: { accountsAt, transfersAt: () => 1 } }],
  ])("of a run that has committed %s does not", (_what, deps) => {
    expect(taken({}, deps)).toBe("backup");
  });
});

function node(id: number, role: ModelNode["role"]): ModelNode {
  return { id, key: `k${id}`, address: ":0", role };
}

describe("a quorum of the voters", () => {
  const past = (() => {
    const founders = [1, 2, 3].map((id) => node(id, "voter"));
    const members = new PastMembers({ expect: () => undefined } as never, founders);
    const all = { voters: [1, 2, 3], outgoing: [], learners: [] };
    const changed = [node(1, "removed"), node(2, "voter"), node(3, "voter"), node(4, "learner"), node(5, "voter")];
    members.block(1, founders, all);
    members.block(2, changed, all);
    members.block(3, changed, { voters: [2, 3, 5], outgoing: [1, 2, 3], learners: [4] });
    members.block(4, changed, { voters: [2, 3, 5], outgoing: [], learners: [4] });
    return members;
  })();

  test.each<[string, readonly string[], number, number, boolean]>([
    ["two of three founders", ["k1", "k2"], 1, 1, true],
    ["two of three while others are on their way", ["k1", "k2"], 2, 2, true],
    ["one with those that are on their way", ["k2", "k4", "k5"], 2, 2, false],
    ["a majority of the old ones alone", ["k1", "k2"], 3, 3, false],
    ["a majority of the new ones alone", ["k2", "k5"], 3, 3, false],
    ["majorities of the old and of the new ones", ["k1", "k2", "k5"], 3, 3, true],
    ["with one that has left, and a learner", ["k1", "k2", "k4"], 4, 4, false],
    ["as it was at some height in between", ["k1", "k2"], 1, 4, true],
    ["strangers", ["x", "y", "z"], 1, 4, false],
  ])("%s", (_what, keys, from, to, isQuorum) => {
    expect(past.areQuorum(keys, from, to)).toBe(isQuorum);
  });
});
