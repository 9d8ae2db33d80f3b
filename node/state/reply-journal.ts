/**
 * What sessions have answered, as flat bytes in the order of execution, of all sessions together: a checkpoint writes what
 * was answered since the one before, however many sessions there are and however much each of them remembers. How the pages
 * look there and here is in `reply-page.ts`.
 *
 * Replies are only ever appended, to the page with the highest stamp. Which of them still count, and which have a result, the
 * sessions know. A page of which nothing counts is free, and is used again; where most of what the pages hold counts no
 * more, those with the most of that are emptied: what counts is appended again. When that is due follows from what was
 * executed alone, so all nodes have the same pages.
 */
import { assert, must } from "../base/assert.ts";
import { readU32, readU64Number, writeU32, writeU64Number } from "../base/bytes.ts";
import { DirtyPages, type Paged } from "../base/paged.ts";
import {
  ALIGNMENT,
  checkReplies,
  HASH_AT,
  HASH_BYTES,
  HEADER_BYTES,
  LENGTH_AT,
  malformed,
  NUMBER_AT,
  PAGE_BYTES,
  packPage,
  RESULT_AT,
  SEQUENCE_AT,
  sizeAt,
  sizeOf,
  unpackPage,
} from "./reply-page.ts";

const PLACES_PER_PAGE: number = PAGE_BYTES / ALIGNMENT;
const FIRST_CAPACITY = 1_024;
/** Bytes that may count no more without anything being moved. */
const SLACK_BYTES: number = 16 * PAGE_BYTES;
const NO_PAGE = -1;
const FREE = { bytes: new Uint8Array(HEADER_BYTES), used: HEADER_BYTES };

/** Where a reply stands; 0 for nowhere. */
export type Place = number;
export const NOWHERE: Place = 0;

export interface Reply {
  /** Of its session. */
  readonly slot: number;
  /** Counts what was executed in the slot: of two replies the later one has the higher number. */
  readonly number: number;
  readonly sequence: number;
  readonly transactionHash: Uint8Array;
  readonly result: Uint8Array;
}

/** What the sessions say of a reply: nothing, that it was given, or what it was. */
type Standing = "gone" | "known" | "kept";

/** The sessions, who know where their replies stand. */
export interface ReplyOwners {
  standing(slot: number, sequence: number, place: Place): Standing;
  /** A reply stands elsewhere now. */
  moved(slot: number, sequence: number, to: Place): void;
  /** A reply was found in a checkpoint; throws `WireError` where another stands in its stead. */
  found(reply: Pick<Reply, "slot" | "number" | "sequence">, resultBytes: number, place: Place): Standing;
}

interface Page {
  readonly stamp: number;
  bytes: Uint8Array;
  used: number;
  /** Of the replies that count, with the results that are kept. */
  live: number;
}

export class ReplyJournal implements Paged {
  readonly name = "replies";
  readonly #owners: ReplyOwners;
  /** Undefined where one is free. */
  readonly #pages: (Page | undefined)[] = [];
  #head = NO_PAGE;
  /** Of all pages. */
  #used = 0;
  #live = 0;
  readonly #dirty = new DirtyPages();

  constructor(owners: ReplyOwners) {
    this.#owners = owners;
  }

