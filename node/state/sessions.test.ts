import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { equalBytes, toHex, utf8 } from "../base/bytes.ts";
import { SESSION_REPLY_BYTES_MAX, SESSION_WINDOW, SESSIONS_MAX, TRANSACTION_LIFETIME_MAX_NS } from "../base/limits.ts";
import { type SessionBounds, type SessionClaim, Sessions } from "./sessions.ts";

const LIFETIME = TRANSACTION_LIFETIME_MAX_NS;
const KEY = sha256(utf8("key"));
const OTHER_KEY = sha256(utf8("other key"));

function idOf(session: number): Uint8Array {
  return sha256(utf8(`session ${session}`)).slice(0, 16);
}

function claim(session: number, sequence: number, special: { key?: Uint8Array; text?: string } = {}): SessionClaim {
  const { key = KEY, text = "" } = special;
  const transactionHash = sha256(utf8(`${session}/${sequence}/${text}`));
  return { session: idOf(session), sequence, publicKey: key, transactionHash };
}

function resultOf(sequence: number): Uint8Array {
  return utf8(`result of ${sequence}`);
}

/** Opened by one of eight authorities, in turns. */
function opened(sessions = new Sessions(), session = 1, now = 1n): Sessions {
  expect(sessions.open(claim(session, 0), session % 8, now)).toBeUndefined();
  return sessions;
}

describe("a session", () => {
  test("answers a retry with the stored result, and refuses another transaction under the same number", () => {
    const sessions = opened();
    sessions.executed(claim(1, 1), resultOf(1), 2n);
    expect(sessions.judge(claim(1, 1))).toEqual({ type: "executed", result: resultOf(1) });
    expect(sessions.judge(claim(1, 1, { text: "else" }))).toEqual({ type: "refused", code: "sequence_reused" });
  });

  test("belongs to the key that opened it", () => {
    const sessions = opened();
    expect(sessions.judge(claim(1, 1, { key: OTHER_KEY }))).toEqual({ type: "refused", code: "session_key_mismatch" });
    expect(sessions.open(claim(1, 0, { key: OTHER_KEY }), 6, 2n)).toEqual({ code: "session_key_mismatch" });
  });

  test("opened again by its own key stays as it is", () => {
    const sessions = opened();
    sessions.executed(claim(1, 1), resultOf(1), 2n);
    opened(sessions, 1, 3n);
    expect(sessions.judge(claim(1, 1)).type).toBe("executed");
    expect(sessions.count).toBe(1);
  });

  test("that nobody opened is unknown", () => {
    expect(new Sessions().judge(claim(1, 1))).toEqual({ type: "refused", code: "session_unknown" });
  });

  test("takes numbers out of order within the window, and none beyond either edge", () => {
    const sessions = opened();
    const refusal = (sequence: number): unknown => {
      const verdict = sessions.judge(claim(1, sequence));
      return verdict.type === "refused" ? verdict.code : verdict.type;
    };
    expect(refusal(SESSION_WINDOW)).toBe("fresh");
    expect(refusal(SESSION_WINDOW + 1)).toBe("sequence_too_new");
    sessions.executed(claim(1, SESSION_WINDOW), resultOf(0), 2n);
    expect(refusal(1)).toBe("fresh");
    sessions.executed(claim(1, 1), resultOf(1), 3n);
    sessions.executed(claim(1, SESSION_WINDOW + 1), resultOf(0), 4n);
    expect(refusal(1)).toBe("sequence_too_old");
    expect(refusal(2)).toBe("fresh");
    expect(refusal(2 * SESSION_WINDOW + 1)).toBe("fresh");
    expect(refusal(2 * SESSION_WINDOW + 2)).toBe("sequence_too_new");
  });

  test("keeps so many bytes of results: of the oldest executed it only knows that they were", () => {
    const sessions = opened();
    const half = new Uint8Array(SESSION_REPLY_BYTES_MAX / 2).fill(1);
    sessions.executed(claim(1, 2), half, 2n);
    sessions.executed(claim(1, 1), half, 3n);
    expect(sessions.judge(claim(1, 2)).type).toBe("executed");
    sessions.executed(claim(1, 3), resultOf(3), 4n);
    for (const table of [sessions, restored(sessions)]) {
      expect(table.judge(claim(1, 2))).toEqual({ type: "refused", code: "sequence_too_old" });
      expect(table.judge(claim(1, 2, { text: "else" }))).toEqual({ type: "refused", code: "sequence_reused" });
      expect(table.judge(claim(1, 1)).type).toBe("executed");
      expect(table.judge(claim(1, 3)).type).toBe("executed");
    }
  });

  test("keeps no bytes of the block that opened it", () => {
    const block = new Uint8Array(1_000_000);
    block.set(idOf(1), 100);
    block.set(KEY, 200);
    const sessions = new Sessions();
    const view = { ...claim(1, 0), session: block.subarray(100, 116), publicKey: block.subarray(200, 232) };
    sessions.open(view, 5, 1n);
    block.fill(0);
    expect(sessions.judge(claim(1, 1)).type).toBe("fresh");
    expect(toHex(sessions.encodePage(0))).toContain(toHex(KEY));
  });
});

