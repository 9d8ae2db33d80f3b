/**
 * Keys, freezes and delegates against a model that keeps them in maps: whatever is done in whichever order, each transfer
 * gets the answer that the model gives, each account the balance, and a machine restored from a checkpoint goes on alike.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { MemoryStore } from "../../storage/state/memory-store.ts";
import { toHex } from "../base/bytes.ts";
import { decodeAccounts, transferFlags } from "../ledger/records.ts";
import { transferStatusName } from "../ledger/status.ts";
import { restoreCheckpoint, takeCheckpoint } from "../replica/checkpoint.ts";
import type { Command } from "../wire/body.ts";
import { batchResults } from "../wire/results.ts";
import { accounts, Chain, EUR, machine, Party, replay, SECOND, transfers } from "./chain.test-support.ts";

const DAY = 86_400n * SECOND;
const KEYS = 8;
const ACCOUNTS = [501n, 502n, 503n];
const EVERYTHING = { authority: 1, seesAll: true };

const key = fc.nat(KEYS - 1);
const account = fc.constantFrom(...ACCOUNTS);
/** Who signs: mostly keys that may, so that something happens; now and then just any. */
const signers = fc.record({
  by: fc.nat(99),
  others: fc.array(fc.nat(99), { maxLength: 3 }),
  any: fc.integer({ min: 1, max: 6 }).map((chance) => chance === 1),
});
type Signers = typeof signers extends fc.Arbitrary<infer T> ? T : never;
const leg = fc.record({
  from: account,
  to: account,
  amount: fc.bigInt(0n, 60n),
  linked: fc.boolean(),
  hold: fc.boolean(),
});
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("move" as const),
      signers,
      legs: fc.array(leg, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("rotate" as const),
      signers,
      keys: fc.uniqueArray(key, { minLength: 1, maxLength: 4 }),
      threshold: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("freeze" as const), account, frozen: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("grant" as const),
      key,
      limit: fc.bigInt(20n, 100n),
      account: fc.constantFrom(0n, ...ACCOUNTS),
      hours: fc.integer({ min: 1, max: 200 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("revoke" as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pass" as const), hours: fc.integer({ min: 1, max: 30 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Move = Extract<Step, { do: "move" }>;

interface Grant {
  limit: bigint;
  account: bigint;
  until: bigint;
  day: bigint;
  spent: bigint;
}

class World {
  readonly chain = new Chain();
  readonly #parties: readonly Party[] = Array.from(
    { length: KEYS },
    (_, name) => new Party(this.chain, `key ${name}`, 0),
  );
  readonly #authority: number;
  /** What each key is, or was; one that is nothing yet is not in it. */
  readonly #state = new Map<number, "own" | "delegate" | "revoked">([0, 1, 2].map((name) => [name, "own"]));
  #threshold = 2;
  readonly #grants = new Map<number, Grant>();
  readonly #frozen = new Set<bigint>();
  readonly #debits = new Map<bigint, bigint>(ACCOUNTS.map((id) => [id, 0n]));
  readonly #sessions = new Set<number>();
  #id = 0n;

  constructor() {
    const keys = [0, 1, 2].map((name) => this.#party(name).publicKey);
    const body = { name: "firm", keys, threshold: 2, roles: ["participant"] as const };
    this.#authority = Number(this.chain.admin.must({ kind: "createAuthority", body })["id"]);
    this.#submit(0, [1], accounts(...ACCOUNTS.map((id) => ({ id }))));
  }

  #drawn({ by: first, others: rest, any }: Signers): { readonly by: number; readonly others: readonly number[] } {
    const all = this.#parties.map((_, name) => name);
    const may = any ? all : all.filter((name) => ["own", "delegate"].includes(this.#state.get(name) ?? ""));
    const own = any ? all : all.filter((name) => this.#state.get(name) === "own");
    const by = may[first % may.length] as number;
    const others = new Set(rest.map((place) => own[place % own.length] as number));
    others.delete(by);
    return { by, others: !any && this.#state.get(by) === "delegate" ? [] : [...others] };
  }

  run(one: Step): void {
    switch (one.do) {
      case "move":
        this.#move(one);
        break;
      case "rotate":
        this.#rotate(one);
        break;
      case "freeze":
        this.chain.admin.must({ kind: "freezeAccount", body: { account: one.account, frozen: one.frozen } });
        if (one.frozen) this.#frozen.add(one.account);
        else this.#frozen.delete(one.account);
        break;
      case "grant":
        this.#grant(one);
        break;
      case "revoke": {
        const known = this.#state.get(one.key) === "delegate";
        const body = { key: this.#party(one.key).publicKey };
        const { status } = this.chain.admin.submit({ kind: "revokeDelegate", body });
        expect(status).toBe(known ? "ok" : "not_found");
        if (known) this.#state.set(one.key, "revoked");
        break;
      }
      case "pass":
        this.chain.pass(BigInt(one.hours) * 3_600n * SECOND);
        break;
    }
    this.#compareBalances();
  }

  #party(name: number): Party {
    return this.#parties[name] as Party;
  }

  /** Submits under a key with co-signatures; returns the status of the transaction, and of its events. */
  #submit(by: number, others: readonly number[], command: Command): { status: string; events: readonly string[] } {
    const party = this.#party(by);
    if (this.#state.has(by) && this.#state.get(by) !== "revoked" && !this.#sessions.has(by)) {
      party.must({ kind: "sessionOpen" });
      this.#sessions.add(by);
    }
    const signed = others.reduce((transaction, name) => this.#party(name).cosign(transaction), party.sign(command));
    const result = this.chain.submit(signed);
    const bulk = result.status === "ok" && command.kind === "createTransfers";
    return {
      status: result.status,
      events: bulk ? batchResults(result).map((each) => transferStatusName(each.status)) : [],
    };
  }

  /** What stands against the signatures; undefined for nothing. */
  #refusal(by: number, others: readonly number[]): string | undefined {
    const state = this.#state.get(by);
    if (state === undefined || state === "revoked") return "unknown_key";
    if (state === "delegate") return others.length > 0 ? "unknown_cosigner" : undefined;
    if (others.some((name) => this.#state.get(name) !== "own")) return "unknown_cosigner";
    return others.length + 1 < this.#threshold ? "threshold_not_met" : undefined;
  }

  #rotate({ signers: drawn, keys, threshold: wanted }: Extract<Step, { do: "rotate" }>): void {
    const threshold = Math.min(wanted, keys.length);
    const { by, others } = this.#drawn(drawn);
    const body = { authority: this.#authority, keys: keys.map((name) => this.#party(name).publicKey), threshold };
    const { status } = this.#submit(by, others, { kind: "replaceKeys", body });
    const refusal = this.#refusal(by, others);
    if (refusal !== undefined || this.#state.get(by) === "delegate") {
      expect(status).toBe(refusal ?? "not_authorized");
      return;
    }
    if (keys.some((name) => this.#state.has(name) && this.#state.get(name) !== "own")) {
      expect(status).toBe("already_exists");
      return;
    }
    expect(status).toBe("ok");
    for (const [name, state] of this.#state) if (state === "own") this.#state.set(name, "revoked");
    for (const name of keys) this.#state.set(name, "own");
    this.#threshold = threshold;
  }

  #grant({ key: name, limit, account: only, hours }: Extract<Step, { do: "grant" }>): void {
    const [by = 0, ...others] = [...this.#state].filter(([, state]) => state === "own").map(([each]) => each);
    const until = this.chain.now / SECOND + BigInt(hours) * 3_600n;
    const terms = { ledger: EUR, account: only, dailyLimit: limit, expiresAt: until };
    const body = { key: this.#party(name).publicKey, ...terms };
    const { status } = this.#submit(by, others, { kind: "grantDelegate", body });
    const state = this.#state.get(name);
    if (state !== undefined && state !== "delegate") {
      expect(status).toBe("already_exists");
      return;
    }
    expect(status).toBe("ok");
    const { day, spent } = this.#grants.get(name) ?? { day: 0n, spent: 0n };
    this.#grants.set(name, { limit, account: only, until, day, spent });
    this.#state.set(name, "delegate");
  }

  #move({ signers: who, legs: asked }: Move): void {
    const { by, others } = this.#drawn(who);
    const legs = asked.map((one, place) => {
      this.#id += 1n;
      return { ...one, id: this.#id, linked: one.linked && place < asked.length - 1 };
    });
    const command = transfers(
      ...legs.map(({ id, from, to, amount, linked, hold }) => {
        const flags = (linked ? transferFlags.linked : 0) | (hold ? transferFlags.pending : 0);
        return { id, debitAccountId: from, creditAccountId: to, amount, flags };
      }),
    );
    const answer = this.#submit(by, others, command);
    const refusal = this.#refusal(by, others);
    if (refusal === undefined) expect(answer).toEqual({ status: "ok", events: this.#execute(by, legs) });
    else expect(answer.status).toBe(refusal);
  }

  /** The statuses of a batch, by the model; what stays of it stays. */
  #execute(
    by: number,
    legs: readonly { from: bigint; to: bigint; amount: bigint; linked: boolean }[],
  ): readonly string[] {
    const now = this.chain.state.timestamp;
    const statuses: string[] = [];
    for (let start = 0; start < legs.length; ) {
      let end = start;
      while (legs[end]?.linked === true) end += 1;
      const chained = legs.slice(start, end + 1);
      const spent = new Map<bigint, bigint>();
      const grant = this.#state.get(by) === "delegate" ? (this.#grants.get(by) as Grant) : undefined;
      if (grant !== undefined && grant.day !== now / DAY) Object.assign(grant, { day: now / DAY, spent: 0n });
      let taken = 0n;
      const failed = chained.findIndex(({ from, to, amount }) => {
        const status = this.#judge(from, to, amount, grant, taken, now);
        if (status !== "created") return true;
        taken += amount;
        spent.set(from, (spent.get(from) ?? 0n) + amount);
        return false;
      });
      if (failed < 0) {
        statuses.push(...chained.map(() => "created"));
        if (grant !== undefined) grant.spent += taken;
        for (const [id, amount] of spent) this.#debits.set(id, (this.#debits.get(id) ?? 0n) + amount);
      } else {
        const { from, to, amount } = chained[failed] as (typeof chained)[number];
        const before = chained.slice(0, failed).reduce((sum, each) => sum + each.amount, 0n);
        const why = this.#judge(from, to, amount, grant, before, now);
        statuses.push(...chained.map((_, place) => (place === failed ? why : "linked_event_failed")));
      }
      start = end + 1;
    }
    return statuses;
  }

  #judge(from: bigint, to: bigint, amount: bigint, grant: Grant | undefined, taken: bigint, now: bigint): string {
    if (from === to) return "accounts_must_be_different";
    if (grant !== undefined) {
      const covered = now < grant.until * SECOND && (grant.account === 0n || grant.account === from);
      if (!covered) return "debit_account_not_authorized";
      // A debit of nothing is within any limit, also one that was lowered below what is spent.
      if (amount > 0n && grant.spent + taken + amount > grant.limit) return "exceeds_delegated_limit";
    }
    return this.#frozen.has(from) ? "debit_account_frozen" : "created";
  }

  #compareBalances(): void {
    const answer = this.chain.state.query({ type: "accounts", ids: ACCOUNTS }, EVERYTHING);
    if (!("records" in answer)) throw new Error("another answer than was asked for");
    const found = decodeAccounts(answer.records).map(({ id, debitsPosted, debitsPending }) => [
      ...[id, debitsPosted + debitsPending],
    ]);
    expect(found).toEqual([...this.#debits]);
  }
}

test("the model and the machine agree, and a restored machine goes on alike", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 40, size: "max" }), fc.nat(39), (steps, cut) => {
      const world = new World();
      const store = new MemoryStore((run) => run());
      let saved = 0;
      steps.forEach((one, place) => {
        world.run(one);
        if (place !== cut % steps.length) return;
        store.write(takeCheckpoint(world.chain.state), () => undefined);
        saved = world.chain.blocks.length;
      });
      const restored = machine();
      restoreCheckpoint(store, restored);
      const digest = toHex(world.chain.state.digest);
      expect(replay(world.chain.blocks.slice(saved), restored)).toBe(digest);
      expect(replay(world.chain.blocks)).toBe(digest);
    }),
    { numRuns: 100 },
  );
});
