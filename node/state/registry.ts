/**
 * The registry of authorities: who may sign for what. An authority is a set of keys with a threshold and roles; accounts
 * belong to it. Authority 1 is the admin of the genesis, then comes one for each node.
 *
 * A key speaks for one authority only, as one of its own or as a delegate's, and once it is revoked never again for any:
 * neither its old sessions nor what it has signed come back to life.
 */
import { assert, must } from "../base/assert.ts";
import { nameOf } from "../base/bytes.ts";
import { AUTHORITY_KEYS_MAX } from "../base/limits.ts";
import type { Genesis } from "../wire/genesis.ts";
import { type CreateAuthorityBody, type ReplaceKeysBody, ROLES, type Role } from "../wire/kinds.ts";
import type { Refusal } from "../wire/results.ts";
import { bytes, integer, list, oneOf, type Schema, text, tuple, u32 } from "../wire/schema.ts";
import type { Transaction } from "../wire/transaction.ts";
import { Delegations } from "./delegations.ts";
import { type StateTable, Table } from "./table.ts";

export interface Authority extends CreateAuthorityBody {
  /** From 1; an account's `authority` in the ledger. */
  readonly id: number;
}

/** For whom a transaction is signed; `delegate` is the key where a delegate has signed. */
export interface Signer {
  readonly authority: Authority;
  readonly delegate: Uint8Array | undefined;
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
  readonly #authorities: Table<Authority> = new Table("authorities", 16, {
    encode: ({ id, name, keys, threshold, roles }) => [id, name, keys, threshold, roles],
    decode: decodeRow,
  });
  /** Keys that authorities had once. */
  readonly #revoked: Table<Uint8Array> = new Table("revokedKeys", 256, {
    encode: (key) => [key],
    decode: (value, path) => tuple(bytes(32))(value, path)[0],
  });
  readonly delegations: Delegations = new Delegations();
  readonly tables: readonly StateTable[] = [this.#authorities, this.#revoked, this.delegations.table];
  readonly #idOfKey = new Map<string, number>();
  readonly #revokedKeys = new Set<string>();

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
    this.#authorities.takeEffects();
  }

  /** Creates an authority; undefined when one of its keys speaks for somebody already, or is revoked. */
  create(body: CreateAuthorityBody): Authority | undefined {
    if (body.keys.some((key) => this.isKnown(key))) return undefined;
    const authority: Authority = { id: this.#authorities.size + 1, ...body, keys: copies(body.keys) };
    this.#authorities.add(authority);
    for (const key of authority.keys) this.#idOfKey.set(nameOf(key), authority.id);
    return authority;
  }

  /** Replaces an authority's keys at once. What it keeps stays its own; what it loses is revoked. */
  replaceKeys({ authority: id, keys, threshold }: ReplaceKeysBody): Refusal | undefined {
    const authority = this.get(id);
    if (authority === undefined) return "not_found";
    if (keys.some((key) => this.#idOfKey.get(nameOf(key)) !== id && this.isKnown(key))) return "already_exists";
    const kept = new Set(keys.map(nameOf));
    this.#revoke(authority.keys.filter((key) => !kept.has(nameOf(key))));
    for (const name of kept) this.#idOfKey.set(name, id);
    this.#authorities.replace(id - 1, { ...authority, keys: copies(keys), threshold });
    return undefined;
  }

  /** Takes all its keys from a node that is removed, for good. */
  retire(publicKey: Uint8Array): void {
    const authority = must(this.ofKey(publicKey), "a node's key speaks for it");
    const { id, threshold } = authority;
    assert(this.#isNode(authority), `authority ${id} is not a node's`);
    this.#revoke(authority.keys);
    this.#authorities.replace(id - 1, { ...authority, keys: [], threshold });
  }

  /** Whether an authority is a node's: its key is the node's identity. */
  isNode(id: number): boolean {
    const authority = this.get(id);
    return authority !== undefined && this.#isNode(authority);
  }

  #isNode({ roles }: Authority): boolean {
    return roles.includes("node");
  }

  #revoke(keys: readonly Uint8Array[]): void {
    for (const key of keys) {
      const name = nameOf(key);
      this.#idOfKey.delete(name);
      this.#revokedKeys.add(name);
      this.#revoked.add(key);
    }
  }

  /** Whether a key speaks for somebody, or ever did. */
  isKnown(key: Uint8Array): boolean {
    const name = nameOf(key);
    return this.#idOfKey.has(name) || this.#revokedKeys.has(name) || this.delegations.isKnown(key);
  }

  /** The authority of which a key is one of the keys; a delegate's is not. */
  ofKey(publicKey: Uint8Array): Authority | undefined {
    const id = this.#idOfKey.get(nameOf(publicKey));
    return id === undefined ? undefined : this.get(id);
  }

  /** Whom the first signer speaks for, and whether all co-signers speak for the same; a delegate signs alone. */
  signerOf({ publicKey, cosignatures }: Pick<Transaction, "publicKey" | "cosignatures">): Signer | Refusal {
    const own = this.ofKey(publicKey);
    const delegating = own === undefined ? this.delegations.authorityOf(publicKey) : undefined;
    const authority = own ?? (delegating === undefined ? undefined : this.get(delegating));
    if (authority === undefined) return "unknown_key";
    if (own === undefined ? cosignatures.length > 0 : cosignatures.some(({ publicKey: key }) => !this.#is(key, own))) {
      return "unknown_cosigner";
    }
    return { authority, delegate: own === undefined ? publicKey : undefined };
  }

  get(id: number): Authority | undefined {
    return id >= 1 && id <= this.#authorities.size ? this.#authorities.row(id - 1) : undefined;
  }

  /** Whether an authority that exists has one of the roles. */
  has(id: number, ...roles: readonly Role[]): boolean {
    return must(this.get(id), `there is no authority ${id}`).roles.some((role) => roles.includes(role));
  }

  #is(key: Uint8Array, authority: Authority): boolean {
    return this.#idOfKey.get(nameOf(key)) === authority.id;
  }

  restored(): void {
    this.#idOfKey.clear();
    for (const { id, keys } of this.#authorities.rows()) for (const key of keys) this.#idOfKey.set(nameOf(key), id);
    this.#revokedKeys.clear();
    for (const key of this.#revoked.rows()) this.#revokedKeys.add(nameOf(key));
    this.delegations.restored();
  }
}

/** What comes in are views into the whole block. */
function copies(keys: readonly Uint8Array[]): readonly Uint8Array[] {
  return keys.map((key) => key.slice());
}
