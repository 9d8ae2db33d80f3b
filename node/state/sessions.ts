/**
 * Sessions make execution exactly-once: a client numbers its transactions, and the cluster remembers what it answered
 * (Ongaro's dissertation, section 6.3). A retry gets the stored result, byte for byte, and nothing runs again.
 *
 * A session remembers the last SESSION_WINDOW sequence numbers, so requests may overtake each other within the window.
 * It keeps at most SESSION_REPLY_BYTES_MAX of results: of those executed longest ago it only remembers that they were,
 * and answers a retry with `sequence_too_old`.
 *
 * A session may be forgotten only when every transaction it ever executed has expired: then a late retry is refused as
 * expired and can never run a second time. An authority that has its share of the table forgets one of its own for a new
 * one, the longest unused; only where the whole table is full the longest unused of all goes.
 *
 * What was answered stands in a journal of all sessions (`reply-journal.ts`); a session knows where.
 *
 * Sessions are not part of the effects: block hash and result root already bind what they do.
 */
import { assert, must } from "../base/assert.ts";
import { equalBytes, nameOf } from "../base/bytes.ts";
import {
  SESSION_REPLY_BYTES_MAX,
  SESSION_WINDOW,
  SESSIONS_MAX,
  SESSIONS_PER_AUTHORITY_MAX,
  TRANSACTION_LIFETIME_MAX_NS,
} from "../base/limits.ts";
import { DirtyPages, type Paged } from "../base/paged.ts";
import { unpack } from "../wire/msgpack.ts";
import { packing } from "../wire/pack-writer.ts";
import { RESULT_BYTES_MAX, type Refusal } from "../wire/results.ts";
import { bytes, check, list, safeInteger, tuple, u32, u64 } from "../wire/schema.ts";
import { NOWHERE, type Place, ReplyJournal, type ReplyOwners } from "./reply-journal.ts";
import { malformed } from "./reply-page.ts";
import { emptyQueue, type SlotQueue, SlotQueues } from "./slot-queues.ts";

interface Session {
  readonly id: Uint8Array;
  /** Of its id. */
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly authority: number;
  /** Log time of the newest executed transaction, nanoseconds. */
  lastUsed: bigint;
  /** Highest sequence executed. */
  highest: number;
  /** Transactions that were executed in the slot, by this session and those before it: the number of the newest reply. */
  executed: number;
  /** Number of the first reply of this session, and of the first that may still have its result. */
  readonly first: number;
  firstKept: number;
  /** Where the replies in the window stand, by the lower bits of their sequences. */
  readonly places: Uint32Array;
  /** Bytes of all the results that are kept. */
  resultBytes: number;
}

/** Where a transaction claims to stand. */
export interface SessionClaim {
  readonly session: Uint8Array;
  readonly sequence: number;
  readonly publicKey: Uint8Array;
  readonly transactionHash: Uint8Array;
}

/** What a session says to a transaction: a refusal, the answer it had before, or nothing against executing it. */
export type SessionVerdict =
  | { readonly type: "refused"; readonly code: Refusal }
  | { readonly type: "executed"; readonly result: Uint8Array }
  | { readonly type: "fresh" };

/** Why a session is not opened; of `session_limit` it says whose sessions are too many. */
export type OpenRefusal =
  | { readonly code: "session_key_mismatch" }
  | { readonly code: "session_limit"; readonly what: "authority" | "cluster" };

const ROWS_PER_PAGE = 64;
const rowSchema = tuple(bytes(16), bytes(32), u32, u64, safeInteger, safeInteger, safeInteger, safeInteger);
const pageSchema = list(rowSchema, ROWS_PER_PAGE);

assert((SESSION_WINDOW & (SESSION_WINDOW - 1)) === 0, "places in the window are found by masking");
assert(RESULT_BYTES_MAX <= SESSION_REPLY_BYTES_MAX, "a session must be able to keep its newest result");

/** How many sessions a table keeps, of all and of one authority. */
export interface SessionBounds {
  readonly total: number;
  readonly perAuthority: number;
}

export class Sessions implements Paged {
  readonly name = "sessions";
  /** What they have answered: a component of its own. */
  readonly replies: ReplyJournal;
  readonly #bounds: SessionBounds;
  /** One session a slot; slots are reused when a session is forgotten. */
  readonly #slots: Session[] = [];
  readonly #slotOf = new Map<string, number>();
  /** The slot that was found last: what is judged is executed next. */
  #found = 0;
  /** All slots, least recently used first; and by authority. */
  readonly #all = new SlotQueues();
  readonly #queue = emptyQueue();
  readonly #own = new SlotQueues();
  readonly #queueOf = new Map<number, SlotQueue>();
  readonly #dirty = new DirtyPages();

