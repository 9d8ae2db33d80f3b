import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AccountStore } from "./account-store.ts";
import { AccountsAhead } from "./accounts-ahead.ts";
import { Effects } from "./effects.ts";
import { hash128 } from "./id-hash.ts";
import * as layout from "./layout.ts";
import { setU64 } from "./words.ts";

const TIME = new Uint32Array(2);

/** An id of two words that depends on a number, such that some hashes meet. */
function idOf(number: number): bigint {
  return (BigInt(Math.imul(number, 0x9e37_79b1) >>> 0) << 32n) | BigInt(number);
}

/** Two ids with the same hash. */
function twins(): readonly [bigint, bigint] {
  const words = new Uint32Array(4);
  const seen = new Map<number, bigint>();
  for (let number = 1; ; number++) {
    const id = idOf(number);
    setU64(words, 0, id);
    const hash = hash128(words, 0);
    const other = seen.get(hash);
    if (other !== undefined) return [other, id];
    seen.set(hash, id);
  }
}

function accountsWith(ids: readonly bigint[]): AccountStore {
  const accounts = new AccountStore();
  const record = new Uint32Array(layout.RECORD_WORDS);
  for (const id of ids) {
    setU64(record, 0, id);
    accounts.add(record, 0, 1, TIME, 0);
  }
  return accounts;
}

function batchOf(pairs: readonly (readonly [bigint, bigint])[]): Uint32Array {
  const words = new Uint32Array(pairs.length * layout.RECORD_WORDS);
  pairs.forEach(([debit, credit], event) => {
    setU64(words, event * layout.RECORD_WORDS + layout.DEBIT_ACCOUNT_ID, debit);
    setU64(words, event * layout.RECORD_WORDS + layout.CREDIT_ACCOUNT_ID, credit);
  });
  return words;
}

/** What is found for these events, of which some are not asked about. */
function found(ahead: AccountsAhead, words: Uint32Array, isAsked: (event: number) => boolean): number[][] {
  ahead.begin();
  const events = words.length / layout.RECORD_WORDS;
  return Array.from({ length: events }, (_, event) => event)
    .filter(isAsked)
    .map((event) => {
      const at = event * layout.RECORD_WORDS;
      return [ahead.debit(words, at), ahead.credit(at)];
    });
}

describe("accounts of a batch, looked up ahead", () => {
  const [one, other] = twins();

  test("an id with the hash of another is not taken for it, there or not", () => {
    for (const ids of [[one, other], [other, one], [one], [other], []]) {
      const accounts = accountsWith(ids);
      const ahead = new AccountsAhead(accounts, new Effects(accounts));
      const slots = [ids.indexOf(one), ids.indexOf(other)];
      expect(found(ahead, batchOf([[one, other]]), () => true)).toEqual([slots]);
    }
  });

  test("are those that are found one by one, batch after batch, whichever events are left out", () => {
    const number = fc.oneof(fc.integer({ min: 1, max: 400 }).map(idOf), fc.constantFrom(one, other));
    const batch = fc.record({
      opened: fc.integer({ min: 0, max: 120 }),
      pairs: fc.array(fc.tuple(number, number), { minLength: 1, maxLength: 300 }),
      every: fc.integer({ min: 1, max: 90 }),
    });
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 4 }), (batches) => {
        const ids = [other];
        const accounts = accountsWith(ids);
        const ahead = new AccountsAhead(accounts, new Effects(accounts));
        const record = new Uint32Array(layout.RECORD_WORDS);
        for (const { opened, pairs, every } of batches) {
          for (let count = 0; count < opened; count++) {
            ids.push(idOf(ids.length));
            setU64(record, 0, ids.at(-1) ?? 0n);
            accounts.add(record, 0, 1, TIME, 0);
          }
          const isAsked = (event: number): boolean => event % every === 0;
          const expected = pairs.map((pair) => pair.map((id) => ids.indexOf(id)));
          expect(found(ahead, batchOf(pairs), isAsked)).toEqual(expected.filter((_, event) => isAsked(event)));
        }
      }),
      { numRuns: 60 },
    );
  });
});
