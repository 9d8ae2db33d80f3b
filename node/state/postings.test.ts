import { expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { readU128, u128Bytes, utf8, viewOf } from "../base/bytes.ts";
import { batchResults } from "../wire/results.ts";
import { ALICE, BOB, payment, resultsOf, SECOND, town, transfers } from "./chain.test-support.ts";

/** An id as the state machine derives it, from what somebody may know who submits a transaction. */
function guess(purpose: string, salt: Uint8Array, ...parts: readonly bigint[]): bigint {
  const hash = sha256(utf8(`quorate.transfer.v1\0${purpose}\0`), salt, ...parts.map(u128Bytes));
  return (readU128(viewOf(hash), 0) >> 1n) | 1n;
}

test("nobody can take the id of a transfer of the system's own before it is made, not even within its block", () => {
  const { chain, bank } = town();
  bank.must(payment({ id: 7n, capture: "manual" }));
  // The attacker knows the state, the purpose, and when the next block will be made.
  const salts = [chain.state.digest, chain.state.blockHash];
  chain.now += SECOND;
  const guesses = salts.flatMap((salt) => [guess("void", salt, chain.now, 7n), guess("void", salt, 7n)]);
  const taken = guesses.map((id) => ({ id, debitAccountId: ALICE, creditAccountId: BOB, amount: 1n }));
  const attack = bank.sign(transfers(...taken));
  const voids = bank.sign({ kind: "voidPayment", body: { id: 7n } });
  const [attacked, voided] = resultsOf(chain.block([attack, voids]));
  expect(new Set(batchResults(attacked ?? {}).map(({ status }) => status))).toEqual(new Set([0xffff_ffff]));
  expect(voided).toMatchObject({ status: "ok", state: "voided" });
});
