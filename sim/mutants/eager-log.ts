/** A log that reports appends durable at once, before any sync. */
import type { LogStart, LogStore, WalRecord } from "../../storage/wal/log-store.ts";

export class EagerLog implements LogStore {
  readonly #log: LogStore;

  constructor(log: LogStore) {
    this.#log = log;
  }

  get recovery(): LogStore["recovery"] {
    return this.#log.recovery;
  }

  firstIndex(): number {
    return this.#log.firstIndex();
  }

  lastIndex(): number {
    return this.#log.lastIndex();
  }

  durableIndex(): number {
    return this.#log.lastIndex();
  }

  term(index: number): number | undefined {
    return this.#log.term(index);
  }

  hash(index: number): Uint8Array | undefined {
    return this.#log.hash(index);
  }

  read(from: number, to: number, bytesMax: number): readonly WalRecord[] {
    return this.#log.read(from, to, bytesMax);
  }

  cachedBytes(): number {
    return this.#log.cachedBytes();
  }

  check(index: number): number {
    return index <= this.#log.durableIndex() ? this.#log.check(index) : 0;
  }

  repair(record: WalRecord, done: (isSound: boolean) => void): void {
    this.#log.repair(record, done);
  }

  checkCopies(): ReturnType<LogStore["checkCopies"]> {
    return this.#log.checkCopies();
  }

  rewriteCopies(done: (isSound: boolean) => void): void {
    this.#log.rewriteCopies(done);
  }

  append(records: readonly WalRecord[], done: () => void): void {
    this.#log.append(records, () => {});
    done();
  }

  truncate(from: number, done: () => void): void {
    this.#log.truncate(from, done);
  }

  compactTo(index: number): void {
    this.#log.compactTo(index);
  }

  bytesBefore(index: number): number {
    return this.#log.bytesBefore(index);
  }

  reset(start: LogStart, done: () => void): void {
    this.#log.reset(start, done);
  }

  isFull(): boolean {
    return this.#log.isFull();
  }

  retry(): void {
    this.#log.retry();
  }

  isIdle(): boolean {
    return this.#log.isIdle();
  }

  close(): void {
    this.#log.close();
  }
}
