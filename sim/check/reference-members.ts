/**
 * Which nodes there are and who of them is to take part, written from docs/operating.md ("Changing the members") and
 * docs/authority.md alone: all nodes there ever were, in a list.
 */
import { toHex } from "../../node/base/bytes.ts";
import type { Configuration } from "../../node/base/configuration.ts";
import type { ChangeMembersBody } from "../../node/wire/kinds.ts";
import type { ReferenceAuthorities } from "./reference-authorities.ts";

const NODES_AT_ONE_TIME = 9;
const IDS_EVER = 255;

export interface ModelNode {
  readonly id: number;
  /** Hexadecimal. */
  readonly key: string;
  /** Where the cluster file alone knows it, `:0`. */
  readonly address: string;
  readonly role: "voter" | "learner" | "removed";
}

/** What a change must be answered. */
export interface ModelChangeResult {
  readonly status: string;
  readonly what?: string;
  readonly ids?: readonly number[];
}

export class ReferenceMembers {
  readonly #authorities: ReferenceAuthorities;
  #nodes: readonly ModelNode[];
  #configuration: Pick<Configuration, "voters" | "outgoing" | "learners">;

  /** A fresh cluster of nodes with these keys, all of which vote. */
  constructor(authorities: ReferenceAuthorities, keys: readonly string[]) {
    this.#authorities = authorities;
    this.#nodes = keys.map((key, index) => ({ id: index + 1, key, address: ":0", role: "voter" }));
    this.#configuration = { voters: this.#nodes.map(({ id }) => id), outgoing: [], learners: [] };
  }

  get nodes(): readonly ModelNode[] {
    return this.#nodes;
  }

  /** A block stands under this configuration. */
  standUnder(configuration: Configuration): void {
    this.#configuration = configuration;
    this.#retire();
  }

  change({ add, remove, promote, demote = [] }: ChangeMembersBody): ModelChangeResult {
    const nodes = [...this.#nodes];
    const named = [
      ...remove.map((id) => ({ id, role: "removed", from: ["voter", "learner"] }) as const),
      ...promote.map((id) => ({ id, role: "voter", from: ["learner"] }) as const),
      ...demote.map((id) => ({ id, role: "learner", from: ["voter"] }) as const),
    ];
    for (const { id, role, from } of named) {
      const node = nodes[id - 1];
      if (node === undefined) return { status: "not_found", what: `node ${id}` };
      if (!from.some((one) => one === node.role)) return { status: "wrong_state", what: `node ${id} is ${node.role}` };
      nodes[id - 1] = { ...node, role };
    }
    const stay = nodes.filter(({ role }) => role !== "removed");
    if (stay.length + add.length > NODES_AT_ONE_TIME) return { status: "limit_reached", what: "nodes: 9 at one time" };
    if (nodes.length + add.length > IDS_EVER) return { status: "limit_reached", what: "node ids" };
    if (![...stay.map(({ role }) => role === "voter"), ...add.map(({ voter }) => voter)].includes(true)) {
      return { status: "invalid", what: "the last voter" };
    }
    const joined: ModelNode[] = [];
    for (const { publicKey, host, port, voter } of add) {
      const [key, address] = [toHex(publicKey), `${host}:${port}`];
      if (this.#authorities.isKnown(key) || joined.some((node) => node.key === key)) {
        return { status: "already_exists", what: "key" };
      }
      if ([...stay, ...joined].some((node) => node.address === address)) {
        return { status: "already_exists", what: `address ${address}` };
      }
      joined.push({ id: nodes.length + joined.length + 1, key, address, role: voter ? "voter" : "learner" });
    }
    this.#nodes = [...nodes, ...joined];
    for (const { key } of joined) this.#authorities.create({ keys: [key], threshold: 1, roles: ["node"] });
    this.#retire();
    return { status: "ok", ids: joined.map(({ id }) => id) };
  }

  /** A removed node signs until the configuration is without it. */
  #retire(): void {
    const { voters, outgoing, learners } = this.#configuration;
    const there = new Set([...voters, ...outgoing, ...learners]);
    for (const { id, key, role } of this.#nodes) {
      if (role === "removed" && !there.has(id)) this.#authorities.retire(key);
    }
  }
}
