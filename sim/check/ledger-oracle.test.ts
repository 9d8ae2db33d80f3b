import { describe, expect, test } from "vitest";
import { SYSTEM_AUTHORITY } from "../../node/ledger/authority.ts";
import { DebitAllowance } from "../../node/ledger/debit-allowance.ts";
import { Ledger } from "../../node/ledger/ledger.ts";
import { encodeAccounts, encodeTransfers, transferFlags } from "../../node/ledger/records.ts";
import { LedgerOracle } from "./ledger-oracle.ts";
import { ReferenceLedger } from "./reference-ledger.ts";
import { Verdict } from "./verdict.ts";

const none = { userData128: 0n, userData64: 0n, userData32: 0, ledger: 1, code: 1, flags: 0, timestamp: 0n };
const empty = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
const ACCOUNTS = encodeAccounts([1n, 2n].map((id) => ({ id, ...empty, ...none })));
const SECOND = 1_000_000_000n;

function move(id: bigint, special: { readonly flags?: number; readonly timeout?: number } = {}): Uint8Array {
  return encodeTransfers([
    { id, debitAccountId: 1n, creditAccountId: 2n, amount: 7n, pendingId: 0n, timeout: 0, ...none, ...special },
  ]);
}

/** The reference does what a node's ledger did. */
function replay(oracle: LedgerOracle, node: number, where: string): void {
  for (const call of oracle.take(node)) oracle.replay(call, () => where);
}

/** What the oracle finds wrong with what a node's ledger does behind two accounts. */
function found(act: (ledger: Ledger, applied: () => void) => void): string | undefined {
  const verdict = new Verdict(() => ({ atMs: 0, step: 0 }));
  const oracle = new LedgerOracle(verdict, new ReferenceLedger());
  const ledger = oracle.createLedger(1);
  ledger.createAccounts(ACCOUNTS, SECOND);
  replay(oracle, 1, "block 1");
  act(ledger, () => replay(oracle, 1, "block 2"));
  oracle.compare(1, () => "here");
  return verdict.failure?.message;
}

/** Changes a ledger behind the oracle's back. */
function secretly(ledger: Ledger, batch: Uint8Array, timestamp: bigint): void {
  Ledger.prototype.createTransfers.apply(ledger, [batch as never, timestamp]);
}

describe("the ledgers beside the reference", () => {
  test("agrees with what the ledger did: transfers, refusals, retries, holds and their end, frozen accounts, delegates", () => {
    const message = found((ledger, applied) => {
      ledger.createTransfers(move(1n), 2n * SECOND);
      ledger.createTransfers(move(1n), 3n * SECOND);
      ledger.createTransfers(move(0n), 4n * SECOND);
      ledger.createTransfers(move(2n, { flags: transferFlags.pending, timeout: 1 }), 5n * SECOND);
      ledger.expirePendingTransfers(7n * SECOND, 10);
      ledger.freezeAccount(1n, true);
      ledger.createTransfers(move(3n), 8n * SECOND);
      ledger.freezeAccount(1n, false);
      const allowance = new DebitAllowance(SYSTEM_AUTHORITY, [{ ledger: 1, account: 0n, amount: 10n }]);
      ledger.createTransfers(move(4n), 9n * SECOND, allowance);
      ledger.createTransfers(move(5n), 10n * SECOND, allowance);
      applied();
    });
    expect(message).toBeUndefined();
  });

  test("finds a transfer that the ledger made and nobody asked for", () => {
    expect(found((ledger) => secretly(ledger, move(1n), 2n * SECOND))).toMatch(
      /^here: account 1: .*"debitsPosted":"7"/,
    );
  });

  test("finds a status that is another than it should be", () => {
    const message = found((ledger, applied) => {
      secretly(ledger, move(1n), 2n * SECOND);
      ledger.createTransfers(move(1n), 3n * SECOND);
      applied();
    });
    expect(message).toMatch(/^block 2: \[.*"status":46\}\], the reference says \[.*"status":4294967295\}\]$/);
  });

  test("does what one node did, and compares any", () => {
    const verdict = new Verdict(() => ({ atMs: 0, step: 0 }));
    const oracle = new LedgerOracle(verdict, new ReferenceLedger());
    const ledgers = [oracle.createLedger(1), oracle.createLedger(2)];
    for (const [index, ledger] of ledgers.entries()) {
      ledger.createAccounts(ACCOUNTS, SECOND);
      if (index === 0) replay(oracle, 1, "block 1");
      else oracle.take(2);
    }
    ledgers[1]?.createTransfers(move(1n), 2n * SECOND);
    replay(oracle, 2, "block 2");
    oracle.compare(2, () => "node 2");
    expect(verdict.failure).toBeUndefined();
    oracle.compare(1, () => "node 1, which lags");
    expect(verdict.failure?.message).toMatch(/^node 1, which lags: account 1: /);
  });

  test("finds a hold that ends without its time having come", () => {
    const hold = move(1n, { flags: transferFlags.pending, timeout: 5 });
    const message = found((ledger, applied) => {
      ledger.createTransfers(hold, 2n * SECOND);
      applied();
      Ledger.prototype.expirePendingTransfers.call(ledger, 8n * SECOND, 10);
    });
    expect(message).toMatch(/^here: account 1: /);
  });
});