  /** Appends a reply, which counts from now on; others may have been moved before it. */
  add({ slot, number, sequence, transactionHash, result }: Reply): Place {
    const size = sizeOf(result.length);
    if (!this.#fits(size)) this.#turnPage();
    const place = this.#take(size);
    const { bytes } = this.#pageOf(place);
    const at = offsetOf(place);
    writeU32(bytes, at, slot);
    writeU32(bytes, at + LENGTH_AT, result.length);
    writeU64Number(bytes, at + NUMBER_AT, number);
    writeU64Number(bytes, at + SEQUENCE_AT, sequence);
    bytes.set(transactionHash, at + HASH_AT);
    bytes.set(result, at + RESULT_AT);
    return place;
  }

  sequenceAt(place: Place): number {
    return readU64Number(this.#pageOf(place).bytes, offsetOf(place) + SEQUENCE_AT);
  }

  numberAt(place: Place): number {
    return readU64Number(this.#pageOf(place).bytes, offsetOf(place) + NUMBER_AT);
  }

  /** Whether the reply is one to this transaction. */
  isTo(place: Place, transactionHash: Uint8Array): boolean {
    const { bytes } = this.#pageOf(place);
    const at = offsetOf(place) + HASH_AT;
    for (let i = 0; i < HASH_BYTES; i++) if (bytes[at + i] !== transactionHash[i]) return false;
    return true;
  }

  /** Bytes of the result, of a reply that has one. */
  resultBytes(place: Place): number {
    return readU32(this.#pageOf(place).bytes, offsetOf(place) + LENGTH_AT);
  }

  result(place: Place): Uint8Array {
    const at = offsetOf(place) + RESULT_AT;
    return this.#pageOf(place).bytes.slice(at, at + this.resultBytes(place));
  }

  /** A result counts no more; that there was a reply, does. */
  drop(place: Place): void {
    this.#bury(place, sizeOf(this.resultBytes(place)) - RESULT_AT);
  }

  /** A reply counts no more, which had its result or not. */
  forget(place: Place, standing: Exclude<Standing, "gone">): void {
    this.#bury(place, standing === "kept" ? sizeOf(this.resultBytes(place)) : RESULT_AT);
  }

  pageCount(): number {
    return this.#pages.length;
  }

  dirtyPages(): readonly number[] {
    return this.#dirty.sorted();
  }

  encodePage(page: number): Uint8Array {
    const { bytes, used } = this.#pages[page] ?? FREE;
    return packPage(bytes.subarray(0, used));
  }

  markClean(): void {
    this.#dirty.clear();
  }

  decodePage(_page: number, encoded: Uint8Array): void {
    const stamp = encoded.length < HEADER_BYTES ? -1 : readU64Number(encoded, 0);
    if (!Number.isSafeInteger(stamp) || stamp < 0) throw malformed("a page has no stamp");
    if (stamp === 0 && encoded.length > HEADER_BYTES) throw malformed("a free page is not empty");
    const bytes = unpackPage(encoded);
    checkReplies(bytes);
    this.#pages.push(stamp === 0 ? undefined : { stamp, bytes, used: bytes.length, live: 0 });
  }

  /** After the sessions were taken back, too: each gets its replies. */
  restored(): void {
    const pages = this.#pages.flatMap((page, index) => (page === undefined ? [] : [{ page, index }]));
    pages.sort((a, b) => a.page.stamp - b.page.stamp);
    this.#head = pages.at(-1)?.index ?? NO_PAGE;
    pages.forEach(({ page, index }, at) => {
      if (page.stamp === pages[at - 1]?.page.stamp) throw malformed("two pages have one stamp");
      page.live = this.#claim(index, page);
      if (page.live === 0 && index !== this.#head) throw malformed("a page of which nothing counts is not free");
      this.#live += page.live;
      this.#used += page.used;
    });
  }

  /** Has the sessions find the replies of a page; the bytes that count. */
  #claim(index: number, { bytes, used }: Page): number {
    let live = 0;
    for (let at = HEADER_BYTES; at < used; at += sizeAt(bytes, at)) {
      const reply = { slot: readU32(bytes, at), number: readU64Number(bytes, at + NUMBER_AT) };
      const place = placeOf(index, at);
      const sequence = readU64Number(bytes, at + SEQUENCE_AT);
      const standing = this.#owners.found({ ...reply, sequence }, readU32(bytes, at + LENGTH_AT), place);
      live += bytesThatCount(standing, bytes, at);
    }
    return live;
  }

  #pageOf(place: Place): Page {
    return must(this.#pages[Math.floor((place - 1) / PLACES_PER_PAGE)], "a reply stands in a page");
  }

  #fits(size: number): boolean {
    const head = this.#pages[this.#head];
    return head !== undefined && (head.used === HEADER_BYTES || head.used + size <= PAGE_BYTES);
  }

  /** Takes bytes at the end. */
  #take(size: number): Place {
    if (!this.#fits(size)) this.#beginPage();
    const head = must(this.#pages[this.#head], "there is a page to append to");
    const at = head.used;
    if (at + size > head.bytes.length) head.bytes = widened(head.bytes, at + size);
    head.used += size;
    head.live += size;
    this.#used += size;
    this.#live += size;
    this.#dirty.mark(this.#head);
    return placeOf(this.#head, at);
  }

  #beginPage(): void {
    const before = this.#head;
    const stamp = (this.#pages[before]?.stamp ?? 0) + 1;
    const free = this.#pages.indexOf(undefined);
    this.#head = free < 0 ? this.#pages.length : free;
    const bytes = new Uint8Array(FIRST_CAPACITY);
    writeU64Number(bytes, 0, stamp);
    this.#pages[this.#head] = { stamp, bytes, used: HEADER_BYTES, live: 0 };
    this.#used += HEADER_BYTES;
    this.#dirty.mark(this.#head);
    if (before !== NO_PAGE) this.#freeUnused(before);
  }

  /** Begins a page, and empties others while more than half of all bytes count no more. */
  #turnPage(): void {
    this.#beginPage();
    while (this.#used > 2 * this.#live + SLACK_BYTES) this.#emptyPage(this.#mostWasteful());
  }

  #mostWasteful(): number {
    let most = NO_PAGE;
    let waste = 0;
    for (const [index, page] of this.#pages.entries()) {
      if (page === undefined || index === this.#head || page.used - page.live <= waste) continue;
      most = index;
      waste = page.used - page.live;
    }
    return most;
  }

  /** Appends what counts of a page again. */
  #emptyPage(index: number): void {
    const page = must(this.#pages[index], "a page is emptied that there is");
    const { bytes, used } = page;
    for (let at = HEADER_BYTES; at < used; at += sizeAt(bytes, at)) {
      const slot = readU32(bytes, at);
      const sequence = readU64Number(bytes, at + SEQUENCE_AT);
      const standing = this.#owners.standing(slot, sequence, placeOf(index, at));
      const size = bytesThatCount(standing, bytes, at);
      if (size === 0) continue;
      const to = this.#take(size);
      const { bytes: head } = this.#pageOf(to);
      head.set(bytes.subarray(at, at + size), offsetOf(to));
      if (standing === "known") writeU32(head, offsetOf(to) + LENGTH_AT, 0);
      this.#owners.moved(slot, sequence, to);
      page.live -= size;
      this.#live -= size;
    }
    assert(page.live === 0, "what counts of a page is known");
    this.#freeUnused(index);
  }

  #bury(place: Place, bytes: number): void {
    const page = this.#pageOf(place);
    page.live -= bytes;
    this.#live -= bytes;
    this.#freeUnused(Math.floor((place - 1) / PLACES_PER_PAGE));
  }

  #freeUnused(index: number): void {
    const page = this.#pages[index];
    if (page === undefined || page.live > 0 || index === this.#head) return;
    this.#used -= page.used;
    this.#pages[index] = undefined;
    this.#dirty.mark(index);
  }
}

function placeOf(page: number, offset: number): Place {
  return page * PLACES_PER_PAGE + offset / ALIGNMENT + 1;
}

function offsetOf(place: Place): number {
  return ((place - 1) % PLACES_PER_PAGE) * ALIGNMENT;
}

function bytesThatCount(standing: Standing, bytes: Uint8Array, at: number): number {
  if (standing === "gone") return 0;
  return standing === "kept" ? sizeAt(bytes, at) : RESULT_AT;
}

function widened(bytes: Uint8Array, least: number): Uint8Array {
  const wider = new Uint8Array(Math.max(least, Math.min(2 * bytes.length, PAGE_BYTES)));
  wider.set(bytes);
  return wider;
}
