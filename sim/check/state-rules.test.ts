/** The rules about what blocks do, each shown what it must refuse. */
import { describe, expect, test } from "vitest";
import { InvariantError } from "../../node/base/assert.ts";
import { type Account, encodeTransfers, type Transfer, transferFlags } from "../../node/ledger/records.ts";
import { TransferStatus } from "../../node/ledger/status.ts";
import { type Block, decodeBlock, encodeBlock } from "../../node/wire/block.ts";
import type { Command } from "../../node/wire/body.ts";
import { THREE_VOTERS } from "../../node/wire/configuration.test-support.ts";
import { encodeBatchResult, encodeResult } from "../../node/wire/results.ts";
import { cosignTransaction, GROUP, signTransaction } from "../../node/wire/transaction.ts";
import type { AcquirerReport } from "../acquirer/core.ts";
import { KeyRing, sha256 } from "../virtual-crypto.ts";
import { LEDGERS } from "../workload/accounts.ts";
import { transfer } from "../workload/bank.ts";
import { checkCardBooks } from "./card-books.ts";
import { checkConservation } from "./conservation.ts";
import { ExactlyOnce } from "./exactly-once.ts";
import { History } from "./history.ts";
import type { Readable } from "./readers.ts";
import { ShadowLedger } from "./shadow-ledger.ts";
import { StateSafety } from "./state-safety.ts";
import { Verdict } from "./verdict.ts";

const SECOND = 1_000_000_000n;
const [LEDGER] = LEDGERS;
const clusterId = new Uint8Array(16);
const signer = new KeyRing().create("client");

function verdictOf(act: (verdict: Verdict) => void): string | undefined {
  const verdict = new Verdict(() => ({ atMs: 0, step: 0 }));
  act(verdict);
  return verdict.failure?.checker;
}

function transaction(sequence: number, command: Command): Uint8Array {
  const session = new Uint8Array(16);
  return signTransaction(sha256, signer, { clusterId, session, sequence, expiry: 10n ** 15n }, command);
}

function blockAt(height: number, seconds: bigint, transactions: readonly Uint8Array[]): Block {
  const state = { height: 0, digest: new Uint8Array(32) };
  const links = { clusterId, previousHash: new Uint8Array(32), state, group: GROUP, term: 1 };
  const content = { ...links, height, timestamp: seconds * SECOND, transactions };
  return decodeBlock(sha256, encodeBlock(sha256, { ...content, configuration: THREE_VOTERS }).bytes);
}

/** What applying it has yielded, as the rules are told. */
function applied(block: Block, results: readonly Uint8Array[], duplicates = results.map(() => false)) {
  return { block, results, duplicates };
}

const ok = encodeResult("ok");

describe("exactly once", () => {
  const open = transaction(1, { kind: "sessionOpen" });
  const other = transaction(2, { kind: "sessionOpen" });
  const twice = (second: Parameters<ExactlyOnce["block"]>[0]) => (verdict: Verdict) => {
    const rule = new ExactlyOnce(verdict);
    rule.block(applied(blockAt(1, 1n, [open]), [ok]));
    rule.block(second);
  };

  test("a transaction that is executed in two blocks is refused", () => {
    expect(verdictOf(twice(applied(blockAt(2, 2n, [other]), [ok])))).toBeUndefined();
    expect(verdictOf(twice(applied(blockAt(2, 2n, [open]), [ok])))).toBe("exactlyOnce");
  });

  test("a retry must be answered with the result of the execution", () => {
    const retry = blockAt(2, 2n, [open]);
    expect(verdictOf(twice(applied(retry, [ok], [true])))).toBeUndefined();
    expect(verdictOf(twice(applied(retry, [encodeResult("not_found")], [true])))).toBe("exactlyOnce");
  });

  test("a retry of what was never executed is refused", () => {
    expect(verdictOf(twice(applied(blockAt(2, 2n, [other]), [ok], [true])))).toBe("exactlyOnce");
  });

  test("a copy with other co-signatures is a retry, too", () => {
    const copy = cosignTransaction(sha256, new KeyRing().create("cosigner"), clusterId, open);
    expect(verdictOf(twice(applied(blockAt(2, 2n, [copy]), [ok], [true])))).toBeUndefined();
    expect(verdictOf(twice(applied(blockAt(2, 2n, [copy]), [ok])))).toBe("exactlyOnce");
  });

  test("what was refused before it was executed may come again", () => {
    expect(
      verdictOf((verdict) => {
        const rule = new ExactlyOnce(verdict);
        rule.block(applied(blockAt(1, 1n, [open]), [encodeResult("session_unknown")]));
        rule.block(applied(blockAt(2, 2n, [open]), [ok]));
        expect(rule.count).toBe(1);
      }),
    ).toBeUndefined();
  });
});

