import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { toHex, utf8, viewOf } from "../base/bytes.ts";
import { SESSION_WINDOW, TRANSACTION_LIFETIME_MAX_NS } from "../base/limits.ts";
import type { Paged } from "../base/paged.ts";
import { refusalOf } from "../wire/hostile.contract.ts";
import { RESULT_BYTES_MAX } from "../wire/results.ts";
import { packPage, unpackPage } from "./reply-page.ts";
import { type SessionClaim, Sessions } from "./sessions.ts";

const KEY = sha256(utf8("key"));
const PAGE_BYTES = 65_536;
const SLACK_PAGES = 16;

function claim(session: number, sequence: number): SessionClaim {
  const id = sha256(utf8(`session ${session}`)).slice(0, 16);
  return { session: id, sequence, publicKey: KEY, transactionHash: sha256(utf8(`${session}/${sequence}`)) };
}

function withSessions(count: number): Sessions {
  const sessions = new Sessions();
  for (let session = 0; session < count; session++) sessions.open(claim(session, 0), session % 8, 1n);
  return sessions;
}

/** A result by which it is known again. */
function resultOf(session: number, sequence: number, bytes = 24): Uint8Array {
  const result = new Uint8Array(bytes).fill((session * 7 + sequence) % 251);
  viewOf(result).setUint32(0, session * 1_000_003 + sequence, true);
  return result;
}

function pagesOf(part: Paged): Uint8Array[] {
  return Array.from({ length: part.pageCount() }, (_, page) => part.encodePage(page));
}

function hashesOf(part: Paged): string[] {
  return pagesOf(part).map((page) => toHex(sha256(page)));
}

/** Pages of replies as they come from a checkpoint. */
function load(sessions: readonly Uint8Array[], replies: readonly Uint8Array[]): Sessions {
  const again = new Sessions();
  for (const [page, bytes] of sessions.entries()) again.decodePage(page, bytes);
  for (const [page, bytes] of replies.entries()) again.replies.decodePage(page, bytes);
  again.restored();
  again.replies.restored();
  return again;
}

function restored(sessions: Sessions): Sessions {
  return load(pagesOf(sessions), pagesOf(sessions.replies));
}

/** Pages in a store, of which checkpoints write those that have changed. */
class Saved {
  readonly #pages = new Map<Paged["name"], Uint8Array[]>();

  checkpoint(sessions: Sessions): Sessions {
    const [rows = [], replies = []] = [sessions, sessions.replies].map((part) => {
      const pages = this.#pages.get(part.name) ?? [];
      this.#pages.set(part.name, pages);
      for (const page of part.dirtyPages()) pages[page] = part.encodePage(page);
      part.markClean();
      return pages.slice(0, part.pageCount());
    });
    return load(rows, replies);
  }
}

function bytesOf(sessions: Sessions): number {
  return pagesOf(sessions.replies).reduce((sum, page) => sum + unpackPage(page).length, 0);
}

