/**
 * The nodes of the cluster, past and present, and who of them is to take part. What is wanted here is carried out by
 * whoever leads, step by step (`consensus/raft/configuration.ts`); how far that has come stands in each block's header.
 *
 * A node has its id for good, and an id is not given again: what an old disk says under it can never be taken for another
 * node's word. A node that lost its disk joins again under a new id.
 */

import { assert } from "../base/assert.ts";
import { nameOf } from "../base/bytes.ts";
import { type Configuration, isMember, type Members as MemberIds, sameConfiguration } from "../base/configuration.ts";
import { NODE_ID_MAX, NODES_MAX } from "../base/limits.ts";
import type { Genesis } from "../wire/genesis.ts";
import type { ChangeMembersBody } from "../wire/kinds.ts";
import type { Refusal } from "../wire/results.ts";
import { bytes, integer, oneOf, type Schema, text, tuple } from "../wire/schema.ts";
import type { Registry } from "./registry.ts";
import { Table } from "./table.ts";

const NODE_ROLES = ["voter", "learner", "removed"] as const;
export type NodeRole = (typeof NODE_ROLES)[number];

/** A node as the cluster knows it. */
export interface Node {
  readonly id: number;
  readonly publicKey: Uint8Array;
  /** Empty for a node of the genesis: its address stands in the cluster file. */
  readonly host: string;
  readonly port: number;
  readonly role: NodeRole;
}

/** Who is removed is so for good; a vote is given to learners and taken from voters. */
function mayBecome(before: NodeRole, role: NodeRole): boolean {
  return before !== "removed" && before !== role;
}

/** What became of a change: the ids that were given, or why it was refused. */
type Changed = { readonly ids: readonly number[] } | { readonly refusal: Refusal; readonly what: string };

const rowSchema = tuple(integer(1, NODE_ID_MAX), bytes(32), text(255), integer(0, 65_535), oneOf(...NODE_ROLES));
const decodeRow: Schema<Node> = (value, path) => {
  const [id, publicKey, host, port, role] = rowSchema(value, path);
  return { id, publicKey, host, port, role };
};

export class Members {
  readonly table: Table<Node> = new Table("members", 32, {
    encode: ({ id, publicKey, host, port, role }) => [id, publicKey, host, port, role],
    decode: decodeRow,
  });
  readonly #registry: Registry;
  #wanted: MemberIds | undefined;
  #present: readonly Node[] | undefined;
  /** The one that the last block stands under. */
  #configuration: Configuration;

  constructor(registry: Registry, configuration: Configuration) {
    this.#registry = registry;
    this.#configuration = configuration;
  }

  /** Enters the nodes of the genesis; not called when a checkpoint is restored. */
  enterGenesis({ nodes }: Genesis): void {
    for (const { id, publicKey } of nodes) this.table.add({ id, publicKey, host: "", port: 0, role: "voter" });
    this.table.takeEffects();
  }

  /** All nodes there ever were, ascending by id. */
  get all(): readonly Node[] {
    return this.table.rows();
  }

  /** Who is to take part; another object when that has changed. */
  get wanted(): MemberIds {
    const having = (role: NodeRole): readonly number[] =>
      this.all.filter((node) => node.role === role).map(({ id }) => id);
    this.#wanted ??= { voters: having("voter"), learners: having("learner") };
    return this.#wanted;
  }

  /** Nodes that are not gone: those that are to take part, and those that leave and still do. Another list when it has changed. */
  get present(): readonly Node[] {
    this.#present ??= this.all.filter(({ id, role }) => role !== "removed" || isMember(this.#configuration, id));
    return this.#present;
  }

  /** After its rows were taken back, of a state whose last block stands under this configuration. */
  restored(configuration: Configuration): void {
    this.#wanted = undefined;
    this.#present = undefined;
    this.#configuration = configuration;
  }