function account(id: bigint, balances: Partial<Account> = {}): Account {
  const none = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
  const rest = { userData128: 0n, userData64: 0n, userData32: 0, ledger: LEDGER, code: 1, flags: 0, timestamp: 0n };
  return { id, ...none, ...rest, ...balances };
}

/** What became of one event, as the ledger gives it. */
function flatResult(timestamp: bigint, status: number): Uint8Array {
  return new Uint8Array(new BigUint64Array([timestamp, BigInt(status)]).buffer);
}

describe("conservation of money", () => {
  const check =
    (...accounts: Account[]) =>
    (verdict: Verdict) =>
      checkConservation(verdict, () => "here", accounts);

  test("in each currency debits equal credits, posted and pending", () => {
    expect(verdictOf(check(account(1n, { debitsPosted: 5n }), account(2n, { creditsPosted: 5n })))).toBeUndefined();
    expect(verdictOf(check(account(1n, { debitsPosted: 5n }), account(2n, { creditsPosted: 4n })))).toBe(
      "conservation",
    );
    expect(verdictOf(check(account(1n, { creditsPending: 1n }), account(2n)))).toBe("conservation");
  });

  test("money of one currency does not make up for another", () => {
    const foreign = account(2n, { creditsPosted: 5n, ledger: LEDGERS[1] });
    expect(verdictOf(check(account(1n, { debitsPosted: 5n }), foreign))).toBe("conservation");
  });
});

describe("the shadow ledger", () => {
  const move = (id: bigint, special: Partial<Transfer> = {}): Transfer =>
    transfer({ id, debitAccountId: 1n, creditAccountId: 2n, amount: 7n, ledger: LEDGER, ...special });
  const pending = move(1n, { flags: transferFlags.pending, timeout: 2 });

  /** Applies transfers, one a block and second, and compares with what an account pair would show. */
  const follow =
    (transfers: readonly (Transfer | undefined)[], shown: Partial<Account>, status: number = TransferStatus.created) =>
    (verdict: Verdict) => {
      const rule = new ShadowLedger(verdict, [1n]);
      transfers.forEach((record, index) => {
        const seconds = BigInt(index + 1);
        if (record === undefined) {
          rule.block(applied(blockAt(index + 1, seconds, []), []));
          return;
        }
        const batch = { kind: "createTransfers", batch: encodeTransfers([record]) } as const;
        const timestamp = seconds * SECOND;
        const result = encodeBatchResult(timestamp, flatResult(timestamp, status));
        rule.block(applied(blockAt(index + 1, seconds, [transaction(index + 1, batch)]), [result]));
      });
      rule.compare(() => "here", [account(1n, shown), account(3n, { debitsPosted: 99n })]);
    };

  test("a transfer that was created is in the balances once", () => {
    expect(verdictOf(follow([move(1n)], { debitsPosted: 7n }))).toBeUndefined();
    expect(verdictOf(follow([move(1n)], {}))).toBe("balances");
    expect(verdictOf(follow([move(1n)], { debitsPosted: 14n }))).toBe("balances");
  });

  test("a transfer that was not created is not", () => {
    expect(verdictOf(follow([move(1n)], {}, TransferStatus.exists))).toBeUndefined();
  });

  test("a hold is pending until it is posted, voided, or over", () => {
    const end = (flags: number): Transfer => move(2n, { pendingId: 1n, flags });
    expect(verdictOf(follow([pending], { debitsPending: 7n }))).toBeUndefined();
    expect(verdictOf(follow([pending, end(transferFlags.postPendingTransfer)], { debitsPosted: 7n }))).toBeUndefined();
    expect(verdictOf(follow([pending, end(transferFlags.voidPendingTransfer)], {}))).toBeUndefined();
    expect(verdictOf(follow([pending, undefined, undefined, undefined], {}))).toBeUndefined();
  });

  test("a hold that is still pending past its timeout is refused, and so is one that ended early", () => {
    expect(verdictOf(follow([pending, undefined, undefined, undefined], { debitsPending: 7n }))).toBe("expiry");
    expect(verdictOf(follow([pending, undefined], {}))).toBe("expiry");
  });

  test("a hold whose time is over within the block may have ended or not", () => {
    for (const shown of [{}, { debitsPending: 7n }]) {
      expect(verdictOf(follow([pending, undefined, undefined], shown))).toBeUndefined();
    }
  });
});

