/**
 * What a cluster must answer to whoever moves money, written from docs/ledger.md, docs/assets.md, docs/authority.md and
 * docs/reporting.md alone, on top of the reference ledger: assets in a map, what was reversed in another. Payments have a
 * reference of their own.
 */
import { toHex } from "../../node/base/bytes.ts";
import { decodeAccounts, decodeTransfers } from "../../node/ledger/records.ts";
import type { Command } from "../../node/wire/body.ts";
import type {
  CreateAssetBody,
  GrantDelegateBody,
  MoveSupplyBody,
  ReplaceKeysBody,
  ReverseTransferBody,
} from "../../node/wire/kinds.ts";
import { type ModelSigner, ReferenceAuthorities } from "./reference-authorities.ts";
import { A, type ModelResult, type ModelTransfer, ReferenceLedger, T } from "./reference-ledger.ts";
import { ReferenceMembers } from "./reference-members.ts";
import { ReferencePayments } from "./reference-payments.ts";

const SECOND = 1_000_000_000n;
const CURRENCIES_END = 1_000;
/** Codes of the transfers that are made for a command. */
const CODES = { issue: 4, burn: 5, reversal: 7 } as const;

/** What a command must be answered: a status, what it says of it, and the results of a batch. */
export interface Prediction {
  readonly status: string;
  readonly what?: string;
  readonly id?: number;
  readonly ids?: readonly number[];
  readonly results?: readonly ModelResult[];
  /** Of a payment. */
  readonly state?: string;
  readonly verdict?: string;
  readonly reasons?: readonly string[];
  readonly failure?: string;
  /** Of a window that was closed: its number, and how many payments it has. */
  readonly window?: number;
  readonly payments?: number;
}

export interface ModelAsset extends CreateAssetBody {
  readonly issuanceAccount: bigint;
  readonly capAccount: bigint | undefined;
  /** Minor units, ever. */
  issued: bigint;
}

const OK: Prediction = { status: "ok" };

const ROLES: Readonly<Record<string, readonly string[]>> = {
  createAccounts: ["participant", "issuer", "operator", "admin"],
  createAuthority: ["admin"],
  freezeAccount: ["operator", "admin"],
  createAsset: ["issuer", "admin"],
  issueAsset: ["issuer"],
  burnAsset: ["issuer"],
  changeMembers: ["operator", "admin"],
  configureSettlement: ["operator", "admin"],
  configureParticipant: ["operator", "admin"],
  configureCard: ["operator", "admin"],
  configureRisk: ["operator", "admin"],
  blockPayer: ["operator"],
  reviewPayment: ["operator"],
  closeSettlement: ["operator"],
  channelOutcome: ["node"],
};

export class ReferenceBank {
  readonly ledger: ReferenceLedger = new ReferenceLedger();
  readonly authorities: ReferenceAuthorities;
  readonly members: ReferenceMembers;
  readonly payments: ReferencePayments;
  readonly #currencies: readonly number[];
  readonly #assets = new Map<number, ModelAsset>();
  readonly #reversed = new Map<bigint, bigint>();
  readonly #ofPayments = new Set<bigint>();

  /** `currencies` are those in force that a run may name. */
  constructor(admin: string, nodes: readonly string[], currencies: readonly number[]) {
    this.authorities = new ReferenceAuthorities(admin, nodes);
    this.members = new ReferenceMembers(this.authorities, nodes);
    this.payments = new ReferencePayments(this.ledger, (id) => this.authorities.get(id) !== undefined);
    this.#currencies = currencies;
  }

