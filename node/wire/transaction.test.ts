import { createHash, generateKeyPairSync, sign, verify } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { compareBytes, toHex, U64_MAX } from "../base/bytes.ts";
import { AUTHORITY_KEYS_MAX, TRANSACTION_BYTES_MAX } from "../base/limits.ts";
import { decodeBody } from "./body.ts";
import { describeHostileBytes, refusalOf } from "./hostile.contract.ts";
import { KINDS } from "./kinds.ts";
import { leafHash } from "./merkle.ts";
import { pack, unpack } from "./msgpack.ts";
import {
  cosignTransaction,
  decodeTransaction,
  encodeTransaction,
  intentHash,
  type Signer,
  signatureJobs,
  signingDigest,
  signTransaction,
  type Transaction,
} from "./transaction.ts";

const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const transactions: fc.Arbitrary<Transaction> = fc.record({
  group: fc.constant(0),
  kind: fc.integer({ min: 0, max: 0xffff }),
  session: fixed(16),
  sequence: fc.maxSafeNat(),
  expiry: fc.bigInt({ min: 0n, max: U64_MAX }),
  publicKey: fixed(32),
  signature: fixed(64),
  cosignatures: fc
    .uniqueArray(fc.record({ publicKey: fixed(32), signature: fixed(64) }), {
      selector: ({ publicKey }) => toHex(publicKey),
      maxLength: AUTHORITY_KEYS_MAX - 1,
    })
    .map((all) => all.sort((a, b) => compareBytes(a.publicKey, b.publicKey))),
  body: fc.uint8Array({ maxLength: 200 }),
});
const cluster = fixed(16);
const EXAMPLE: Transaction = {
  ...{ group: 0, kind: 20, sequence: 7, expiry: 1_750_000_000_000_000_000n },
  session: Uint8Array.from({ length: 16 }, (_, i) => i),
  publicKey: new Uint8Array(32).fill(0xaa),
  signature: new Uint8Array(64).fill(0xbb),
  cosignatures: [],
  body: pack({ id: new Uint8Array(16) }),
};
const CLUSTER = new Uint8Array(16).fill(0xcc);

/** A co-signature as it stands in an envelope. */
function by(key: number): readonly unknown[] {
  return [new Uint8Array(32).fill(key), new Uint8Array(64)];
}

/** What its session knows a transaction by. */
function sessionHash(transaction: Transaction): Uint8Array {
  return intentHash(sha256, transaction, leafHash(sha256, encodeTransaction(transaction)));
}

/** Signs by naming itself and the message. */
function fakeSigner(name: number): Signer {
  return {
    publicKey: new Uint8Array(32).fill(name),
    sign: (message) => Uint8Array.from([...new Uint8Array(32).fill(name), ...message]),
  };
}

/** What is signed, from its description: domain, cluster, session, then little-endian numbers, key and body. */
function described(clusterId: Uint8Array, transaction: Transaction): string {
  const numbers = Buffer.alloc(24);
  numbers.writeUInt32LE(transaction.group, 0);
  numbers.writeUInt32LE(transaction.kind, 4);
  numbers.writeBigUInt64LE(BigInt(transaction.sequence), 8);
  numbers.writeBigUInt64LE(transaction.expiry, 16);
  return createHash("sha256")
    .update("quorate.transaction.v1\0")
    .update(clusterId)
    .update(transaction.session)
    .update(numbers)
    .update(transaction.publicKey)
    .update(transaction.body)
    .digest("hex");
}

