import { expect, test } from "vitest";
import { KeyRing, sha256, virtualCrypto } from "../../sim/virtual-crypto.ts";
import { toHex } from "../base/bytes.ts";
import { Prng } from "../base/prng.ts";
import { KINDS } from "../wire/kinds.ts";
import { decodeTransaction, signingDigest } from "../wire/transaction.ts";
import { OwnSession } from "./own-session.ts";

const CLUSTER = new Uint8Array(16).fill(7);
const ring = new KeyRing();
const crypto = virtualCrypto(ring, ring.create("node"), (run) => run());
const COMMAND = { kind: "closeSettlement", body: { ledger: 978 } } as const;

test("a session opens under number 0, and numbers what it signs from 1, with the node's own key", () => {
  const session = new OwnSession(crypto, CLUSTER, new Prng(1));
  const signed = [session.opening(5n), session.sign(COMMAND, 6n), session.sign(COMMAND, 7n)].map(decodeTransaction);
  expect(signed.map(({ sequence }) => sequence)).toEqual([0, 1, 2]);
  expect(signed.map(({ kind }) => kind)).toEqual([KINDS.sessionOpen, KINDS.closeSettlement, KINDS.closeSettlement]);
  expect(signed.map(({ expiry }) => expiry - 300_000_000_000n)).toEqual([5n, 6n, 7n]);
  expect(new Set(signed.map((each) => toHex(each.session))).size).toBe(1);
  for (const each of signed) {
    const digest = signingDigest(sha256, CLUSTER, each);
    expect(ring.verify(crypto.publicKey, digest, each.signature)).toBe(true);
  }
});

test("two sessions have different ids", () => {
  const random = new Prng(1);
  const ids = [1, 2].map(() => decodeTransaction(new OwnSession(crypto, CLUSTER, random).opening(5n)).session);
  expect(toHex(ids[0] as Uint8Array)).not.toBe(toHex(ids[1] as Uint8Array));
});
