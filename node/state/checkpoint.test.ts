import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { MemoryStore } from "../../storage/state/memory-store.ts";
import { toHex } from "../base/bytes.ts";
import type { StoreChange } from "../base/ports/store.ts";
import { transferFlags } from "../ledger/records.ts";
import { contentsOf, FIRST_GENERATION, restoreCheckpoint, takeCheckpoint } from "../replica/checkpoint.ts";
import { PageHashes } from "../replica/page-hashes.ts";
import { decodeBlock } from "../wire/block.ts";
import { ALICE, accounts, BOB, EUR, machine, replay, town, transfers } from "./chain.test-support.ts";
import { PaymentWorld, paymentStep } from "./payments/payment-world.test-support.ts";
import type { StateMachine } from "./state-machine.ts";

/** Everything a checkpoint could hold of a state. */
function pages(state: StateMachine): string {
  const all = state.paged.flatMap((component) =>
    Array.from({ length: component.pageCount() }, (_, page) => [
      component.name,
      page,
      toHex(component.encodePage(page)),
    ]),
  );
  return JSON.stringify(all);
}

/** Root over all pages, each hashed anew. */
function rootOf(state: StateMachine): string {
  const hashes = new PageHashes(sha256);
  for (const component of state.paged) {
    for (let page = 0; page < component.pageCount(); page++)
      hashes.take(component.name, page, component.encodePage(page));
  }
  return toHex(hashes.root(contentsOf(state).components));
}

function restored(store: MemoryStore): StateMachine {
  const state = machine();
  restoreCheckpoint(store, state);
  return state;
}

function save(store: MemoryStore, changes: readonly StoreChange[]): void {
  store.write(changes, () => undefined);
}

function expectAlike(one: StateMachine, other: StateMachine): void {
  expect(toHex(other.digest)).toBe(toHex(one.digest));
  expect(other.height).toBe(one.height);
  expect(other.nextDeadline()).toBe(one.nextDeadline());
  expect(other.openIntents()).toEqual(one.openIntents());
  const everything = { authority: 1, seesAll: true };
  for (const query of [{ type: "summary" }, { type: "risk" }, { type: "assets" }] as const) {
    expect(other.query(query, everything)).toEqual(one.query(query, everything));
  }
}

describe("a checkpoint", () => {
  const more = fc.oneof(
    fc.record({ do: fc.constant("join" as const) }),
    fc.record({ do: fc.constant("asset" as const), cap: fc.bigInt({ min: 0n, max: 2n }) }),
    fc.record({ do: fc.constant("hold" as const), timeout: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ do: fc.constant("block" as const), payer: fc.constantFrom(ALICE, BOB), blocked: fc.boolean() }),
    fc.record({ do: fc.constant("reverse" as const), amount: fc.bigInt({ min: 1n, max: 3n }) }),
    fc.record({ do: fc.constant("checkpoint" as const) }),
  );
  const steps = fc.array(fc.oneof({ weight: 3, arbitrary: paymentStep }, { weight: 1, arbitrary: more }), {
    ...{ minLength: 10, maxLength: 50 },
  });

  test("made bit by bit brings back the same machine, which goes on the same way", () => {
    fc.assert(
      fc.property(steps, fc.nat(49), (all, cut) => {
        const world = new PaymentWorld();
        const { chain } = world;
        const store = new MemoryStore((run) => run());
        const hashes = new PageHashes(sha256);
        let id = 1_000_000n;
        let from = 0;
        all.forEach((step, place) => {
          if (step.do === "join") chain.join(`bank ${place}`, "participant");
          else if (step.do === "reverse") {
            id += 1n;
            const given = { debitAccountId: 1n, creditAccountId: 2n, amount: 3n };
            chain.admin.must(transfers({ id, ...given }));
            chain.admin.must({ kind: "reverseTransfer", body: { id: id + 1n, transfer: id, amount: step.amount } });
            id += 1n;
          } else if (step.do === "asset") {
            const issuer = chain.join(`issuer ${place}`, "issuer");
            const body = { ledger: 1_000 + place, code: `A${place}`, decimals: place % 19, cap: step.cap };
            issuer.must({ kind: "createAsset", body: { ...body, issuer: issuer.authority } });
          } else if (step.do === "hold") {
            id += 1n;
            const hold = { id, debitAccountId: 1n, creditAccountId: 2n, amount: 1n, flags: transferFlags.pending };
            chain.admin.must(transfers({ ...hold, timeout: step.timeout }));
          } else if (step.do === "block") {
            const { payer, blocked } = step;
            chain.admin.must({ kind: "blockPayer", body: { payer: payer + 5_000n, blocked } });
          } else if (step.do !== "checkpoint") world.run(step);
          if (step.do === "checkpoint" || place === cut % all.length) {
            save(store, takeCheckpoint(chain.state, FIRST_GENERATION, { tell: hashes.take }));
            from = chain.blocks.length;
            expect(pages(restored(store))).toBe(pages(chain.state));
            expect(toHex(hashes.root(contentsOf(chain.state).components))).toBe(rootOf(restored(store)));
          }
        });
        const again = restored(store);
        for (const block of chain.blocks.slice(from)) again.apply(decodeBlock(sha256, block));
        again.checkInvariants();
        expectAlike(chain.state, again);
        expect(pages(again)).toBe(pages(chain.state));
      }),
      { numRuns: 20 },
    );
  });

  test("holds what a retry is answered with", () => {
    const { chain, bank } = town();
    const pay = bank.sign(transfers({ id: 77n, debitAccountId: ALICE, creditAccountId: BOB, amount: 5n }));
    const { results } = chain.block([pay]);
    const store = new MemoryStore((run) => run());
    save(store, takeCheckpoint(chain.state));
    const { block } = chain.block([pay]);
    const again = restored(store).apply(block);
    expect(again).toMatchObject({ results, duplicates: [true] });
  });

  test("holds the windows that wait for liquidity", () => {
    const world = new PaymentWorld();
    const { chain } = world;
    for (let count = 0; count < 3; count++) {
      const pay = { do: "create", channel: "wallet", manual: false, amount: 400n, who: ALICE, ledger: EUR } as const;
      world.run(pay);
    }
    world.run({ do: "close", ledger: EUR });
    const store = new MemoryStore((run) => run());
    save(store, takeCheckpoint(chain.state));
    const from = chain.blocks.length;
    chain.admin.must(transfers({ id: 1_000_000n, debitAccountId: 1n, creditAccountId: 11n, amount: 5_000n }));
    world.run({ do: "close", ledger: EUR });
    const again = restored(store);
    replay(chain.blocks.slice(from), again);
    const everything = { authority: 1, seesAll: true };
    const windows = [{ state: "settled" }, { state: "open" }];
    expect(again.query({ type: "settlement", ledger: EUR }, everything)).toMatchObject({ windows });
    expectAlike(chain.state, again);
  });

  test("holds only what has changed since the last", () => {
    const { chain, bank } = town();
    takeCheckpoint(chain.state);
    bank.must(accounts({ id: 900n }));
    const keys = takeCheckpoint(chain.state).map(({ key }) => key);
    expect(
      keys.filter((key) => !/^checkpoint\/(meta|1\/(stand|history\/0$|sessions|replies|accounts))/.test(key)),
    ).toEqual([]);
  });

  test("of the very start is a machine like any new one", () => {
    const store = new MemoryStore((run) => run());
    save(store, takeCheckpoint(machine()));
    const { chain } = town();
    expect(replay(chain.blocks, restored(store))).toBe(replay(chain.blocks));
  });
});