describe("envelope", () => {
  test("comes back", () => {
    fc.assert(
      fc.property(transactions, (transaction) => {
        expect(decodeTransaction(encodeTransaction(transaction))).toEqual(transaction);
      }),
    );
  });

  test.each<readonly [string, Partial<Record<number, unknown>>]>([
    ["another version", { 0: 2 }],
    ["another group", { 1: 1 }],
    ["a kind beyond 16 bits", { 2: 0x1_0000 }],
    ["a negative kind", { 2: -1 }],
    ["a short session", { 3: new Uint8Array(15) }],
    ["a text for a session", { 3: "0123456789abcdef" }],
    ["a sequence that is not exact", { 4: 2n ** 53n }],
    ["a negative sequence", { 4: -1 }],
    ["a negative expiry", { 5: -1 }],
    ["a short key", { 6: new Uint8Array(31) }],
    ["a long signature", { 7: new Uint8Array(65) }],
    ["no list of co-signatures", { 8: null }],
    ["a co-signature without a key", { 8: [[new Uint8Array(64)]] }],
    ["a co-signature with a short key", { 8: [[new Uint8Array(31), new Uint8Array(64)]] }],
    ["a co-signature with a field too many", { 8: [[new Uint8Array(32), new Uint8Array(64), 0]] }],
    ["a co-signature of the first signer", { 8: [by(0xaa)] }],
    ["two co-signatures of one key", { 8: [by(1), by(1)] }],
    ["co-signatures in falling order", { 8: [by(2), by(1)] }],
    ["too many co-signatures", { 8: Array.from({ length: AUTHORITY_KEYS_MAX }, (_, key) => by(key)) }],
    ["a map for a body", { 9: {} }],
    ["no body", { 9: null }],
  ])("%s is refused", (_name, change) => {
    const fields = unpack(encodeTransaction(EXAMPLE)) as unknown[];
    const changed = fields.map((field, place) => (place in change ? change[place] : field));
    expect(refusalOf(decodeTransaction, pack(changed))).toBe("malformed_transaction");
  });

  test("a field too many or too few, and what is no list, are refused", () => {
    const fields = unpack(encodeTransaction(EXAMPLE)) as unknown[];
    for (const value of [fields.slice(0, 9), [...fields, 0], [], {}, "text", null]) {
      expect(refusalOf(decodeTransaction, pack(value))).toBe("malformed_transaction");
    }
  });

  test("one that is too large is refused before it is looked at", () => {
    const overhead = encodeTransaction({ ...EXAMPLE, body: new Uint8Array(TRANSACTION_BYTES_MAX) }).length;
    const largest = { ...EXAMPLE, body: new Uint8Array(2 * TRANSACTION_BYTES_MAX - overhead) };
    expect(encodeTransaction(largest)).toHaveLength(TRANSACTION_BYTES_MAX);
    expect(refusalOf(decodeTransaction, encodeTransaction(largest))).toBeUndefined();
    expect(refusalOf(decodeTransaction, new Uint8Array(TRANSACTION_BYTES_MAX + 1))).toBe("malformed_transaction");
  });

  test("nobody but its signer can give a transaction other bytes, and with them another hash", () => {
    const encoded = toHex(encodeTransaction(EXAMPLE));
    const sequence = "07";
    const kind = "14";
    expect(encoded.startsWith(`9a01 00 ${kind} c410`.replaceAll(" ", ""))).toBe(true);
    const dressed = [
      encoded.replace(/^9a/, "dc000a"),
      encoded.replace(/^9a01/, "9acc01"),
      encoded.replace(/^9a0100/, "9a01d000"),
      encoded.replace(`0100${kind}`, `0100cc${kind}`),
      encoded.replace(`${sequence}d3`, `cf00000000000000${sequence}d3`),
      encoded.replace(`${sequence}d3`, `cb401c000000000000d3`),
      encoded.replace(`${sequence}d3`, `${sequence}cf`),
      encoded.replace("c410", "c50010"),
    ];
    for (const form of dressed) {
      expect(form).not.toBe(encoded);
      expect(refusalOf(decodeTransaction, Buffer.from(form, "hex"))).toBe("malformed_msgpack");
    }
  });
});

