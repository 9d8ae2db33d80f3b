import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { toHex } from "../base/bytes.ts";
import {
  BATCH_RECORDS_MAX,
  EVENT_SLOTS_PER_TRANSACTION,
  SESSION_WINDOW,
  SESSIONS_PER_AUTHORITY_MAX,
  TRANSACTION_LIFETIME_MAX_NS,
} from "../base/limits.ts";
import { transferFlags } from "../ledger/records.ts";
import { TransferStatus } from "../ledger/status.ts";
import { type BlockContent, decodeBlock, encodeBlock } from "../wire/block.ts";
import type { Command } from "../wire/body.ts";
import { THREE_VOTERS } from "../wire/configuration.test-support.ts";
import { ROLES } from "../wire/kinds.ts";
import { batchResults, decodeResult } from "../wire/results.ts";
import { decodeTransaction, GROUP } from "../wire/transaction.ts";
import {
  ALICE,
  accounts,
  BOB,
  type Chain,
  CLUSTER_ID,
  CORNER_SHOP,
  EUR,
  FUNDS,
  GENESIS,
  HUB,
  machine,
  Party,
  payment,
  type Result,
  replay,
  SECOND,
  START,
  town,
  transfers,
} from "./chain.test-support.ts";
import { StateMachine } from "./state-machine.ts";

const PAY_BOB: Command = transfers({ id: 77n, debitAccountId: ALICE, creditAccountId: BOB, amount: 5n });

function status(result: Result | undefined, index = 0): number | undefined {
  return result?.status === "ok" ? batchResults(result)[index]?.status : undefined;
}

function posted({ chain }: { chain: Chain }, account: bigint): bigint {
  const answer = chain.state.query({ type: "accounts", ids: [account] }, { authority: 1, seesAll: true });
  if (answer.type !== "accounts") throw new Error("another answer than was asked for");
  const view = new DataView(answer.records.buffer, answer.records.byteOffset);
  return view.getBigUint64(64, true) - view.getBigUint64(32, true);
}

