/**
 * Who may sign for whom, written from docs/authority.md alone: authorities and their keys in a list, keys that are revoked
 * in a set, what delegates have spent in a map. Keys are hexadecimal.
 */
import type { ModelDelegate } from "./reference-ledger.ts";

const SECOND = 1_000_000_000n;
const DAY = 86_400n * SECOND;

export interface ModelAuthority {
  readonly id: number;
  readonly keys: readonly string[];
  readonly threshold: number;
  readonly roles: readonly string[];
}

/** Who has signed a transaction. */
export interface ModelSignatures {
  readonly first: string;
  readonly others: readonly string[];
}

/** Whom the signatures speak for; `delegate` where the first key is a delegate's. */
export interface ModelSigner {
  readonly authority: ModelAuthority;
  readonly delegate: string | undefined;
}

/** What a key may debit in one ledger. */
export interface ModelTerms {
  readonly account: bigint;
  readonly dailyLimit: bigint;
  /** Seconds since the epoch. */
  readonly expiresAt: bigint;
}

interface Grant {
  terms: ModelTerms;
  day: bigint;
  spent: bigint;
}

interface DelegateKey {
  readonly authority: number;
  revoked: boolean;
  readonly grants: Map<number, Grant>;
}

export class ReferenceAuthorities {
  readonly #authorities: ModelAuthority[] = [];
  readonly #revoked = new Set<string>();
  readonly #delegates = new Map<string, DelegateKey>();

  /** A fresh cluster: the admin, then its nodes. */
  constructor(admin: string, nodes: readonly string[]) {
    this.create({ keys: [admin], threshold: 1, roles: ["admin", "operator"] });
    for (const key of nodes) this.create({ keys: [key], threshold: 1, roles: ["node"] });
  }

  get(id: number): ModelAuthority | undefined {
    return this.#authorities[id - 1];
  }

  isNode(id: number): boolean {
    return this.get(id)?.roles.includes("node") ?? false;
  }

  /** Why these signatures are refused before anything else, or for whom they speak. */
  judge({ first, others }: ModelSignatures, opensSession: boolean): string | ModelSigner {
    const own = this.#authorities.find(({ keys }) => keys.includes(first));
    const delegate = this.delegate(first);
    if (own === undefined) {
      const authority = delegate === undefined ? undefined : this.get(delegate.authority);
      if (authority === undefined) return "unknown_key";
      return others.length > 0 ? "unknown_cosigner" : { authority, delegate: first };
    }
    if (others.some((key) => !own.keys.includes(key))) return "unknown_cosigner";
    if (!opensSession && 1 + others.length < own.threshold) return "threshold_not_met";
    return { authority: own, delegate: undefined };
  }

  /** Enters an authority; undefined when one of its keys speaks or spoke for somebody. */
  create(authority: Omit<ModelAuthority, "id">): number | undefined {
    if (authority.keys.some((key) => this.isKnown(key))) return undefined;
    this.#authorities.push({ ...authority, id: this.#authorities.length + 1 });
    return this.#authorities.length;
  }

  /** Replaces all keys; false when one of them speaks or spoke for somebody else. */
  replaceKeys(id: number, keys: readonly string[], threshold: number): boolean {
    const before = this.get(id) as ModelAuthority;
    if (keys.some((key) => !before.keys.includes(key) && this.isKnown(key))) return false;
    for (const key of before.keys) if (!keys.includes(key)) this.#revoked.add(key);
    this.#authorities[id - 1] = { ...before, keys, threshold };
    return true;
  }

  /** A node's key speaks for nobody any more. */
  retire(key: string): void {
    const own = this.#authorities.find(({ keys }) => keys.includes(key));
    if (own !== undefined) this.replaceKeys(own.id, [], own.threshold);
  }

  /** Whether a key ever spoke for anybody. */
  isKnown(key: string): boolean {
    const owned = this.#authorities.some(({ keys }) => keys.includes(key));
    return owned || this.#revoked.has(key) || this.#delegates.has(key);
  }

  /** A delegate that has not been revoked. */
  delegate(key: string): { readonly authority: number } | undefined {
    const delegate = this.#delegates.get(key);
    return delegate === undefined || delegate.revoked ? undefined : delegate;
  }

  /** Grants to a new key or to a delegate; what it spent today stays spent. */
  grant(key: string, authority: number, ledger: number, terms: ModelTerms): void {
    const delegate = this.#delegates.get(key) ?? { authority, revoked: false, grants: new Map<number, Grant>() };
    this.#delegates.set(key, delegate);
    const grant = delegate.grants.get(ledger);
    if (grant === undefined) delegate.grants.set(ledger, { terms, day: 0n, spent: 0n });
    else grant.terms = terms;
  }

  revoke(key: string): void {
    const delegate = this.#delegates.get(key);
    if (delegate !== undefined) delegate.revoked = true;
  }

  /** What a delegate may debit at a log time. */
  allowance(key: string, now: bigint): ModelDelegate {
    const delegate = this.#delegates.get(key) as DelegateKey;
    const limits = [...delegate.grants]
      .filter(([, { terms }]) => now < terms.expiresAt * SECOND)
      .map(([ledger, { terms, day, spent }]) => {
        const today = day === now / DAY ? spent : 0n;
        const amount = terms.dailyLimit > today ? terms.dailyLimit - today : 0n;
        return { ledger, account: terms.account, amount };
      });
    return { authority: delegate.authority, limits };
  }

  /** A delegate has debited this much in a ledger. */
  spend(key: string, ledger: number, amount: bigint, now: bigint): void {
    const grant = this.#delegates.get(key)?.grants.get(ledger);
    if (grant === undefined || amount === 0n) return;
    const today = now / DAY;
    grant.spent = grant.day === today ? grant.spent + amount : amount;
    grant.day = today;
  }
}