describe("what is signed", () => {
  test("is the digest that the documents describe", () => {
    fc.assert(
      fc.property(cluster, transactions, (clusterId, transaction) => {
        expect(toHex(signingDigest(sha256, clusterId, transaction))).toBe(described(clusterId, transaction));
      }),
    );
  });

  test("differs when anything but the signature does: a signature is good for one place of one session of one cluster", () => {
    const whole = fc.tuple(cluster, transactions);
    const fields = ["group", "kind", "session", "sequence", "expiry", "publicKey", "body"] as const;
    fc.assert(
      fc.property(whole, whole, fc.constantFrom(...fields, "cluster" as const), (one, other, field) => {
        const [clusterId, transaction] = one;
        const changed = field === "cluster" ? transaction : { ...transaction, [field]: other[1][field] };
        const place = field === "cluster" ? other[0] : clusterId;
        const same =
          toHex(place) === toHex(clusterId) &&
          toHex(pack(Object.values(changed))) === toHex(pack(Object.values(transaction)));
        const equal =
          toHex(signingDigest(sha256, place, changed)) === toHex(signingDigest(sha256, clusterId, transaction));
        expect(equal).toBe(same);
      }),
    );
    const another = { ...EXAMPLE, group: 1 };
    expect(signingDigest(sha256, CLUSTER, another)).not.toEqual(signingDigest(sha256, CLUSTER, EXAMPLE));
  });

  test("does not depend on the signatures", () => {
    const cosignatures = [{ publicKey: new Uint8Array(32), signature: new Uint8Array(64) }];
    const resigned = { ...EXAMPLE, signature: new Uint8Array(64), cosignatures };
    expect(signingDigest(sha256, CLUSTER, resigned)).toEqual(signingDigest(sha256, CLUSTER, EXAMPLE));
  });

  test("whoever co-signs signs the same, and their order is one, whatever order they came in", () => {
    const signers = [3, 1, 2].map((name) => fakeSigner(name));
    const placement = { clusterId: CLUSTER, session: new Uint8Array(16), sequence: 1, expiry: 99n };
    const first = signTransaction(sha256, fakeSigner(9), placement, { kind: "sessionOpen" });
    const together = signers.reduce((encoded, signer) => cosignTransaction(sha256, signer, CLUSTER, encoded), first);
    const backwards = signers.reduceRight(
      (encoded, signer) => cosignTransaction(sha256, signer, CLUSTER, encoded),
      first,
    );
    expect(together).toEqual(backwards);
    const transaction = decodeTransaction(together);
    const digest = Buffer.from(described(CLUSTER, transaction), "hex");
    expect(transaction.cosignatures.map(({ publicKey }) => publicKey[0])).toEqual([1, 2, 3]);
    expect(signatureJobs(sha256, CLUSTER, transaction)).toEqual(
      [9, 1, 2, 3].map((name) => ({
        publicKey: fakeSigner(name).publicKey,
        message: new Uint8Array(digest),
        signature: fakeSigner(name).sign(digest),
      })),
    );
  });

  test("no key signs twice, and there is an end of signatures", () => {
    const cosigned = {
      ...EXAMPLE,
      cosignatures: [{ publicKey: fakeSigner(1).publicKey, signature: new Uint8Array(64) }],
    };
    const encoded = encodeTransaction(cosigned);
    const cosigner = (name: number) => (bytes: Uint8Array) =>
      cosignTransaction(sha256, fakeSigner(name), CLUSTER, bytes);
    for (const name of [0xaa, 1]) expect(refusalOf(cosigner(name), encoded)).toBe("already_signed");
    const full = Array.from({ length: AUTHORITY_KEYS_MAX - 2 }, (_, name) => name + 2).reduce(
      (bytes, name) => cosigner(name)(bytes),
      encoded,
    );
    expect(refusalOf(cosigner(100), full)).toBe("too_many_signatures");
  });

  test("its session knows a transaction by what it is without co-signatures", () => {
    const cosignatures = [{ publicKey: new Uint8Array(32), signature: new Uint8Array(64) }];
    expect(sessionHash({ ...EXAMPLE, cosignatures })).toEqual(sessionHash(EXAMPLE));
    expect(sessionHash({ ...EXAMPLE, cosignatures, sequence: 8 })).not.toEqual(sessionHash(EXAMPLE));
    expect(sessionHash({ ...EXAMPLE, signature: new Uint8Array(64) })).not.toEqual(sessionHash(EXAMPLE));
  });

  test("signTransaction signs it with Ed25519, under the placement it is given", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const raw = new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(-32));
    const signer = { publicKey: raw, sign: (message: Uint8Array) => new Uint8Array(sign(null, message, privateKey)) };
    const session = new Uint8Array(16).fill(5);
    const placement = { clusterId: CLUSTER, session, sequence: 3, expiry: 99n };
    const command = { kind: "blockPayer", body: { payer: 7n, blocked: true } } as const;
    const transaction = decodeTransaction(signTransaction(sha256, signer, placement, command));
    expect(transaction).toMatchObject({
      group: 0,
      kind: KINDS.blockPayer,
      session,
      sequence: 3,
      expiry: 99n,
      publicKey: raw,
    });
    expect(decodeBody(transaction.kind, transaction.body)).toEqual(command);
    const digest = Buffer.from(described(CLUSTER, transaction), "hex");
    expect(verify(null, digest, publicKey, transaction.signature)).toBe(true);
  });
});

describeHostileBytes("transactions", {
  valid: [
    encodeTransaction(EXAMPLE),
    encodeTransaction({ ...EXAMPLE, kind: 2, sequence: 2 ** 40, expiry: 0n, body: new Uint8Array(128) }),
  ],
  decode: decodeTransaction,
  encode: encodeTransaction,
  codes: ["malformed_msgpack", "malformed_transaction"],
});
