/**
 * What a ledger number stands for. Numbers up to 999 are numeric codes of ISO 4217 and bound by our dated table, which is
 * therefore part of the protocol; numbers from 1,000 on are digital assets, created by transactions.
 *
 * The supply of a digital asset is kept by the ledger itself. Issuing debits the asset's issuance account, burning credits
 * it, so its debits less its credits are what is in circulation: no account of an asset may be overdrawn. A capped asset's issuance account may not be overdrawn
 * and was given the cap once, by an account that exists for nothing else: no rule but the ledger's own holds the cap.
 * Both belong to the system, with ids that nobody could know before.
 */
import { currencyOfNumber } from "../assets/iso-4217.ts";
import { assert, must } from "../base/assert.ts";
import { u128Bytes, viewOf } from "../base/bytes.ts";
import { ASSETS_MAX, ISO_LEDGER_MAX, RECORD_BYTES } from "../base/limits.ts";
import { SYSTEM_AUTHORITY } from "../ledger/authority.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { accountFlags, encodeAccounts, encodeTransfers } from "../ledger/records.ts";
import { AccountStatus } from "../ledger/status.ts";
import { ASSET_CODE_LENGTH_MAX, type CreateAssetBody, type MoveSupplyBody } from "../wire/kinds.ts";
import type { Refusal } from "../wire/results.ts";
import { integer, type Schema, text, tuple, u32, u128 } from "../wire/schema.ts";
import type { Moment } from "./moment.ts";
import { type Postings, TRANSFER_CODES } from "./postings.ts";
import { Table } from "./table.ts";

/** A digital asset. */
export interface Asset extends CreateAssetBody {
  /** Debited by what is issued, credited by what is burned. */
  readonly issuanceAccount: bigint;
  /** Where the cap came from; 0 for an asset without a cap. */
  readonly capAccount: bigint;
}

/** What has become of an asset, minor units. */
export interface Supply {
  readonly issued: bigint;
  readonly burned: bigint;
}

/** Why accounts may not be opened. */
interface Objection {
  readonly refusal: Refusal;
  readonly what: string;
}

/** Where they lie in a flat account record. */
const LEDGER_OFFSET = 112;
const FLAGS_OFFSET = 118;
/** `code` of the system's two accounts of an asset. */
const ACCOUNT_CODES = { issuance: 1, cap: 2 } as const;

const rowSchema = tuple(u32, text(ASSET_CODE_LENGTH_MAX), integer(0, 18), u32, u128, u128, u128);
const decodeRow: Schema<Asset> = (value, path) => {
  const [ledger, code, decimals, issuer, cap, issuanceAccount, capAccount] = rowSchema(value, path);
  return { ledger, code, decimals, issuer, cap, issuanceAccount, capAccount };
};

export class Assets {
  readonly table: Table<Asset> = new Table("assets", 32, {
    encode: ({ ledger, code, decimals, issuer, ...a }) => [
      ...[ledger, code, decimals, issuer],
      ...[a.cap, a.issuanceAccount, a.capAccount].map(u128Bytes),
    ],
    decode: decodeRow,
  });
  readonly #ledger: Ledger;
  readonly #postings: Postings;
  readonly #slotOf = new Map<number, number>();
  readonly #codes = new Set<string>();

  constructor(ledger: Ledger, postings: Postings) {
    this.#ledger = ledger;
    this.#postings = postings;
  }

  get(ledger: number): Asset | undefined {
    const slot = this.#slotOf.get(ledger);
    return slot === undefined ? undefined : this.table.row(slot);
  }

  /** Whether accounts may be opened under a ledger number: a currency in force, or a digital asset. */
  isBound(ledger: number): boolean {
    if (ledger > ISO_LEDGER_MAX) return this.#slotOf.has(ledger);
    const currency = currencyOfNumber(ledger);
    return currency !== undefined && currency.withdrawn === undefined;
  }

  /**
   * Why a batch of accounts may not be opened; undefined when it may. Every ledger number must stand for an asset, and no
   * account of a digital asset may be overdrawn: whoever could would have made units of it. Ledger 0 is left to the
   * ledger's own rule.
   */
  objectionTo(accounts: Uint8Array): Objection | undefined {
    const view = viewOf(accounts);
    let known = 0;
    for (let at = 0; at < accounts.length; at += RECORD_BYTES) {
      const ledger = view.getUint32(at + LEDGER_OFFSET, true);
      if (ledger !== known && ledger !== 0) {
        if (!this.isBound(ledger)) return { refusal: "asset_unknown", what: `ledger ${ledger}` };
        known = ledger;
      }
      if (ledger <= ISO_LEDGER_MAX) continue;
      const flags = view.getUint16(at + FLAGS_OFFSET, true);
      if ((flags & accountFlags.debitsMustNotExceedCredits) === 0) return { refusal: "invalid", what: "flags" };
    }
    return undefined;
  }