describe("exactly once", () => {
  test("a retry gets the stored result, in the same block and in later ones, and moves no money again", () => {
    const it = town();
    const transaction = it.bank.sign(PAY_BOB);
    const first = it.chain.block([transaction, transaction]);
    expect(first.duplicates).toEqual([false, true]);
    const second = it.chain.block([transaction]);
    expect(second.duplicates).toEqual([true]);
    expect(second.results[0]).toEqual(first.results[0]);
    expect(first.results[1]).toEqual(first.results[0]);
    expect(posted(it, BOB)).toBe(10_005n);
  });

  test("a retry after the expiry still gets its result", () => {
    const it = town();
    const transaction = it.bank.sign(PAY_BOB);
    const { results } = it.chain.block([transaction]);
    it.chain.now += 2n * TRANSACTION_LIFETIME_MAX_NS;
    expect(it.chain.block([transaction])).toMatchObject({ results, duplicates: [true] });
  });

  test("what has expired is not executed, and leaves its number free", () => {
    const { chain, bank } = town();
    const expiry = chain.now + SECOND;
    const sequence = 40;
    const transaction = bank.sign(PAY_BOB, { sequence, expiry });
    chain.now += 2n * SECOND;
    expect(chain.submit(transaction)).toEqual({ status: "expired" });
    expect(status(chain.submit(bank.sign(PAY_BOB, { sequence })))).toBe(TransferStatus.created);
  });

  test("the expiry itself is still in time, and so is the longest life", () => {
    const { chain, bank } = town();
    const now = (): bigint => chain.state.timestamp + 2n * BigInt(EVENT_SLOTS_PER_TRANSACTION);
    const longest = TRANSACTION_LIFETIME_MAX_NS;
    chain.now = now();
    expect(chain.submit(bank.sign(PAY_BOB, { expiry: now() - 1n })).status).toBe("expired");
    expect(chain.submit(bank.sign(PAY_BOB, { expiry: now() + longest + 1n })).status).toBe("expiry_too_far");
    expect(chain.submit(bank.sign(PAY_BOB, { expiry: now() + longest })).status).toBe("ok");
    expect(chain.submit(bank.sign(PAY_BOB, { expiry: now() })).status).toBe("ok");
  });

  test("`expired` is never said of what may have been executed before its session forgot it", () => {
    const it = town();
    const { chain, bank } = it;
    const sequence = 1 + SESSION_WINDOW / 2;
    const executed = bank.sign(PAY_BOB, { sequence });
    chain.block([executed]);
    for (let next = 1; next <= 2; next++) {
      chain.block([bank.sign(accounts({ id: 900n }), { sequence: sequence + (next * SESSION_WINDOW) / 2 })]);
    }
    chain.now += 2n * TRANSACTION_LIFETIME_MAX_NS;
    expect(chain.submit(executed)).toEqual({ status: "sequence_too_old" });

    const crowd = Array.from({ length: SESSIONS_PER_AUTHORITY_MAX }, (_, index) => {
      const session = sha256(new TextEncoder().encode(`crowd ${index}`)).slice(0, 16);
      return bank.sign({ kind: "sessionOpen" }, { session });
    });
    chain.block(crowd);
    expect(chain.submit(executed)).toEqual({ status: "outcome_forgotten" });
    expect(chain.submit(bank.sign(PAY_BOB, { sequence }))).toEqual({ status: "session_unknown" });
    expect(posted(it, BOB)).toBe(10_005n);
  });

  test("who has opened all its sessions is told so, and nobody else is", () => {
    const { chain, bank, shopBank } = town();
    const open = (who: Party, name: string): Result =>
      chain.submit(who.sign({ kind: "sessionOpen" }, { session: sha256(new TextEncoder().encode(name)).slice(0, 16) }));
    for (let index = 1; index < SESSIONS_PER_AUTHORITY_MAX; index++) expect(open(bank, `${index}`).status).toBe("ok");
    expect(open(bank, "one more")).toEqual({ status: "session_limit", what: "authority" });
    expect(open(shopBank, "another's")).toEqual({ status: "ok" });
  });

  test("a large result that its session has dropped is not executed again", () => {
    const it = town();
    const first = it.bank.sign(PAY_BOB);
    it.chain.block([first]);
    // Every second transfer is refused for another reason, so that each is listed by itself.
    const mixed = transfers(
      ...Array.from({ length: BATCH_RECORDS_MAX }, (_, i) => {
        return {
          id: 1_000n + BigInt(i),
          debitAccountId: ALICE,
          creditAccountId: i % 2 === 0 ? ALICE : 999n,
          amount: 1n,
        };
      }),
    );
    for (let batch = 0; batch < 2; batch++) {
      const result = it.bank.submit(mixed);
      expect([0, 1].map((index) => status(result, index))).toEqual([
        TransferStatus.accountsMustBeDifferent,
        batch === 0 ? TransferStatus.creditAccountNotFound : TransferStatus.idAlreadyFailed,
      ]);
    }
    expect(it.chain.submit(first)).toEqual({ status: "sequence_too_old" });
    expect(posted(it, BOB)).toBe(10_005n);
    const again = it.bank.sign(mixed);
    expect(status(it.chain.submit(again), 1)).toBe(TransferStatus.idAlreadyFailed);
    expect(it.chain.block([again]).duplicates).toEqual([true]);
  });

  test("a refusal of the state machine is a result like any other: a retry repeats it", () => {
    const { chain, bank } = town();
    const transaction = bank.sign({ kind: "capturePayment", body: { id: 1n } });
    expect(chain.submit(transaction)).toEqual({ status: "not_found", what: "payment" });
    expect(chain.block([transaction]).duplicates).toEqual([true]);
  });
});