describe("state-machine safety", () => {
  const digest = (mark: number): Uint8Array => new Uint8Array(32).fill(mark);
  const state = { height: 1, digest: digest(1), checkInvariants: () => {}, nextDeadline: () => undefined };

  test("two digests at one height are refused, also after a restart", () => {
    const apply = (mark: number) => (verdict: Verdict) => {
      const rule = new StateSafety(verdict);
      rule.applied(1, { block: blockAt(1, 1n, []), digest: digest(1) }, state);
      rule.applied(2, { block: blockAt(1, 1n, []), digest: digest(mark) }, state);
    };
    expect(verdictOf(apply(1))).toBeUndefined();
    expect(verdictOf(apply(2))).toBe("stateMachineSafety");
    const restore = (mark: number) => (verdict: Verdict) => {
      const rule = new StateSafety(verdict);
      rule.applied(1, { block: blockAt(1, 1n, []), digest: digest(1) }, state);
      rule.restored(1, { ...state, digest: digest(mark) });
    };
    expect(verdictOf(restore(1))).toBeUndefined();
    expect(verdictOf(restore(2))).toBe("stateMachineSafety");
  });

  test("a leader that names another state than the others had is refused", () => {
    const say = (mark: number) => (verdict: Verdict) => {
      const rule = new StateSafety(verdict);
      rule.applied(1, { block: blockAt(1, 1n, []), digest: digest(1) }, state);
      const block = blockAt(2, 2n, []);
      const header = { ...block.header, state: { height: 1, digest: digest(mark) } };
      rule.applied(1, { block: { ...block, header }, digest: digest(2) }, state);
    };
    expect(verdictOf(say(1))).toBeUndefined();
    expect(verdictOf(say(2))).toBe("stateMachineSafety");
  });

  test("what was due before the block and is still to be done is refused", () => {
    const due = (deadline: bigint) => (verdict: Verdict) => {
      const rule = new StateSafety(verdict);
      const late = { ...state, nextDeadline: () => deadline };
      rule.applied(1, { block: blockAt(1, 5n, []), digest: digest(1) }, late);
    };
    expect(verdictOf(due(5n * SECOND))).toBeUndefined();
    expect(verdictOf(due(4n * SECOND))).toBe("expiry");
  });

  test("a state that contradicts itself is refused; an error of another kind is not swallowed", () => {
    const look = (error: Error) => (verdict: Verdict) => {
      new StateSafety(verdict).look(1, {
        ...state,
        checkInvariants: () => {
          throw error;
        },
      });
    };
    expect(verdictOf(look(new InvariantError("a hold is lost")))).toBe("invariants");
    expect(() => verdictOf(look(new TypeError("no such thing")))).toThrow(TypeError);
  });
});

describe("no double charge", () => {
  const report: AcquirerReport = {
    ...{ authorized: 4, captured: 1, voided: 2, declined: 0, doubled: [], capturedAmount: "25" },
  };
  /** A state with a captured and an authorized payment by card, and others by wallet. */
  const state: Readable = {
    query: () => {
      const payments = [
        { id: "1", channel: "card", amount: "25" },
        { id: "2", channel: "wallet", amount: "99" },
      ];
      return { height: 1, timestamp: "0", type: "payments", payments, next: 0 } as never;
    },
  };
  const compare =
    (changed: Partial<AcquirerReport>, contradicted: ReadonlySet<string> = new Set()) =>
    (verdict: Verdict) =>
      checkCardBooks(verdict, { ...report, ...changed }, state, contradicted);

  test("the acquirer's books and the ledger must name the same captures", () => {
    expect(verdictOf(compare({}))).toBeUndefined();
    expect(verdictOf(compare({ captured: 2, capturedAmount: "50" }))).toBe("doubleCharge");
    expect(verdictOf(compare({ capturedAmount: "26" }))).toBe("doubleCharge");
    expect(verdictOf(compare({ doubled: ["1"] }))).toBe("doubleCharge");
  });

  test("about what it has contradicted itself nothing can be told, but that it was not done twice", () => {
    const without = { captured: 0, capturedAmount: "0", authorized: 2 };
    expect(verdictOf(compare(without, new Set(["1"])))).toBeUndefined();
    expect(verdictOf(compare({}, new Set(["1"])))).toBe("doubleCharge");
    expect(verdictOf(compare({ ...without, doubled: ["1"] }, new Set(["1"])))).toBe("doubleCharge");
  });

  test("what the acquirer keeps blocked must be what the ledger has authorized", () => {
    expect(verdictOf(compare({ authorized: 5 }))).toBe("cardHolds");
    expect(verdictOf(compare({ voided: 3 }))).toBe("cardHolds");
  });
});