  get assets(): readonly ModelAsset[] {
    return [...this.#assets.values()];
  }

  /** In circulation: what all accounts have but those that the asset itself needs. */
  supply({ ledger, issuanceAccount, capAccount }: ModelAsset): bigint {
    return this.ledger.accounts
      .filter((account) => account.ledger === ledger && account.id !== issuanceAccount && account.id !== capAccount)
      .reduce((sum, { creditsPosted, debitsPosted }) => sum + creditsPosted - debitsPosted, 0n);
  }

  /** Transfers of which something was given back, and how much. */
  get reversed(): ReadonlyMap<bigint, bigint> {
    return this.#reversed;
  }

  /** A payment has moved money by this transfer. */
  movedByPayment(transfer: bigint): void {
    this.#ofPayments.add(transfer);
  }

  isOfPayment(transfer: bigint): boolean {
    return this.#ofPayments.has(transfer);
  }

  /** Carries out a command at a log time; undefined for one that is predicted elsewhere, or not. */
  execute(command: Command, { authority: by, delegate }: ModelSigner, now: bigint): Prediction | undefined {
    if (command.kind === "sessionOpen") return undefined;
    if (delegate !== undefined) {
      return command.kind === "createTransfers"
        ? this.#delegated(command.batch, delegate, now)
        : { status: "not_authorized", what: "delegate" };
    }
    const needed = ROLES[command.kind];
    if (needed !== undefined && !by.roles.some((role) => needed.includes(role))) {
      return { status: "not_authorized", what: "role" };
    }
    switch (command.kind) {
      case "createAccounts":
        return this.#createAccounts(command.batch, by.id, now);
      case "createTransfers":
        return { ...OK, results: this.ledger.createTransfers(decodeTransfers(command.batch), now, by.id) };
      case "createAuthority": {
        const id = this.authorities.create({ ...command.body, keys: command.body.keys.map(toHex) });
        return id === undefined ? { status: "already_exists" } : { ...OK, id };
      }
      case "replaceKeys":
        return this.#replaceKeys(by.id, by.roles, command.body);
      case "freezeAccount":
        return this.ledger.freeze(command.body.account, command.body.frozen) ? OK : { status: "not_found" };
      case "grantDelegate":
        return this.#grant(by.id, command.body, now);
      case "revokeDelegate":
        return this.#revoke(by.id, by.roles, toHex(command.body.key));
      case "createAsset":
        return this.#createAsset(by.id, by.roles, command.body);
      case "issueAsset":
      case "burnAsset":
        return this.#moveSupply(command.kind, by.id, command.body, now);
      case "reverseTransfer":
        return this.#reverse(by.id, command.body, now);
      case "changeMembers":
        return this.members.change(command.body);
      default:
        return undefined;
    }
  }

  /** An asset was created; the ids of its accounts are known only now. */
  enterAsset(asset: Omit<ModelAsset, "issued">): void {
    this.#assets.set(asset.ledger, { ...asset, issued: 0n });
  }

  #delegated(batch: Uint8Array, key: string, now: bigint): Prediction {
    const allowance = this.authorities.allowance(key, now);
    const results = this.ledger.createTransfers(decodeTransfers(batch), now, allowance);
    for (const { ledger } of allowance.limits) {
      this.authorities.spend(key, ledger, this.ledger.spent(allowance, ledger), now);
    }
    return { ...OK, results };
  }