describe("authorities", () => {
  test("only the authority of an account may debit it", () => {
    const it = town();
    const { chain, shopBank } = it;
    expect(status(shopBank.submit(PAY_BOB))).toBe(TransferStatus.debitAccountNotAuthorized);
    expect(status(chain.admin.submit(PAY_BOB))).toBe(TransferStatus.debitAccountNotAuthorized);
    expect(posted(it, BOB)).toBe(10_000n);
    expect(status(it.bank.submit(PAY_BOB))).toBe(TransferStatus.created);
  });

  test("a key that is not in the registry is nobody", () => {
    const { chain } = town();
    const stranger = new Party(chain, "stranger", 0);
    expect(stranger.submit({ kind: "sessionOpen" })).toEqual({ status: "unknown_key" });
    expect(stranger.submit(PAY_BOB)).toEqual({ status: "unknown_key" });
  });

  test("another's session is of no use, even to a key of the same authority", () => {
    const { chain, bank, shopBank } = town();
    const { session } = bank;
    expect(chain.submit(shopBank.sign(PAY_BOB, { session, sequence: 99 }))).toEqual({ status: "session_key_mismatch" });
  });

  test("a key speaks for one authority only, and either all of its keys are entered or none", () => {
    const { chain, bank } = town();
    const fresh = new Party(chain, "fresh", 0).publicKey;
    const body = { name: "x", keys: [fresh, bank.publicKey], threshold: 1, roles: [] };
    expect(chain.admin.submit({ kind: "createAuthority", body })).toEqual({ status: "already_exists" });
    expect(chain.admin.submit({ kind: "createAuthority", body: { ...body, keys: [fresh] } })).toEqual({
      status: "ok",
      id: bank.authority + 3,
    });
  });

  test("any of an authority's keys may act for it", () => {
    const { chain } = town();
    const keys = ["one", "two"].map((name) => new Party(chain, name, 0).publicKey);
    chain.admin.must({ kind: "createAuthority", body: { name: "pair", keys, threshold: 1, roles: ["participant"] } });
    const [one, two] = ["one", "two"].map((name) => new Party(chain, name, 0)) as [Party, Party];
    for (const party of [one, two]) party.must({ kind: "sessionOpen" });
    one.must(accounts({ id: 901n }, { id: 902n }));
    const move = transfers({ id: 1_000n, debitAccountId: 901n, creditAccountId: 902n, amount: 1n });
    expect(status(two.submit(move))).toBe(TransferStatus.created);
  });

  test("a genesis that names a key twice makes no state", () => {
    const [first] = GENESIS.nodes;
    if (first === undefined) throw new Error("the genesis has nodes");
    const twice = { ...GENESIS, adminKey: first.publicKey };
    const make = (): StateMachine => new StateMachine({ genesis: twice, sha256 });
    expect(make).toThrow("the key of node-1 stands twice in the genesis");
  });

  const PARTY_BODY = { ledger: EUR, authority: 1, settlementAccount: FUNDS };
  const RISK = {
    ...{ ledger: EUR, reviewAmount: 0n, declineAmount: 0n, velocityWindowSeconds: 60 },
    ...{ velocityReviewCount: 0, velocityDeclineCount: 0, velocityDeclineAmount: 0n },
  };
  const OUTCOME = { intent: 1n, outcome: "declined", reason: "", networkReference: "", amount: 0n } as const;
  const GRANT = { key: sha256(CLUSTER_ID), ledger: EUR, account: 0n, dailyLimit: 1n, expiresAt: 2n ** 40n };
  const AUTHORITY = { name: "x", keys: [sha256(CLUSTER_ID)], threshold: 1, roles: [] };
  const KINDS_AND_ROLES: readonly (readonly [Command, readonly string[]])[] = [
    [{ kind: "sessionOpen" }, ROLES],
    [accounts({ id: 990n }), ["admin", "operator", "issuer", "participant"]],
    [PAY_BOB, ROLES],
    [payment({ id: 990n }), ROLES],
    [{ kind: "capturePayment", body: { id: 1n } }, ROLES],
    [{ kind: "voidPayment", body: { id: 1n } }, ROLES],
    [{ kind: "createAuthority", body: AUTHORITY }, ["admin"]],
    [{ kind: "configureSettlement", body: { ledger: EUR, hubAccount: HUB, windowSeconds: 60 } }, ["admin", "operator"]],
    [{ kind: "configureParticipant", body: PARTY_BODY }, ["admin", "operator"]],
    [{ kind: "configureCard", body: { ledger: EUR, clearingAccount: FUNDS, holdSeconds: 1 } }, ["admin", "operator"]],
    [{ kind: "configureRisk", body: RISK }, ["admin", "operator"]],
    [{ kind: "replaceKeys", body: { authority: 99, keys: AUTHORITY.keys, threshold: 1 } }, ROLES],
    [{ kind: "freezeAccount", body: { account: ALICE, frozen: true } }, ["admin", "operator"]],
    [{ kind: "grantDelegate", body: GRANT }, ROLES],
    [{ kind: "revokeDelegate", body: { key: GRANT.key } }, ROLES],
    [{ kind: "blockPayer", body: { payer: ALICE, blocked: true } }, ["operator"]],
    [{ kind: "reviewPayment", body: { id: 1n, decision: "approve" } }, ["operator"]],
    [{ kind: "closeSettlement", body: { ledger: EUR } }, ["operator"]],
    [{ kind: "channelOutcome", body: OUTCOME }, ["node"]],
  ];

  test.each(KINDS_AND_ROLES)("$kind needs its role", (command, allowed) => {
    for (const role of ROLES) {
      const { chain } = town();
      const result = chain.join(`the ${role}`, role).submit(command);
      const refused = result.status === "not_authorized" && result["what"] === "role";
      expect([role, refused]).toEqual([role, !allowed.includes(role)]);
    }
  });
});

function apply(content: BlockContent): void {
  machine().apply(decodeBlock(sha256, encodeBlock(sha256, content).bytes));
}