describe("replies of all sessions", () => {
  test("are found where they were moved to, and what counts no more gives its room back", () => {
    const sessions = withSessions(50);
    let now = 2n;
    // One that answers nothing for long: its replies are moved out of pages that others have left.
    for (let sequence = 1; sequence <= 200; sequence++) {
      sessions.executed(claim(0, sequence), resultOf(0, sequence), now++);
    }
    for (let round = 1; round <= 1_500; round++) {
      for (let session = 1; session < 50; session++) {
        sessions.executed(claim(session, round), resultOf(session, round), now++);
      }
    }
    const live = (200 + 49 * SESSION_WINDOW) * 80;
    expect(bytesOf(sessions)).toBeLessThanOrEqual(2 * live + (SLACK_PAGES + 2) * PAGE_BYTES);
    for (const table of [sessions, restored(sessions)]) {
      for (const sequence of [1, 100, 200]) {
        expect(table.judge(claim(0, sequence))).toEqual({ type: "executed", result: resultOf(0, sequence) });
      }
      for (let session = 1; session < 50; session++) {
        const oldest = 1_500 - SESSION_WINDOW + 1;
        expect(table.judge(claim(session, oldest - 1)).type).toBe("refused");
        for (const known of [oldest, 1_500]) {
          expect(table.judge(claim(session, known))).toEqual({ type: "executed", result: resultOf(session, known) });
        }
      }
    }
  });

  test("change pages of a checkpoint only where they were answered since, however many sessions there are", () => {
    const sessions = withSessions(2_000);
    let now = 2n;
    for (let sequence = 1; sequence <= 20; sequence++) {
      for (let session = 0; session < 2_000; session++) {
        sessions.executed(claim(session, sequence), resultOf(session, sequence), now++);
      }
    }
    sessions.replies.markClean();
    for (let session = 0; session < 2_000; session++) {
      sessions.executed(claim(session, 21), resultOf(session, 21), now++);
    }
    expect(sessions.replies.dirtyPages().length).toBeLessThanOrEqual(4);
  });

  const steps = fc.array(
    fc.record({
      session: fc.integer({ min: 0, max: 5 }),
      jump: fc.constantFrom(-3, 1, 1, 1, 100, 400),
      bytes: fc.constantFrom(4, 100, 20_000, 131_000, RESULT_BYTES_MAX),
      restore: fc.constantFrom(false, false, false, true),
    }),
    { maxLength: 150, size: "max" },
  );

  test("have the same pages wherever a node has begun from a checkpoint", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const running = withSessions(6);
        const saved = new Saved();
        let restarted = saved.checkpoint(withSessions(6));
        const highest = new Map<number, number>();
        let now = 2n;
        for (const { session, jump, bytes, restore } of all) {
          const sequence = Math.max(1, (highest.get(session) ?? 0) + jump);
          for (const table of [running, restarted]) {
            if (table.judge(claim(session, sequence)).type !== "fresh") continue;
            table.executed(claim(session, sequence), resultOf(session, sequence, bytes), now);
            highest.set(session, Math.max(highest.get(session) ?? 0, sequence));
          }
          now += 1n;
          if (!restore) continue;
          restarted = saved.checkpoint(restarted);
          expect(hashesOf(restarted.replies)).toEqual(hashesOf(running.replies));
        }
        expect(hashesOf(restarted)).toEqual(hashesOf(running));
        expect(hashesOf(restarted.replies)).toEqual(hashesOf(running.replies));
      }),
      { numRuns: 30 },
    );
  });

  test("of a session whose slot another has now are gone, also in a page that remains", () => {
    const sessions = new Sessions({ total: 2, perAuthority: 2 });
    sessions.open(claim(1, 0), 1, 1n);
    sessions.open(claim(2, 0), 1, 2n);
    sessions.executed(claim(1, 1), resultOf(1, 1), 3n);
    sessions.executed(claim(2, 1), resultOf(2, 1), 4n);
    const later = 10n + TRANSACTION_LIFETIME_MAX_NS;
    expect(sessions.open(claim(3, 0), 1, later)).toBeUndefined();
    for (const table of [sessions, restored(sessions)]) {
      expect(table.judge(claim(3, 1)).type).toBe("fresh");
      table.executed(claim(3, 1), resultOf(3, 1), later + 1n);
      expect(table.judge(claim(3, 1))).toEqual({ type: "executed", result: resultOf(3, 1) });
      expect(table.judge(claim(2, 1))).toEqual({ type: "executed", result: resultOf(2, 1) });
    }
  });
});

/** A page that is shorter than its stamp is none, and is not packed. */
function asWritten(page: Uint8Array): Uint8Array {
  return page.length < 8 ? page : packPage(page);
}

describe("pages that no node has written are refused", () => {
  const sessions = withSessions(2);
  for (const sequence of [1, 2]) sessions.executed(claim(1, sequence), resultOf(1, sequence), BigInt(sequence + 1));
  const [rows] = pagesOf(sessions) as [Uint8Array];
  const page = unpackPage(pagesOf(sessions.replies)[0] as Uint8Array);
  const REPLY_BYTES = 80;

  function changed(offset: number, value: number): Uint8Array {
    const copy = page.slice();
    copy[offset] = value;
    return copy;
  }

  /** Its replies are of a session before. */
  function unnumbered(): Uint8Array {
    const copy = changed(8 + 8, 0);
    copy[8 + REPLY_BYTES + 8] = 0;
    return copy;
  }

  function twice(): Uint8Array {
    return new Uint8Array([...page, ...page.subarray(8)]);
  }

  test.each<[string, Uint8Array[]]>([
    ["without a stamp", [page.slice(0, 7)]],
    ["two of one stamp", [page, page]],
    ["a result with more than it says", [changed(8 + 4, 17)]],
    ["a result with nothing", [new Uint8Array([...changed(8 + 4, 0).slice(0, 64), ...page.subarray(8 + REPLY_BYTES)])]],
    ["of a slot that is not there", [changed(8, 2)]],
    ["a number above those of its session", [changed(8 + 8, 9)]],
    ["a sequence above those of its session", [changed(8 + 16, 3)]],
    ["the same replies twice", [twice()]],
    ["one of which nothing counts, behind which another begins", [unnumbered(), changed(0, 2)]],
  ])("%s", (_name, pages) => {
    expect(refusalOf(() => load([rows], pages.map(asWritten)), page)).toBe("malformed_body");
  });

  test("free, with something in it", () => {
    const packed = packPage(page);
    packed[0] = 0;
    expect(refusalOf(() => load([rows], [packed]), packed)).toBe("malformed_body");
  });
});