  #createAccounts(batch: Uint8Array, authority: number, now: bigint): Prediction {
    const accounts = decodeAccounts(batch);
    for (const { ledger, flags } of accounts) {
      if (ledger === 0) continue;
      const isAsset = ledger >= CURRENCIES_END;
      const isBound = isAsset ? this.#assets.has(ledger) : this.#currencies.includes(ledger);
      if (!isBound) return { status: "asset_unknown", what: `ledger ${ledger}` };
      if (isAsset && (flags & A.debitsLimited) === 0) return { status: "invalid", what: "flags" };
    }
    const events = accounts.map((account) => ({ ...account, reserved: 0 }));
    return { ...OK, results: this.ledger.createAccounts(events, now, authority) };
  }

  #replaceKeys(by: number, roles: readonly string[], { authority, keys, threshold }: ReplaceKeysBody): Prediction {
    if (authority !== by && !roles.includes("admin")) return { status: "not_authorized", what: "authority" };
    if (this.authorities.isNode(authority)) return { status: "invalid", what: "node" };
    if (this.authorities.get(authority) === undefined) return { status: "not_found", what: "authority" };
    const replaced = this.authorities.replaceKeys(authority, keys.map(toHex), threshold);
    return replaced ? { ...OK, id: authority } : { status: "already_exists", what: "key" };
  }

  #grant(by: number, { key, ledger, ...terms }: GrantDelegateBody, now: bigint): Prediction {
    const name = toHex(key);
    const isOwn = this.authorities.delegate(name)?.authority === by;
    if (this.authorities.isKnown(name) && !isOwn) return { status: "already_exists", what: "key" };
    if (terms.expiresAt * SECOND <= now) return { status: "invalid", what: "expiresAt" };
    if (terms.account !== 0n) {
      const account = this.ledger.account(terms.account);
      if (account === undefined) return { status: "not_found", what: "account" };
      if (this.ledger.authorityOf(account.id) !== by) return { status: "not_authorized", what: "account" };
      if (account.ledger !== ledger) return { status: "invalid", what: "ledger" };
    }
    this.authorities.grant(name, by, ledger, terms);
    return OK;
  }

  #revoke(by: number, roles: readonly string[], key: string): Prediction {
    const delegate = this.authorities.delegate(key);
    if (delegate === undefined) return { status: "not_found", what: "delegate" };
    if (delegate.authority !== by && !roles.includes("admin")) return { status: "not_authorized", what: "delegate" };
    this.authorities.revoke(key);
    return OK;
  }

  #createAsset(by: number, roles: readonly string[], { ledger, code, issuer }: CreateAssetBody): Prediction {
    const authority = this.authorities.get(issuer);
    if (authority === undefined) return { status: "not_found", what: "issuer" };
    if (!authority.roles.includes("issuer")) return { status: "invalid", what: "issuer" };
    if (issuer !== by && !roles.includes("admin")) return { status: "not_authorized", what: "issuer" };
    const taken = this.assets.some((asset) => asset.ledger === ledger || asset.code === code);
    return taken ? { status: "already_exists" } : OK;
  }

  /** A transfer out of the issuance account, by the system, or into it, by the issuer. */
  #moveSupply(kind: "issueAsset" | "burnAsset", by: number, body: MoveSupplyBody, now: bigint): Prediction {
    const asset = this.#assets.get(body.ledger);
    if (asset === undefined) return { status: "asset_unknown", what: `ledger ${body.ledger}` };
    if (asset.issuer !== by) return { status: "not_authorized", what: "issuer" };
    const { id, ledger, amount } = body;
    const issues = kind === "issueAsset";
    const [debitAccountId, creditAccountId] = issues
      ? [asset.issuanceAccount, body.account]
      : [body.account, asset.issuanceAccount];
    const code = issues ? CODES.issue : CODES.burn;
    const event = plainTransfer({ id, ledger, amount, debitAccountId, creditAccountId, code });
    const results = this.ledger.createTransfers([event], now, ...(issues ? [] : [by]));
    if (issues && results[0]?.status === "created") asset.issued += amount;
    return { ...OK, results };
  }

  #reverse(by: number, { id, transfer, amount }: ReverseTransferBody, now: bigint): Prediction {
    const original = this.ledger.transfer(transfer);
    if (original === undefined) return { status: "not_found" };
    if (this.ledger.authorityOf(original.creditAccountId) !== by) return { status: "not_authorized" };
    const moved = (original.flags & (T.pending | T.void)) === 0;
    if (!moved || this.#ofPayments.has(transfer)) return { status: "wrong_state" };
    const before = this.#reversed.get(transfer) ?? 0n;
    const isNew = this.ledger.transfer(id) === undefined;
    if (isNew && before + amount > original.amount) return { status: "exceeds_original" };
    const { debitAccountId, creditAccountId, ledger } = original;
    const back = { debitAccountId: creditAccountId, creditAccountId: debitAccountId };
    const event = plainTransfer({ id, ledger, amount, ...back, userData128: transfer, code: CODES.reversal });
    const results = this.ledger.createTransfers([event], now, by);
    if (results[0]?.status === "created") this.#reversed.set(transfer, before + amount);
    return { ...OK, results };
  }
}

function plainTransfer(
  special: Pick<ModelTransfer, "id" | "ledger" | "amount" | "debitAccountId" | "creditAccountId" | "code"> &
    Partial<ModelTransfer>,
): ModelTransfer {
  const userData = { userData128: 0n, userData64: 0n, userData32: 0 };
  return { ...userData, pendingId: 0n, timeout: 0, flags: 0, timestamp: 0n, ...special };
}