  /** Creates a digital asset and its accounts. */
  create(moment: Moment, body: CreateAssetBody): Refusal | undefined {
    const { ledger, code, cap } = body;
    if (this.#slotOf.has(ledger) || this.#codes.has(code)) return "already_exists";
    if (this.table.size >= ASSETS_MAX) return "limit_reached";
    const accountId = (purpose: string): bigint => this.#postings.accountId(moment, purpose, BigInt(ledger));
    const asset: Asset = {
      ...body,
      issuanceAccount: accountId("issuance"),
      capAccount: cap === 0n ? 0n : accountId("cap"),
    };
    this.#openAccounts(moment, asset);
    const slot = this.table.add(asset);
    this.#enter(asset, slot);
    return undefined;
  }

  /** Issues; answers with the ledger's results for one transfer. */
  issue(moment: Moment, { issuanceAccount }: Asset, body: MoveSupplyBody): Uint8Array {
    const accounts = { debitAccountId: issuanceAccount, creditAccountId: body.account };
    return this.#move(moment, { ...body, ...accounts, code: TRANSFER_CODES.issue }, SYSTEM_AUTHORITY);
  }

  /** Burns out of an account of the signer's; answers with the ledger's results for one transfer. */
  burn(moment: Moment, { issuanceAccount }: Asset, body: MoveSupplyBody, signer: number): Uint8Array {
    const accounts = { debitAccountId: body.account, creditAccountId: issuanceAccount };
    return this.#move(moment, { ...body, ...accounts, code: TRANSFER_CODES.burn }, signer);
  }

  /** What was issued and burned so far. */
  supply({ issuanceAccount, cap }: Asset): Supply {
    const { debitsPosted, creditsPosted } = must(this.#ledger.lookupAccount(issuanceAccount), "an asset is not issued");
    return { issued: debitsPosted, burned: creditsPosted - cap };
  }

  /** What must hold after every block. */
  checkInvariants(): void {
    for (const asset of this.table.rows()) {
      const { ledger, cap, issuanceAccount, capAccount } = asset;
      const { issued, burned } = this.supply(asset);
      assert(burned >= 0n && issued >= burned, `more of asset ${ledger} was burned than issued`);
      assert(cap === 0n || issued - burned <= cap, `the supply of asset ${ledger} is above its cap`);
      const owners = [issuanceAccount, ...(cap === 0n ? [] : [capAccount])].map((id) =>
        this.#ledger.accountAuthority(id),
      );
      assert(
        owners.every((owner) => owner === SYSTEM_AUTHORITY),
        `the accounts of asset ${ledger} are not the system's`,
      );
    }
  }

  restored(): void {
    this.table.rows().forEach((asset, slot) => {
      this.#enter(asset, slot);
    });
  }

  #enter({ ledger, code }: Asset, slot: number): void {
    this.#slotOf.set(ledger, slot);
    this.#codes.add(code);
  }

  #openAccounts(moment: Moment, { ledger, cap, issuanceAccount, capAccount }: Asset): void {
    const capped = cap > 0n;
    const flags = capped ? accountFlags.debitsMustNotExceedCredits : 0;
    const records = [
      { id: issuanceAccount, ledger, code: ACCOUNT_CODES.issuance, flags },
      ...(capped ? [{ id: capAccount, ledger, code: ACCOUNT_CODES.cap }] : []),
    ];
    const timestamp = moment.takeSlots(records.length);
    const results = viewOf(this.#ledger.createAccounts(encodeAccounts(records), timestamp, SYSTEM_AUTHORITY));
    records.forEach((_, index) => {
      assert(results.getUint32(index * 16 + 8, true) === AccountStatus.created, "an asset's account was there before");
    });
    if (!capped) return;
    const id = this.#postings.transferId(moment, "cap", BigInt(ledger));
    const between = { debitAccountId: capAccount, creditAccountId: issuanceAccount };
    this.#postings.mustPost(moment, [
      { id, ledger, amount: cap, code: TRANSFER_CODES.cap, userData128: 0n, ...between },
    ]);
  }

  #move(
    moment: Moment,
    { id, ledger, amount, code, debitAccountId, creditAccountId }: SupplyTransfer,
    authority: number,
  ): Uint8Array {
    const batch = encodeTransfers([{ id, ledger, amount, code, debitAccountId, creditAccountId }]);
    return this.#ledger.createTransfers(batch, moment.timestamp, authority);
  }
}

interface SupplyTransfer extends Omit<MoveSupplyBody, "account"> {
  readonly code: number;
  readonly debitAccountId: bigint;
  readonly creditAccountId: bigint;
}