describe("what clients saw", () => {
  const times = (askedUs: number, answeredUs: number) => ({ firstUs: askedUs, lastUs: askedUs, answeredUs });
  const effects = [
    { account: 1n, debits: 5, credits: 0 },
    { account: 2n, debits: 0, credits: 5 },
  ];
  /** A transfer from 10 to 20 us, then a look at the accounts. */
  const look =
    (created: boolean, at: number, shown: bigint, credited = shown) =>
    (verdict: Verdict) => {
      const history = new History(verdict, 2_000);
      history.asked([9n], effects, 10)(created, times(10, 20));
      const accounts = [account(1n, { debitsPosted: shown }), account(2n, { creditsPosted: credited })];
      history.readAccounts(accounts, times(at, at + 1));
      history.check();
    };

  test("a balance that misses what was acknowledged is refused", () => {
    expect(verdictOf(look(true, 30, 5n))).toBeUndefined();
    expect(verdictOf(look(true, 12, 0n))).toBeUndefined();
    expect(verdictOf(look(true, 30, 0n))).toBe("linearizability");
  });

  test("a balance that holds what was refused, or not asked for yet, is refused", () => {
    expect(verdictOf(look(false, 30, 0n))).toBeUndefined();
    expect(verdictOf(look(false, 30, 5n))).toBe("linearizability");
    expect(verdictOf(look(true, 5, 5n))).toBe("linearizability");
  });

  test("an order that is not found in time is not taken for none, nor for one", () => {
    const many = (verdict: Verdict): void => {
      const history = new History(verdict, 2_000);
      // One more than all of them together.
      const seen = 2n ** 25n - 1n;
      for (let bit = 0; bit < 24; bit++) {
        const credits = 2 ** (bit + 1);
        history.asked([BigInt(bit)], [{ account: 2n, debits: 0, credits }], 10)(true, times(10, 100));
      }
      history.readAccounts([account(1n, { debitsPosted: seen }), account(2n, { creditsPosted: seen })], times(20, 30));
      history.check();
    };
    const few = (verdict: Verdict): void => {
      const history = new History(verdict, 2_000);
      history.asked([1n], [{ account: 2n, debits: 0, credits: 2 }], 10)(true, times(10, 100));
      history.readAccounts([account(1n, { debitsPosted: 1n }), account(2n, { creditsPosted: 1n })], times(20, 30));
      history.check();
    };
    expect(verdictOf(few)).toBe("linearizability");
    expect(verdictOf(many)).toBe("linearizabilityUnknown");
  }, 30_000);

  test("an answer within a bound may be so old by the slowest clock, and no older", () => {
    const old = (askedUs: number) => (verdict: Verdict) => {
      const history = new History(verdict, 2_000);
      history.heights.told(7, 1_000);
      history.heights.readStale(6, times(askedUs, askedUs + 1), 10);
    };
    expect(verdictOf(old(1_000 + 22_000))).toBeUndefined();
    expect(verdictOf(old(1_000 + 22_001))).toBe("staleness");
    const half = (verdict: Verdict): void => {
      new History(verdict, 2_000).balance([account(1n, { debitsPosted: 5n }), account(2n, {})]);
    };
    expect(verdictOf(half)).toBe("snapshot");
  });

  test("a view of a transfer in the middle is refused", () => {
    expect(verdictOf(look(true, 12, 5n, 0n))).toBe("snapshot");
  });

  test("a transfer is missed after it was acknowledged or seen, or found though nobody asked for it", () => {
    const find =
      (...reads: readonly (readonly [number, boolean])[]) =>
      (verdict: Verdict) => {
        const history = new History(verdict, 2_000);
        history.asked([9n], effects, 10)(true, times(10, 20));
        for (const [at, found] of reads) history.readTransfer(9n, found, times(at, at + 1));
        history.check();
      };
    expect(verdictOf(find([12, true], [30, true]))).toBeUndefined();
    expect(verdictOf(find([30, false]))).toBe("linearizability");
    expect(verdictOf(find([12, true], [15, false]))).toBe("linearizability");
    expect(verdictOf(find([5, true]))).toBe("linearizability");
    const invented = (verdict: Verdict): void => {
      const history = new History(verdict, 2_000);
      history.readTransfer(8n, true, times(1, 2));
      history.check();
    };
    expect(verdictOf(invented)).toBe("linearizability");
  });
});

describe("the verdict", () => {
  test("is the first failure, with its time; later ones are consequences", () => {
    let step = 5;
    const verdict = new Verdict(() => ({ atMs: 7, step }));
    verdict.expect(true, "a", () => "never made");
    verdict.expect(false, "b", () => "first");
    step = 6;
    verdict.fail("c", "second");
    expect(verdict.failure).toEqual({ checker: "b", message: "first", atMs: 7, step: 5 });
  });
});
