/**
 * The stateless gate before the log: envelope, body and everything about a command that needs no state. What it refuses
 * never reaches the log; what it lets pass, the state machine still judges again.
 */
import { currencyOfCode } from "../assets/iso-4217.ts";
import { toHex, U64_MAX } from "../base/bytes.ts";
import { isStrictPoint } from "../base/ed25519.ts";
import { CodedError } from "../base/errors.ts";
import { ISO_LEDGER_MAX } from "../base/limits.ts";
import { DEMOTING_RELEASE, NEWEST_RELEASE } from "../base/release.ts";
import { checkBatch } from "../ledger/records.ts";
import { type Command, decodeBody } from "../wire/body.ts";
import type { ChangeMembersBody, CreateAssetBody, CreateAuthorityBody } from "../wire/kinds.ts";
import { WireError } from "../wire/msgpack.ts";
import { decodeTransaction, type Transaction } from "../wire/transaction.ts";

/** A transaction that makes sense by itself. */
export interface Admitted {
  readonly transaction: Transaction;
  readonly command: Command;
}

/**
 * Decodes and checks a transaction as blocks of a release have it; throws `WireError`, or `CodedError` with `batch_*` or
 * `invalid_command`. Before anything else is looked at, a body is refused just as programs refuse it that know no later release.
 */
export function admit(encoded: Uint8Array, release: number = NEWEST_RELEASE): Admitted {
  const transaction = decodeTransaction(encoded);
  const command = decodeBody(transaction.kind, transaction.body);
  if (!isKnownAt(release, command)) throw new WireError("malformed_body", `release ${release} knows no such field`);
  const opening = command.kind === "sessionOpen";
  if ((transaction.sequence === 0) !== opening) {
    throw invalid("sequence 0 opens a session, and nothing else does");
  }
  checkCommand(command);
  return { transaction, command };
}

/** Whether a release has all fields of a command's body. */
export function isKnownAt(release: number, command: Command): boolean {
  return release >= DEMOTING_RELEASE || command.kind !== "changeMembers" || command.body.demote === undefined;
}

function checkCommand(command: Command): void {
  switch (command.kind) {
    case "createAccounts":
    case "createTransfers": {
      const fault = checkBatch(command.batch);
      if (fault !== undefined) {
        throw new CodedError(fault, BATCH_FAULTS[fault], { bytes: command.batch.length });
      }
      break;
    }
    case "createAuthority":
    case "replaceKeys":
      checkKeys(command.body);
      break;
    case "grantDelegate":
      checkKey(command.body.key);
      break;
    case "createPayment": {
      const { id, amount, payer, payee } = command.body;
      if (id === 0n) throw invalid("a payment's id must not be zero");
      if (amount === 0n || amount > U64_MAX)
        throw invalid("a payment's amount lies between 1 and 2^64 - 1 minor units");
      if (payer === payee) throw invalid("payer and payee are the same");
      break;
    }
    case "createAsset":
      checkAsset(command.body);
      break;
    case "issueAsset":
    case "burnAsset":
      if (command.body.amount === 0n) throw invalid("nothing is issued or burned");
      break;
    case "changeMembers":
      checkMembers(command.body);
      break;
    case "reverseTransfer":
      if (command.body.amount === 0n) throw invalid("nothing is reversed");
      break;
    default:
      break;
  }
}

function checkMembers({ add, remove, promote, demote = [] }: ChangeMembersBody): void {
  const named = [...remove, ...promote, ...demote];
  if (add.length + named.length === 0) throw invalid("no member is changed");
  if (new Set(named).size < named.length) throw invalid("a node is named twice");
  for (const { publicKey } of add) checkKey(publicKey);
  const addresses = add.map(({ host, port }) => `${host}:${port}`);
  if (new Set(addresses).size < add.length) throw invalid("an address stands twice");
  if (!add.every(({ host }) => /^[\w.:-]+$/.test(host))) throw invalid("a host is a name or an address of IP");
}

function checkKeys({ keys, threshold }: Pick<CreateAuthorityBody, "keys" | "threshold">): void {
  if (keys.length === 0) throw invalid("an authority needs a key");
  if (new Set(keys.map(toHex)).size < keys.length) throw invalid("an authority names a key twice");
  if (threshold > keys.length) throw invalid("the threshold is above the number of keys");
  keys.forEach(checkKey);
}

/** Nothing verifies by such a key: whoever entered it would be locked out. */
function checkKey(key: Uint8Array): void {
  if (!isStrictPoint(key)) throw invalid("a key is of small order, or encoded in another than the one way");
}

const ASSET_CODE = /^[A-Z][A-Z0-9]+$/;

/** Burning credits an account that was credited with the cap, so there must be room for as much again. */
const CAP_MAX: bigint = 2n ** 127n - 1n;

function checkAsset({ ledger, code, cap }: CreateAssetBody): void {
  if (ledger <= ISO_LEDGER_MAX) throw invalid(`ledger numbers up to ${ISO_LEDGER_MAX} are currencies of ISO 4217`);
  if (!ASSET_CODE.test(code)) throw invalid("an asset's code is 2 to 12 capital letters and digits, a letter first");
  if (cap > CAP_MAX) throw invalid("a cap is at most 2^127 - 1 minor units");
  if (currencyOfCode(code) !== undefined) throw invalid(`${code} is a currency of ISO 4217`);
}

const BATCH_FAULTS = {
  batch_empty: "a batch has at least one record",
  batch_misaligned: "a batch is a whole number of 128-byte records",
  batch_too_long: "a batch has at most 8190 records",
} as const;

function invalid(reason: string): CodedError {
  return new CodedError("invalid_command", reason);
}