function emptyAfter(state: ReturnType<typeof machine>, timestamp: bigint, release = 1): Uint8Array {
  const header = { release, group: GROUP, height: state.height + 1, term: 1, timestamp, clusterId: CLUSTER_ID };
  return encodeBlock(sha256, {
    ...header,
    configuration: THREE_VOTERS,
    previousHash: state.blockHash,
    state: state.at,
    transactions: [],
  }).bytes;
}

describe("blocks", () => {
  const NEXT: BlockContent = {
    ...{ group: GROUP, height: 1, term: 1, clusterId: CLUSTER_ID, transactions: [], configuration: THREE_VOTERS },
    ...{
      timestamp: START + BigInt(EVENT_SLOTS_PER_TRANSACTION),
      previousHash: machine().blockHash,
      state: machine().at,
    },
  };

  test("the next block of the chain is taken", () => {
    expect(() => apply(NEXT)).not.toThrow();
  });

  test.each([
    ["of another height", { height: 2 }, "belongs"],
    ["that follows another block", { previousHash: new Uint8Array(32) }, "does not follow"],
    ["of another cluster", { clusterId: new Uint8Array(16) }, "another cluster"],
    ["of another group", { group: 1 }, "another group"],
    ["without room for its events", { timestamp: NEXT.timestamp - 1n }, "no room"],
    ["from the past", { timestamp: START - 1n }, "no room"],
  ])("one %s stops the node", (_, wrong, message) => {
    expect(() => apply({ ...NEXT, ...wrong })).toThrow(message);
  });

  test("one of an earlier release than the block before stops the node; a later one is where the state stands", () => {
    const { chain } = town();
    const at = machine();
    replay(chain.blocks, at);
    const next = (release: number): Uint8Array => emptyAfter(at, at.timestamp + 1_000_000_000n, release);
    expect(at.release).toBe(1);
    at.apply(decodeBlock(sha256, next(2)));
    expect(at.release).toBe(2);
    expect(() => at.apply(decodeBlock(sha256, next(1)))).toThrow("is of release 1, after 2");
    expect(() => at.apply(decodeBlock(sha256, next(2)))).not.toThrow();
  });

  test("log time moves strictly, with room for each event, even where the clock stands still", () => {
    const { chain, bank } = town();
    const at: bigint[] = [];
    for (let i = 0; i < 3; i++) {
      const id = BigInt(500 + 2 * i);
      const { block } = chain.block([bank.sign(accounts({ id })), bank.sign(accounts({ id: id + 1n }))]);
      at.push(block.header.timestamp);
    }
    expect(at.map((timestamp) => timestamp - (at[0] as bigint))).toEqual([0n, 3n, 6n].map((n) => n * 8_192n));
  });

  test.each([
    ["no msgpack", new Uint8Array([0xc1]), "malformed_msgpack"],
    ["no envelope", new Uint8Array([0x90]), "malformed_transaction"],
  ])("bytes that are %s become a result, and nothing else", (_, bytes, what) => {
    const { chain } = town();
    const before = machine();
    replay(chain.blocks, before);
    const { results, effectsHash } = chain.block([bytes]);
    const empty = before.apply(decodeBlock(sha256, emptyAfter(before, chain.state.timestamp)));
    expect(results.map(decodeResult)).toEqual([{ status: "invalid", what }]);
    expect(toHex(effectsHash)).toBe(toHex(empty.effectsHash));
  });
});