  constructor(bounds: SessionBounds = { total: SESSIONS_MAX, perAuthority: SESSIONS_PER_AUTHORITY_MAX }) {
    this.#bounds = bounds;
    this.replies = new ReplyJournal(this.#owners());
  }

  get count(): number {
    return this.#slots.length;
  }

  /** Registers a session. Opening the same one again with the same key changes nothing. */
  open(claim: SessionClaim, authority: number, now: bigint): OpenRefusal | undefined {
    const { session: id, publicKey } = claim;
    const known = this.#find(id);
    if (known !== undefined)
      return equalBytes(known.publicKey, publicKey) ? undefined : { code: "session_key_mismatch" };
    const slot = this.#takeSlot(authority, now);
    if (typeof slot === "object") return slot;
    // Copies: what a claim holds are views into the whole block, which a session would keep in memory as long as it lives.
    const names = { id: id.slice(), name: nameOf(id), publicKey: publicKey.slice() };
    const executed = this.#slots[slot]?.executed ?? 0;
    const replies = { executed, first: executed + 1, firstKept: executed + 1, resultBytes: 0, places: noPlaces() };
    this.#slots[slot] = { authority, lastUsed: now, highest: 0, ...replies, ...names };
    this.#enter(slot);
    this.#mark(slot);
    return undefined;
  }

  isOpen(id: Uint8Array): boolean {
    return this.#find(id) !== undefined;
  }

  /** Judges a transaction's place in its session. */
  judge(claim: SessionClaim): SessionVerdict {
    const session = this.#find(claim.session);
    if (session === undefined) return { type: "refused", code: "session_unknown" };
    if (!equalBytes(session.publicKey, claim.publicKey)) return { type: "refused", code: "session_key_mismatch" };
    const reply = this.#findReply(session, claim.sequence);
    if (reply !== NOWHERE) {
      if (!this.replies.isTo(reply, claim.transactionHash)) return { type: "refused", code: "sequence_reused" };
      const isKept = this.#standing(session, reply) === "kept";
      return isKept
        ? { type: "executed", result: this.replies.result(reply) }
        : { type: "refused", code: "sequence_too_old" };
    }
    if (claim.sequence <= session.highest - SESSION_WINDOW) return { type: "refused", code: "sequence_too_old" };
    if (claim.sequence > session.highest + SESSION_WINDOW) return { type: "refused", code: "sequence_too_new" };
    return { type: "fresh" };
  }

  /** Stores the result of a transaction that was just executed. */
  executed(claim: SessionClaim, result: Uint8Array, now: bigint): void {
    const session = must(this.#find(claim.session), "a transaction was executed in a session that is not open");
    const { sequence, transactionHash } = claim;
    const slot = this.#found;
    assert(this.#findReply(session, sequence) === NOWHERE, "a sequence number was executed twice");
    assert(result.length > 0 && result.length <= RESULT_BYTES_MAX, "no result has this size");
    session.lastUsed = now;
    if (sequence > session.highest) this.#leaveWindow(session, sequence);
    session.executed += 1;
    const place = this.replies.add({ slot, number: session.executed, sequence, transactionHash, result });
    session.places[windowPlace(sequence)] = place;
    session.resultBytes += result.length;
    while (session.resultBytes > SESSION_REPLY_BYTES_MAX) this.#dropOldest(session);
    this.#all.requeue(this.#queue, slot);
    this.#own.requeue(this.#ownQueue(session.authority), slot);
    this.#mark(slot);
  }

  pageCount(): number {
    return Math.ceil(this.#slots.length / ROWS_PER_PAGE);
  }

  dirtyPages(): readonly number[] {
    return this.#dirty.sorted();
  }

  encodePage(page: number): Uint8Array {
    const from = page * ROWS_PER_PAGE;
    const sessions = this.#slots.slice(from, from + ROWS_PER_PAGE);
    const to = packing().list(sessions.length);
    for (const { id, publicKey, authority, lastUsed, highest, executed, first, firstKept } of sessions) {
      to.list(8).bytes(id).bytes(publicKey).integer(authority).unsigned64(lastUsed);
      to.integer(highest).integer(executed).integer(first).integer(firstKept);
    }
    return to.finish();
  }

  markClean(): void {
    this.#dirty.clear();
  }

  decodePage(_page: number, encoded: Uint8Array): void {
    for (const row of check(pageSchema, unpack(encoded), "malformed_body")) {
      const [id, publicKey, authority, lastUsed, highest, executed, first, firstKept] = row;
      const numbers = { highest, executed, first, firstKept, resultBytes: 0, places: noPlaces() };
      this.#slots.push({ id, name: nameOf(id), publicKey, authority, lastUsed, ...numbers });
    }
  }

  restored(): void {
    const slots = this.#slots.map((session, slot) => ({ session, slot }));
    // Every transaction has a log time of its own, so this order is the one that was.
    slots.sort((a, b) => (a.session.lastUsed < b.session.lastUsed ? -1 : 1));
    for (const { slot } of slots) this.#enter(slot);
  }

  #find(id: Uint8Array): Session | undefined {
    const last = this.#slots[this.#found];
    if (last !== undefined && equalBytes(last.id, id)) return last;
    const slot = this.#slotOf.get(nameOf(id));
    if (slot === undefined) return undefined;
    this.#found = slot;
    return this.#slots[slot];
  }

  #mark(slot: number): void {
    this.#dirty.mark(Math.floor(slot / ROWS_PER_PAGE));
  }

  // Replies

  /** How the journal asks and tells of replies. */
  #owners(): ReplyOwners {
    return {
      standing: (slot, sequence, place) => {
        const session = this.#at(slot);
        return session.places[windowPlace(sequence)] === place ? this.#standing(session, place) : "gone";
      },
      moved: (slot, sequence, to) => {
        this.#at(slot).places[windowPlace(sequence)] = to;
      },
      found: ({ slot, number, sequence }, resultBytes, place) => {
        const session = this.#slots[slot];
        if (session === undefined || number > session.executed) throw malformed("a reply is of no session");
        if (number < session.first || sequence <= session.highest - SESSION_WINDOW) return "gone";
        if (sequence > session.highest) throw malformed("a reply is ahead of its session");
        const at = windowPlace(sequence);
        if (session.places[at] !== NOWHERE) throw malformed("two replies have one place in the window");
        session.places[at] = place;
        if (number < session.firstKept) return "known";
        if (resultBytes === 0) throw malformed("a result is missing");
        session.resultBytes += resultBytes;
        return "kept";
      },
    };
  }

  #findReply({ places }: Session, sequence: number): Place {
    const place = places[windowPlace(sequence)] as Place;
    return place !== NOWHERE && this.replies.sequenceAt(place) === sequence ? place : NOWHERE;
  }