describe("the table of sessions", () => {
  function full(): Sessions {
    const sessions = new Sessions();
    for (let session = 1; session <= SESSIONS_MAX; session++) opened(sessions, session, BigInt(session));
    return sessions;
  }

  test("forgets the longest unused when it is full, once all that it executed has expired", () => {
    const sessions = full();
    const next = SESSIONS_MAX + 1;
    sessions.executed(claim(1, 1), resultOf(1), BigInt(next));
    // Session 2 is the longest unused now; what it executed last, at 2, may live as long as any transaction.
    expect(sessions.open(claim(next, 0), 5, 2n + LIFETIME)).toEqual({ code: "session_limit", what: "cluster" });
    expect(sessions.isOpen(idOf(2))).toBe(true);
    expect(sessions.open(claim(next, 0), 5, 3n + LIFETIME)).toBeUndefined();
    expect(sessions.isOpen(idOf(2))).toBe(false);
    expect(sessions.judge(claim(1, 1)).type).toBe("executed");
    expect(sessions.count).toBe(SESSIONS_MAX);
    expect(sessions.open(claim(next + 1, 0), 5, 3n + LIFETIME)).toEqual({ code: "session_limit", what: "cluster" });
  });

  test("a session that was forgotten and opened again knows nothing of before", () => {
    const sessions = full();
    sessions.executed(claim(1, 1), resultOf(1), BigInt(SESSIONS_MAX + 1));
    const later = BigInt(SESSIONS_MAX + 2) + LIFETIME;
    for (let i = 0; i < SESSIONS_MAX; i++) opened(sessions, SESSIONS_MAX + 1 + i, later + BigInt(i));
    expect(sessions.isOpen(idOf(1))).toBe(false);
    opened(sessions, 1, later + LIFETIME + 1n);
    expect(sessions.judge(claim(1, 1))).toEqual({ type: "fresh" });
    expect(sessions.judge(claim(1, 1 + SESSION_WINDOW))).toEqual({ type: "refused", code: "sequence_too_new" });
  });
});

function restored(sessions: Sessions, bounds?: SessionBounds): Sessions {
  const again = new Sessions(bounds);
  const parts = [
    [sessions, again],
    [sessions.replies, again.replies],
  ] as const;
  for (const [from, to] of parts) {
    for (let page = 0; page < from.pageCount(); page++) to.decodePage(page, from.encodePage(page));
  }
  for (const [, to] of parts) to.restored();
  return again;
}

