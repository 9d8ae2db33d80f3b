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
import { pack, unpack } from "../wire/msgpack.ts";
import { RESULT_BYTES_MAX, type Refusal } from "../wire/results.ts";
import { bytes, bytesBetween, check, safeInteger, tuple, u32, u64 } from "../wire/schema.ts";
import { PAGE_REPLY_BYTES_MAX, Replies } from "./replies.ts";
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
  readonly replies: Replies;
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

const sessionSchema = tuple(bytes(16), bytes(32), u32, u64, safeInteger, bytesBetween(0, PAGE_REPLY_BYTES_MAX));

assert(RESULT_BYTES_MAX <= SESSION_REPLY_BYTES_MAX, "a session must be able to keep its newest result");

/** How many sessions a table keeps, of all and of one authority. */
export interface SessionBounds {
  readonly total: number;
  readonly perAuthority: number;
}

export class Sessions implements Paged {
  readonly name = "sessions";
  readonly #bounds: SessionBounds;
  /** One session a slot and a page; slots are reused when a session is forgotten. */
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
    this.#slots[slot] = { authority, lastUsed: now, highest: 0, replies: new Replies(), ...names };
    this.#enter(slot);
    this.#dirty.mark(slot);
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
    const { replies } = session;
    const reply = replies.find(claim.sequence);
    if (reply >= 0) {
      if (!replies.isTo(reply, claim.transactionHash)) return { type: "refused", code: "sequence_reused" };
      const result = replies.result(reply);
      return result === undefined ? { type: "refused", code: "sequence_too_old" } : { type: "executed", result };
    }
    if (claim.sequence <= session.highest - SESSION_WINDOW) return { type: "refused", code: "sequence_too_old" };
    if (claim.sequence > session.highest + SESSION_WINDOW) return { type: "refused", code: "sequence_too_new" };
    return { type: "fresh" };
  }

  /** Stores the result of a transaction that was just executed. */
  executed(claim: SessionClaim, result: Uint8Array, now: bigint): void {
    const session = must(this.#find(claim.session), "a transaction was executed in a session that is not open");
    const { replies } = session;
    assert(replies.find(claim.sequence) < 0, "a sequence number was executed twice");
    assert(result.length > 0 && result.length <= RESULT_BYTES_MAX, "no result has this size");
    session.lastUsed = now;
    if (claim.sequence > session.highest) leaveWindow(session, claim.sequence);
    replies.add(claim.sequence, claim.transactionHash, result);
    while (replies.resultBytes > SESSION_REPLY_BYTES_MAX) replies.dropOldest();
    const slot = this.#found;
    this.#all.requeue(this.#queue, slot);
    this.#own.requeue(this.#ownQueue(session.authority), slot);
    this.#dirty.mark(slot);
  }

  pageCount(): number {
    return this.#slots.length;
  }

  dirtyPages(): readonly number[] {
    return this.#dirty.sorted();
  }

  encodePage(page: number): Uint8Array {
    const { id, publicKey, authority, lastUsed, highest, replies } = must(this.#slots[page], "no such session");
    return pack([id, publicKey, authority, lastUsed, highest, replies.encode()]);
  }

  markClean(): void {
    this.#dirty.clear();
  }

  decodePage(_page: number, encoded: Uint8Array): void {
    const fields = check(sessionSchema, unpack(encoded), "malformed_body");
    const [id, publicKey, authority, lastUsed, highest, encodedReplies] = fields;
    const replies = Replies.decode(encodedReplies, highest);
    this.#slots.push({ id, name: nameOf(id), publicKey, authority, lastUsed, highest, replies });
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
    return oldest;
  }
}

/** Forgets what is behind the window when its upper edge goes up to `highest`. */
function leaveWindow(session: Session, highest: number): void {
  for (let sequence = session.highest - SESSION_WINDOW + 1; sequence <= highest - SESSION_WINDOW; sequence++) {
    session.replies.forget(sequence);
  }
  session.highest = highest;
}