describe("the digest", () => {
  test("is the same on every machine that has seen the same blocks", () => {
    const { chain, bank } = town();
    bank.must(payment({ id: 1n }));
    expect(replay(chain.blocks)).toBe(toHex(chain.state.digest));
  });

  test("changes with any byte of any transaction", () => {
    const { chain, bank, shopBank } = town();
    const before = chain.blocks.length;
    const block = chain.block([
      bank.sign(payment({ id: 1n })),
      shopBank.sign(payment({ id: 2n, payer: 5n, cardToken: "tok_1" })),
      bank.sign(PAY_BOB),
    ]);
    const { header, transactions } = block.block;
    const digest = toHex(block.digest);
    const place = fc.record({ which: fc.nat(2), at: fc.nat(500), mask: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(place, ({ which, at, mask }) => {
        const changed = transactions.map((transaction) => transaction.slice());
        const victim = changed[which] as Uint8Array;
        victim[at % victim.length] = (victim[at % victim.length] as number) ^ mask;
        const state = machine();
        replay(chain.blocks.slice(0, before), state);
        const other = encodeBlock(sha256, { ...header, configuration: THREE_VOTERS, transactions: changed });
        expect(toHex(state.apply(decodeBlock(sha256, other.bytes)).digest)).not.toBe(digest);
      }),
      { numRuns: 40 },
    );
  });

  const QUIET: Command = { kind: "voidPayment", body: { id: 1n } };
  const CHANGES: readonly Command[] = [
    accounts({ id: 600n }),
    transfers({ id: 600n, debitAccountId: FUNDS, creditAccountId: HUB, amount: 1n }),
    transfers({ id: 600n, debitAccountId: FUNDS, creditAccountId: HUB, amount: 1n, flags: transferFlags.pending }),
    { kind: "createAuthority", body: { name: "x", keys: [sha256(CLUSTER_ID)], threshold: 1, roles: [] } },
    { kind: "configureSettlement", body: { ledger: EUR, hubAccount: HUB, windowSeconds: 60 } },
    { kind: "configureParticipant", body: { ledger: EUR, authority: 1, settlementAccount: FUNDS } },
    { kind: "configureCard", body: { ledger: EUR, clearingAccount: FUNDS, holdSeconds: 1 } },
    { kind: "blockPayer", body: { payer: ALICE, blocked: true } },
    payment({ id: 600n, payer: FUNDS }),
  ];

  test.each(CHANGES)("covers what $kind changes", (command) => {
    const quiet = town();
    const effectsOfNothing = toHex(quiet.chain.block([quiet.chain.admin.sign(QUIET)]).effectsHash);
    const { chain } = town();
    expect(toHex(chain.block([chain.admin.sign(command)]).effectsHash)).not.toBe(effectsOfNothing);
  });
});

describe("housekeeping", () => {
  test("comes before the transactions of its block, and tells its deadline", () => {
    const { chain, bank } = town();
    const hold = { id: 300n, debitAccountId: ALICE, creditAccountId: BOB, amount: 5n, flags: transferFlags.pending };
    bank.must(transfers({ ...hold, timeout: 10 }));
    const deadline = chain.state.timestamp + 10n * SECOND;
    expect(chain.state.nextDeadline()).toBe(deadline);
    chain.now = deadline + BigInt(4 * EVENT_SLOTS_PER_TRANSACTION);
    const post = { ...hold, id: 301n, pendingId: 300n, flags: transferFlags.postPendingTransfer };
    expect(status(bank.submit(transfers(post)))).toBe(TransferStatus.pendingTransferExpired);
    expect(chain.state.nextDeadline()).toBeUndefined();
  });
});

describe("admission", () => {
  const signers = fc.constantFrom("bank", "shopBank", "stranger");
  const request = fc.record({
    signer: signers,
    owner: signers,
    sequence: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(300, 400)),
    seconds: fc.constantFrom(-1, 5, 599, 700, 2_000),
    amount: fc.constantFrom(1n, 2n),
  });

  test("says before the log what the state machine will say, but for clocks that run ahead", () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 20 }), (requests) => {
        const { chain, bank, shopBank } = town();
        const parties = { bank, shopBank, stranger: new Party(chain, "stranger", 0) };
        for (const { signer, owner, sequence, seconds, amount } of requests) {
          const command = transfers({ id: 77n, debitAccountId: ALICE, creditAccountId: CORNER_SHOP, amount });
          const { session } = parties[owner];
          const expiry = chain.state.timestamp + BigInt(seconds) * SECOND;
          const encoded = parties[signer].sign(command, { session, sequence, expiry });
          const { tree } = decodeBlock(
            sha256,
            encodeBlock(sha256, { ...EMPTY, configuration: THREE_VOTERS, transactions: [encoded] }).bytes,
          );
          const said = chain.state.admission(
            decodeTransaction(encoded),
            tree.leaves[0] as Uint8Array,
            chain.state.timestamp,
          );
          const { status: then } = chain.submit(encoded);
          if (seconds === 700 && then === "expiry_too_far") expect(said).toBeUndefined();
          else expect(said ?? "ok").toBe(then);
        }
      }),
      { numRuns: 30 },
    );
  });

  const EMPTY = {
    group: GROUP,
    height: 1,
    term: 1,
    timestamp: 0n,
    clusterId: CLUSTER_ID,
    previousHash: new Uint8Array(32),
    state: { height: 0, digest: new Uint8Array(32) },
  };

  test("judges a far expiry by the asking node's time, because log time may stand still", () => {
    const { chain, bank } = town();
    const hour = 3_600n * SECOND;
    const transaction = decodeTransaction(bank.sign(PAY_BOB, { expiry: chain.now + hour }));
    const hash = new Uint8Array(32);
    expect(chain.state.admission(transaction, hash, chain.now)).toBe("expiry_too_far");
    expect(chain.state.admission(transaction, hash, chain.now + hour)).toBeUndefined();
  });
});