describe("against a list of everything that happened", () => {
  /** Remembers all, and looks for the answer among it. */
  class Naive {
    #done: { readonly sequence: number; readonly hash: string; result: Uint8Array | undefined }[] = [];

    judge(sequence: number, hash: string): string | Uint8Array {
      const highest = this.#highest();
      if (sequence <= highest - SESSION_WINDOW) return "sequence_too_old";
      if (sequence > highest + SESSION_WINDOW) return "sequence_too_new";
      const same = this.#done.find((each) => each.sequence === sequence);
      if (same === undefined) return "fresh";
      return same.hash === hash ? (same.result ?? "sequence_too_old") : "sequence_reused";
    }

    executed(sequence: number, hash: string, result: Uint8Array): void {
      this.#done.push({ sequence, hash, result });
      this.#done = this.#done.filter((each) => each.sequence > this.#highest() - SESSION_WINDOW);
      const bytes = (): number => this.#done.reduce((sum, each) => sum + (each.result?.length ?? 0), 0);
      for (const each of this.#done) if (bytes() > SESSION_REPLY_BYTES_MAX) each.result = undefined;
    }

    #highest(): number {
      return Math.max(0, ...this.#done.map((each) => each.sequence));
    }
  }

  const results = [1, 30_000, 131_000].map((length) => new Uint8Array(length).fill(length % 251));
  const steps = fc.array(
    fc.record({
      jump: fc.integer({ min: -300, max: 300 }),
      text: fc.constantFrom("a", "b"),
      result: fc.constantFrom(...results),
      restore: fc.boolean(),
    }),
    { maxLength: 60 },
  );

  test("judges alike, also after a checkpoint", () => {
    fc.assert(
      fc.property(steps, (all) => {
        let sessions = opened();
        const naive = new Naive();
        let highest = 0;
        let now = 1n;
        for (const { jump, text, result, restore } of all) {
          const sequence = Math.max(1, highest + jump);
          const each = claim(1, sequence, { text });
          const hash = toHex(each.transactionHash);
          const verdict = sessions.judge(each);
          const expected = naive.judge(sequence, hash);
          if (verdict.type === "executed") expect(equalBytes(verdict.result, expected as Uint8Array)).toBe(true);
          else expect(verdict.type === "refused" ? verdict.code : verdict.type).toBe(expected);
          if (verdict.type === "fresh") {
            now += 1n;
            sessions.executed(each, result, now);
            naive.executed(sequence, hash, result);
            highest = Math.max(highest, sequence);
          }
          if (restore) sessions = restored(sessions);
        }
      }),
    );
  });

  test("a restored table forgets in the same order", () => {
    const sessions = new Sessions();
    for (let session = 1; session <= SESSIONS_MAX; session++) opened(sessions, session, BigInt(session));
    sessions.executed(claim(1, 1), resultOf(1), BigInt(SESSIONS_MAX + 1));
    sessions.executed(claim(3, 1), resultOf(1), BigInt(SESSIONS_MAX + 2));
    const again = restored(sessions);
    for (const table of [sessions, again]) {
      for (let i = 1; i <= 3; i++) opened(table, SESSIONS_MAX + i, BigInt(SESSIONS_MAX + 10 + i) + LIFETIME);
      expect([1, 2, 3, 4, 5, 6].map((session) => table.isOpen(idOf(session)))).toEqual([
        ...[true, false, true, false, false, true],
      ]);
    }
  });
});

describe("shares of the table, against a list of all sessions", () => {
  const BOUNDS: SessionBounds = { total: 7, perAuthority: 3 };

  interface Known {
    readonly session: number;
    readonly authority: number;
    used: bigint;
  }

  /** Knows each session that is open, longest unused first; sorts them anew for each question. */
  class Naive {
    open: Known[] = [];

    opens(session: number, authority: number, now: bigint): string {
      if (this.open.some((each) => each.session === session)) return "ok";
      const own = this.open.filter((each) => each.authority === authority);
      const crowded = own.length === BOUNDS.perAuthority;
      if (crowded || this.open.length === BOUNDS.total) {
        const [oldest] = (crowded ? own : this.open).toSorted((a, b) => Number(a.used - b.used));
        if (oldest === undefined || now - oldest.used <= LIFETIME) return crowded ? "authority" : "cluster";
        this.open = this.open.filter((each) => each !== oldest);
      }
      this.open.push({ session, authority, used: now });
      return "ok";
    }
  }

  const steps = fc.array(
    fc.record({
      session: fc.integer({ min: 1, max: 14 }),
      executes: fc.boolean(),
      wait: fc.oneof({ weight: 4, arbitrary: fc.constant(1n) }, fc.bigInt({ min: 1n, max: LIFETIME })),
      restore: fc.boolean(),
    }),
    { maxLength: 80 },
  );

  test("each authority forgets its own, and nothing that may still be repeated", () => {
    fc.assert(
      fc.property(steps, (all) => {
        let sessions = new Sessions(BOUNDS);
        const naive = new Naive();
        const executed: { readonly claim: SessionClaim; readonly at: bigint }[] = [];
        let now = 1n;
        all.forEach(({ session, executes, wait, restore }, index) => {
          now += wait;
          const place = claim(session, 1 + index);
          if (executes && sessions.isOpen(idOf(session)) && sessions.judge(place).type === "fresh") {
            sessions.executed(place, resultOf(index), now);
            executed.push({ claim: place, at: now });
            for (const each of naive.open) if (each.session === session) each.used = now;
          } else {
            const authority = session % 4;
            const refusal = sessions.open(claim(session, 0), authority, now);
            const said = refusal?.code === "session_limit" ? refusal.what : "ok";
            expect(said).toBe(naive.opens(session, authority, now));
          }
          if (restore) sessions = restored(sessions, BOUNDS);
          const open = Array.from({ length: 14 }, (_, i) => i + 1).filter((each) => sessions.isOpen(idOf(each)));
          expect(open).toEqual(naive.open.map((each) => each.session).toSorted((a, b) => a - b));
          // A transaction that was executed at `at` has expired by `at + LIFETIME`; until then its session knows it.
          for (const { claim: done, at } of executed) {
            if (at + LIFETIME >= now) expect(sessions.judge(done).type).toBe("executed");
          }
        });
      }),
    );
  });
});
