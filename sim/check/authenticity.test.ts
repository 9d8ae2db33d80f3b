import { expect, test } from "vitest";
import { decodeBlock, encodeBlock } from "../../node/wire/block.ts";
import { THREE_VOTERS } from "../../node/wire/configuration.test-support.ts";
import { encodeResult } from "../../node/wire/results.ts";
import { cosignTransaction, GROUP, type Signer, signTransaction } from "../../node/wire/transaction.ts";
import { KeyRing, sha256 } from "../virtual-crypto.ts";
import { Authenticity } from "./authenticity.ts";
import { verdictOf } from "./raft-view.test-support.ts";

const clusterId = new Uint8Array(16);
const ring = new KeyRing();
const [client, node, stranger] = ["client", "node", "stranger"].map((name) => ring.create(name)) as [
  ...[Signer, Signer, Signer],
];

function signedBy(signer: Signer): Uint8Array {
  const placement = { clusterId, session: new Uint8Array(16), sequence: 1, expiry: 10n ** 15n };
  return signTransaction(sha256, signer, placement, { kind: "sessionOpen" });
}

/** What the rule says of a block with one transaction, where the client has signed its own. */
function verdictOn(transaction: Uint8Array, status: "ok" | "unknown_key" | "unknown_cosigner"): string | undefined {
  const state = { height: 0, digest: new Uint8Array(32) };
  const place = { clusterId, previousHash: new Uint8Array(32), state, group: GROUP, term: 1, height: 1 };
  const content = { ...place, timestamp: 10n ** 9n, transactions: [transaction], configuration: THREE_VOTERS };
  const block = decodeBlock(sha256, encodeBlock(sha256, content).bytes);
  return verdictOf((verdict) => {
    const rule = new Authenticity(verdict, [node.publicKey]);
    rule.signed(signedBy(client));
    rule.block({ block, results: [encodeResult(status)] });
  });
}

test("what a client or a node has signed may be executed, and nothing else", () => {
  expect(verdictOn(signedBy(client), "ok")).toBeUndefined();
  expect(verdictOn(signedBy(node), "ok")).toBeUndefined();
  expect(verdictOn(signedBy(stranger), "ok")).toBe("authenticity");
  const altered = signedBy(client);
  altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
  expect(verdictOn(altered, "ok")).toBe("authenticity");
});

test("what a stranger has signed may stand in a block, if nothing came of it; its co-signature changes nothing", () => {
  expect(verdictOn(signedBy(stranger), "unknown_key")).toBeUndefined();
  expect(verdictOn(cosignTransaction(sha256, stranger, clusterId, signedBy(client)), "ok")).toBeUndefined();
  expect(verdictOn(cosignTransaction(sha256, client, clusterId, signedBy(stranger)), "ok")).toBe("authenticity");
});

test("what was executed is known, for those who try it again", () => {
  const rule = (results: Uint8Array) => {
    const state = { height: 0, digest: new Uint8Array(32) };
    const place = { clusterId, previousHash: new Uint8Array(32), state, group: GROUP, term: 1, height: 1 };
    const transactions = [signedBy(client)];
    const content = { ...place, timestamp: 10n ** 9n, transactions, configuration: THREE_VOTERS };
    let executed: readonly Uint8Array[] = [];
    verdictOf((verdict) => {
      const authenticity = new Authenticity(verdict, []);
      authenticity.signed(signedBy(client));
      authenticity.block({ block: decodeBlock(sha256, encodeBlock(sha256, content).bytes), results: [results] });
      executed = authenticity.executed;
    });
    return executed.length;
  };
  expect([rule(encodeResult("ok")), rule(encodeResult("unknown_key"))]).toEqual([1, 0]);
});