  /**
   * All nodes there were give way at once to those that a restored cluster begins with: their ids go on from the others',
   * whose keys are retired.
   */
  takeOver(nodes: Genesis["nodes"], configuration: Configuration): void {
    for (const [slot, node] of this.all.entries()) this.table.replace(slot, { ...node, role: "removed" });
    for (const { id, publicKey } of nodes) {
      const given = this.#enter({ publicKey, host: "", port: 0, voter: true });
      assert(given === id, `node ${id} of the genesis is number ${given} of all`);
    }
    this.restored(configuration);
    this.#retireGone();
  }

  /** A block stands under this configuration: where it is another, nodes that are to leave and are not in it are gone. */
  standUnder(configuration: Configuration): void {
    if (sameConfiguration(configuration, this.#configuration)) return;
    this.#configuration = configuration;
    this.#present = undefined;
    this.#retireGone();
  }

  #retireGone(): void {
    for (const { id, publicKey, role } of this.all) {
      if (role === "removed" && !isMember(this.#configuration, id) && this.#registry.ofKey(publicKey) !== undefined) {
        this.#registry.retire(publicKey);
      }
    }
  }

  /** Changes who is to take part; all of it or nothing. A node that is removed works on until the configuration is changed. */
  change({ add, remove, promote, demote = [] }: ChangeMembersBody): Changed {
    const roles = new Map(this.all.map(({ id, role }) => [id, role]));
    for (const [ids, role] of [
      [remove, "removed"],
      [promote, "voter"],
      [demote, "learner"],
    ] as const) {
      for (const id of ids) {
        const before = roles.get(id);
        if (before === undefined) return { refusal: "not_found", what: `node ${id}` };
        if (!mayBecome(before, role)) return { refusal: "wrong_state", what: `node ${id} is ${before}` };
        roles.set(id, role);
      }
    }
    const left = [...roles.values()].filter((role) => role !== "removed").length + add.length;
    if (left > NODES_MAX) return { refusal: "limit_reached", what: `nodes: ${NODES_MAX} at one time` };
    if (this.all.length + add.length > NODE_ID_MAX) return { refusal: "limit_reached", what: "node ids" };
    if (![...roles.values()].includes("voter") && !add.some(({ voter }) => voter))
      return { refusal: "invalid", what: "the last voter" };
    const taken = this.#takenBy(add, roles);
    if (taken !== undefined) return { refusal: "already_exists", what: taken };
    this.all.forEach((node, slot) => {
      const role = roles.get(node.id) ?? node.role;
      if (role !== node.role) this.table.replace(slot, { ...node, role });
    });
    const ids = add.map((node) => this.#enter(node));
    this.#wanted = undefined;
    this.#present = undefined;
    this.#retireGone();
    return { ids };
  }

  /** A key that was ever used, or an address that is. */
  #takenBy(add: ChangeMembersBody["add"], roles: ReadonlyMap<number, NodeRole>): string | undefined {
    const keys = new Set<string>();
    const addresses = new Set(
      this.all.filter(({ id }) => roles.get(id) !== "removed").map(({ host, port }) => `${host}:${port}`),
    );
    for (const { publicKey, host, port } of add) {
      const key = nameOf(publicKey);
      const address = `${host}:${port}`;
      if (keys.has(key) || this.#registry.isKnown(publicKey)) return "key";
      if (addresses.has(address)) return `address ${address}`;
      keys.add(key);
      addresses.add(address);
    }
    return undefined;
  }

  #enter({ publicKey, host, port, voter }: ChangeMembersBody["add"][number]): number {
    const id = this.all.length + 1;
    const entered = this.#registry.create({ name: `node-${id}`, keys: [publicKey], threshold: 1, roles: ["node"] });
    assert(entered !== undefined, `the key of node ${id} speaks for nobody yet`);
    this.table.add({ id, publicKey: publicKey.slice(), host, port, role: voter ? "voter" : "learner" });
    return id;
  }
}
