import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../storage/state/memory-store.ts";
import { viewOf } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { Prng } from "../base/prng.ts";
import { loadHardState, saveHardState } from "./hard-state-store.ts";
import { Later } from "./replica.test-support.ts";

describe("term and vote", () => {
  test("of a new node are zero", () => {
    expect(loadHardState(new MemoryStore((run) => run()))).toEqual({ term: 0, vote: 0 });
  });

  test.each([
    { term: 1, vote: 0 },
    { term: 7, vote: 3 },
    { term: Number.MAX_SAFE_INTEGER, vote: 9 },
  ])("come back as they were saved: $term and $vote", (state) => {
    const store = new MemoryStore((run) => run());
    saveHardState(store, { term: 5, vote: 5 }, () => {});
    saveHardState(store, state, () => {});
    expect(loadHardState(store)).toEqual(state);
  });

  test("are said to be durable only when they are", () => {
    const later = new Later();
    const store = new MemoryStore(later.schedule);
    let done = 0;
    saveHardState(store, { term: 1, vote: 2 }, () => {
      done += 1;
    });
    expect([done, loadHardState(store)]).toEqual([0, { term: 0, vote: 0 }]);
    later.next();
    expect([done, loadHardState(store)]).toEqual([1, { term: 1, vote: 2 }]);
  });

  test("after a crash are old or new, never a mixture", () => {
    for (let seed = 0; seed < 20; seed++) {
      const later = new Later();
      const store = new MemoryStore(later.schedule);
      saveHardState(store, { term: 1, vote: 1 }, () => {});
      later.all();
      saveHardState(store, { term: 2, vote: 2 }, () => {});
      store.crash(new Prng(seed));
      const { term, vote } = loadHardState(store);
      expect([1, 2]).toContain(term);
      expect(vote).toBe(term);
    }
  });

  test.each([
    ["of another length", new Uint8Array(11)],
    ["with a term that is no safe number", termBytes(2n ** 60n)],
  ])("damaged, %s, are refused with a code", (_what, value) => {
    const store = new MemoryStore((run) => run());
    store.write([{ key: "raft/state", value }], () => {});
    expect(() => loadHardState(store)).toThrow(CodedError);
    expect(() => loadHardState(store)).toThrow(expect.objectContaining({ code: "store_damaged" }));
  });
});

function termBytes(term: bigint): Uint8Array {
  const bytes = new Uint8Array(12);
  viewOf(bytes).setBigUint64(0, term, true);
  return bytes;
}
