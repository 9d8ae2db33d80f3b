/**
 * The registry of authorities: who may sign for what. An authority is a set of keys with roles; accounts belong to it.
 * Authority 1 is the admin of the genesis, then comes one for each node; a key speaks for one authority only.
 */
import { must } from "../base/assert.ts";
import { toHex } from "../base/bytes.ts";
import { AUTHORITY_KEYS_MAX } from "../base/limits.ts";
import type { Genesis } from "../wire/genesis.ts";
import { type CreateAuthorityBody, ROLES, type Role } from "../wire/kinds.ts";
import { bytes, integer, list, oneOf, type Schema, text, tuple, u32 } from "../wire/schema.ts";
import { Table } from "./table.ts";

export interface Authority extends CreateAuthorityBody {
  /** From 1; an account's `authority` in the ledger. */
  readonly id: number;
}

const ADMIN_ROLES: readonly Role[] = ["admin", "operator"];

const rowSchema = tuple(
  u32,
  text(64),
  list(bytes(32), AUTHORITY_KEYS_MAX),
  integer(1, AUTHORITY_KEYS_MAX),
  list(oneOf(...ROLES), ROLES.length),
);
const decodeRow: Schema<Authority> = (value, path) => {
  const [id, name, keys, threshold, roles] = rowSchema(value, path);
  return { id, name, keys, threshold, roles };
};

export class Registry {
  readonly table: Table<Authority> = new Table("authorities", 16, {
    encode: ({ id, name, keys, threshold, roles }) => [id, name, keys, threshold, roles],
    decode: decodeRow,
  });
  readonly #idOfKey = new Map<string, number>();

  /** Enters the authorities of the genesis; not called when a checkpoint is restored. */
  enterGenesis(genesis: Genesis): void {
    const { adminKey, nodes } = genesis;
    const members = nodes.map(({ id, publicKey }): CreateAuthorityBody => {
      return { name: `node-${id}`, keys: [publicKey], threshold: 1, roles: ["node"] };
    });
    for (const body of [{ name: "admin", keys: [adminKey], threshold: 1, roles: ADMIN_ROLES }, ...members]) {
      must(this.create(body), `the key of ${body.name} stands twice in the genesis`);
    }
    // No effects of the first block: the chain of digests begins with a hash of the genesis.
    this.table.takeEffects();
  }

  /** Creates an authority; undefined when one of its keys speaks for somebody already. */
  create(body: CreateAuthorityBody): Authority | undefined {
    if (body.keys.some((key) => this.ofKey(key) !== undefined)) return undefined;
    // Copies: what comes in are views into the whole block.
    const authority: Authority = { ...body, id: this.table.size + 1, keys: body.keys.map((key) => key.slice()) };
    this.table.add(authority);
    for (const key of authority.keys) this.#idOfKey.set(toHex(key), authority.id);
    return authority;
  }

  /** The authority a key speaks for. */
  ofKey(publicKey: Uint8Array): Authority | undefined {
    const id = this.#idOfKey.get(toHex(publicKey));
    return id === undefined ? undefined : this.get(id);
  }

  get(id: number): Authority | undefined {
    return id >= 1 && id <= this.table.size ? this.table.row(id - 1) : undefined;
  }

  /** Whether an authority that exists has one of the roles. */
  has(id: number, ...roles: readonly Role[]): boolean {
    return must(this.get(id), `there is no authority ${id}`).roles.some((role) => roles.includes(role));
  }

  restored(): void {
    this.#idOfKey.clear();
    for (const { id, keys } of this.table.rows()) for (const key of keys) this.#idOfKey.set(toHex(key), id);
  }
}
