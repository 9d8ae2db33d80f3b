import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { U64_MAX, utf8 } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { BATCH_RECORDS_MAX } from "../base/limits.ts";
import { accountFlags, TRANSFER_FLAGS_MASK } from "../ledger/records.ts";
import { AccountStatus, TransferStatus } from "../ledger/status.ts";
import type { Command } from "../wire/body.ts";
import { KINDS } from "../wire/kinds.ts";
import { pack, unpack } from "../wire/msgpack.ts";
import { batchResults } from "../wire/results.ts";
import { admit } from "./admit.ts";
import { ALICE, accounts, BOB, Chain, payment, START, town, transfers } from "./chain.test-support.ts";

const { admin } = new Chain();

function codeOf(encoded: Uint8Array): string {
  try {
    admit(encoded);
    return "admitted";
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

/** A good transaction, with some fields of its envelope replaced. */
function envelope(replaced: Readonly<Record<number, unknown>>, command: Command = payment({ id: 1n })): Uint8Array {
  const fields = unpack(admin.sign(command, { sequence: 1 })) as unknown[];
  return pack(fields.map((field, place) => (place in replaced ? replaced[place] : field)));
}

function kinded(kind: number, body: unknown): Uint8Array {
  return envelope({ 2: kind, 9: pack(body) });
}

function assetOf(special: object): Uint8Array {
  const body = { ledger: 1_000, code: "GOLD", decimals: 18, issuer: 1, cap: new Uint8Array(16), ...special };
  return kinded(KINDS.createAsset, body);
}

describe("a transaction that makes no sense by itself gets one code, and no log sees it", () => {
  test("one that does is admitted", () => {
    expect(codeOf(envelope({}))).toBe("admitted");
    expect(admit(envelope({})).command).toMatchObject({ kind: "createPayment", body: { id: 1n, amount: 100n } });
  });

  test.each([
    ["bytes after the end", new Uint8Array([...envelope({}), 0]), "malformed_msgpack"],
    ["a cut envelope", envelope({}).slice(0, -1), "malformed_msgpack"],
    ["another version", envelope({ 0: 2 }), "malformed_transaction"],
    ["another group", envelope({ 1: 1 }), "malformed_transaction"],
    ["a short session", envelope({ 3: new Uint8Array(15) }), "malformed_transaction"],
    ["a negative sequence", envelope({ 4: -1 }), "malformed_transaction"],
    ["a sequence that is text", envelope({ 4: "1" }), "malformed_transaction"],
    ["a short key", envelope({ 6: new Uint8Array(31) }), "malformed_transaction"],
    ["a short signature", envelope({ 7: new Uint8Array(63) }), "malformed_transaction"],
    ["a kind that nobody knows", kinded(99, {}), "unknown_kind"],
    ["a body that is cut", envelope({ 9: new Uint8Array([0x81]) }), "malformed_msgpack"],
    ["a body with an unknown field", kinded(KINDS.voidPayment, { id: new Uint8Array(16), x: 1 }), "malformed_body"],
    ["a body without a field", kinded(KINDS.voidPayment, {}), "malformed_body"],
    ["an asset of 19 decimals", assetOf({ decimals: 19 }), "malformed_body"],
    ["an asset with a long code", assetOf({ code: "ABCDEFGHIJKLM" }), "malformed_body"],
    ["an asset with a cap of eight bytes", assetOf({ cap: new Uint8Array(8) }), "malformed_body"],
    ["an asset of ledger 2^32", assetOf({ ledger: 2 ** 32 }), "malformed_body"],
    ["an id of eight bytes", kinded(KINDS.voidPayment, { id: new Uint8Array(8) }), "malformed_body"],
    ["a batch of nothing", envelope({ 2: KINDS.createTransfers, 9: new Uint8Array(0) }), "batch_empty"],
    ["a batch that is cut", envelope({ 2: KINDS.createAccounts, 9: new Uint8Array(200) }), "batch_misaligned"],
    [
      "too long a batch",
      envelope({ 2: KINDS.createTransfers, 9: new Uint8Array(128 * (BATCH_RECORDS_MAX + 1)) }),
      "batch_too_long",
    ],
    ["an opening that is numbered", admin.sign({ kind: "sessionOpen" }, { sequence: 1 }), "invalid_command"],
    ["a command without a number", admin.sign(payment({ id: 1n }), { sequence: 0 }), "invalid_command"],
  ])("%s", (_, encoded, code) => {
    expect(codeOf(encoded)).toBe(code);
  });

  const keys = ["a", "b"].map((name) => sha256(utf8(name)));
  const authority = { name: "x", keys, threshold: 1, roles: [] };

  const asset = { ledger: 1_000, code: "GOLD", decimals: 18, issuer: 1, cap: 0n };
  const supply = { id: 1n, ledger: 1_000, account: 2n, amount: 1n };

  const weak = new Uint8Array(32).fill(1, 0, 1);
  const grant = { key: weak, ledger: 978, account: 0n, dailyLimit: 1n, expiresAt: 1n };
  const node = { publicKey: weak, host: "127.0.0.1", port: 1, voter: true };

  test.each<[string, Command]>([
    ["an authority with a key of small order", { kind: "createAuthority", body: { ...authority, keys: [weak] } }],
    ["a new key of small order", { kind: "replaceKeys", body: { authority: 1, keys: [weak], threshold: 1 } }],
    ["a delegate of small order", { kind: "grantDelegate", body: grant }],
    ["a node of small order", { kind: "changeMembers", body: { add: [node], remove: [], promote: [] } }],
    ["a payment without an id", payment({ id: 0n })],
    ["a payment of nothing", payment({ id: 1n, amount: 0n })],
    ["a payment over 64 bits", payment({ id: 1n, amount: U64_MAX + 1n })],
    ["a payment to oneself", payment({ id: 1n, payee: ALICE })],
    ["an authority without a key", { kind: "createAuthority", body: { ...authority, keys: [] } }],
    [
      "an authority that needs more keys than it has",
      { kind: "createAuthority", body: { ...authority, threshold: 3 } },
    ],
    [
      "an authority that names a key twice",
      { kind: "createAuthority", body: { ...authority, keys: [...keys, keys[0] as Uint8Array], threshold: 3 } },
    ],
    ["an asset in a currency's place", { kind: "createAsset", body: { ...asset, ledger: 999 } }],
    ["an asset with a cap that leaves no room to burn", { kind: "createAsset", body: { ...asset, cap: 2n ** 127n } }],
    ["an asset called like a currency", { kind: "createAsset", body: { ...asset, code: "EUR" } }],
    ["an asset called like a withdrawn currency", { kind: "createAsset", body: { ...asset, code: "HRK" } }],
    ["an asset with a small letter", { kind: "createAsset", body: { ...asset, code: "GOLd" } }],
    ["an asset that begins with a digit", { kind: "createAsset", body: { ...asset, code: "1000" } }],
    ["an asset of one letter", { kind: "createAsset", body: { ...asset, code: "G" } }],
    ["an issue of nothing", { kind: "issueAsset", body: { ...supply, amount: 0n } }],
    ["a reversal of nothing", { kind: "reverseTransfer", body: { id: 1n, transfer: 2n, amount: 0n } }],
    ["a burn of nothing", { kind: "burnAsset", body: { ...supply, amount: 0n } }],
  ])("%s", (_, command) => {
    expect(codeOf(admin.sign(command, { sequence: 1 }))).toBe("invalid_command");
  });

  test("the largest payment is admitted", () => {
    expect(codeOf(admin.sign(payment({ id: 1n, amount: U64_MAX }), { sequence: 1 }))).toBe("admitted");
  });

  test("whatever bytes come, the answer is a code", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(codeOf(bytes)).not.toBe("admitted");
      }),
      { numRuns: 300 },
    );
  });

  test("whatever byte of a good transaction changes, it is admitted or gets a code, and a machine takes it", () => {
    const seeds = [
      envelope({}),
      kinded(KINDS.createAuthority, authority),
      envelope({ 2: KINDS.createTransfers, 9: new Uint8Array(256) }),
    ];
    const change = fc.record({ seed: fc.nat(2), at: fc.nat(500), mask: fc.integer({ min: 1, max: 255 }) });
    const { chain } = town();
    fc.assert(
      fc.property(change, ({ seed, at, mask }) => {
        const bytes = (seeds[seed] as Uint8Array).slice();
        bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ mask;
        const code = codeOf(bytes);
        const result = chain.submit(bytes);
        if (code !== "admitted") expect(result).toEqual({ status: "invalid", what: code });
      }),
      { numRuns: 300 },
    );
  });
});

describe("what needs the ledger to be refused", () => {
  test("unknown flags are refused event by event", () => {
    const { bank } = town();
    const pay = { debitAccountId: ALICE, creditAccountId: BOB, amount: 1n };
    const made = bank.submit(transfers({ ...pay, id: 50n, flags: TRANSFER_FLAGS_MASK + 1 }, { ...pay, id: 51n }));
    expect(batchResults(made).map((each) => each.status)).toEqual([
      TransferStatus.reservedFlag,
      TransferStatus.created,
    ]);
    const opened = bank.submit(accounts({ id: 50n, flags: 64 }, { id: 51n, flags: accountFlags.history }));
    expect(batchResults(opened).map((each) => each.status)).toEqual([
      AccountStatus.reservedFlag,
      AccountStatus.created,
    ]);
  });

  test("every event has a log time of its own, the last the transaction's", () => {
    const { chain, bank } = town();
    const opened = bank.submit(accounts({ id: 50n }, { id: 51n }, { id: 52n }));
    const now = chain.state.timestamp;
    expect(batchResults(opened).map(({ timestamp }) => timestamp)).toEqual([now - 2n, now - 1n, now]);
    expect(now).toBeGreaterThan(START);
  });
});