  /** Of a reply that the session has. */
  #standing({ firstKept }: Session, reply: Place): "known" | "kept" {
    return this.replies.numberAt(reply) < firstKept ? "known" : "kept";
  }

  /** Forgets what is behind the window when its upper edge goes up to `highest`. */
  #leaveWindow(session: Session, highest: number): void {
    for (let sequence = session.highest - SESSION_WINDOW + 1; sequence <= highest - SESSION_WINDOW; sequence++) {
      const reply = this.#findReply(session, sequence);
      if (reply !== NOWHERE) this.#forgetReply(session, windowPlace(sequence));
    }
    session.highest = highest;
  }

  #forgetReply(session: Session, at: number): void {
    const reply = session.places[at] as Place;
    const standing = this.#standing(session, reply);
    if (standing === "kept") session.resultBytes -= this.replies.resultBytes(reply);
    this.replies.forget(reply, standing);
    session.places[at] = NOWHERE;
  }

  /** Drops the result of the reply that was executed longest ago of those that have one. */
  #dropOldest(session: Session): void {
    let oldest: Place = NOWHERE;
    let number = Number.POSITIVE_INFINITY;
    for (const place of session.places) {
      if (place === NOWHERE || this.#standing(session, place) === "known") continue;
      const own = this.replies.numberAt(place);
      if (own > number) continue;
      oldest = place;
      number = own;
    }
    assert(oldest !== NOWHERE, "there is a result left to drop");
    session.resultBytes -= this.replies.resultBytes(oldest);
    session.firstKept = number + 1;
    this.replies.drop(oldest);
  }

  #at(slot: number): Session {
    return must(this.#slots[slot], "a session's slot is empty");
  }

  #ownQueue(authority: number): SlotQueue {
    const known = this.#queueOf.get(authority);
    if (known !== undefined) return known;
    const queue = emptyQueue();
    this.#queueOf.set(authority, queue);
    return queue;
  }

  /** A slot becomes the most recently used. */
  #enter(slot: number): void {
    const { name, authority } = this.#at(slot);
    this.#slotOf.set(name, slot);
    this.#all.enter(this.#queue, slot);
    this.#own.enter(this.#ownQueue(authority), slot);
  }

  #leave(slot: number): void {
    const { name, authority } = this.#at(slot);
    this.#slotOf.delete(name);
    this.#all.leave(this.#queue, slot);
    const own = this.#ownQueue(authority);
    this.#own.leave(own, slot);
    if (own.size === 0) this.#queueOf.delete(authority);
  }

  /** A slot for one more session of an authority; that of a session that is forgotten for it, where there must be one. */
  #takeSlot(authority: number, now: bigint): number | OpenRefusal {
    const own = this.#queueOf.get(authority);
    const crowded = own !== undefined && own.size >= this.#bounds.perAuthority;
    if (!crowded && this.#slots.length < this.#bounds.total) return this.#slots.length;
    const oldest = (crowded ? own : this.#queue).first;
    if (this.#at(oldest).lastUsed + TRANSACTION_LIFETIME_MAX_NS >= now) {
      return { code: "session_limit", what: crowded ? "authority" : "cluster" };
    }
    this.#leave(oldest);
    const session = this.#at(oldest);
    session.places.forEach((place, at) => {
      if (place !== NOWHERE) this.#forgetReply(session, at);
    });
    return oldest;
  }
}

function noPlaces(): Uint32Array {
  return new Uint32Array(SESSION_WINDOW);
}

function windowPlace(sequence: number): number {
  return sequence & (SESSION_WINDOW - 1);
}
