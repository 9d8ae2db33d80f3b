/**
 * A disk in memory with a real disk's bad manners: what is not synced may be lost, kept or torn when the power fails.
 *
 * Each file has what is durable and what a reader sees now; operations between the two are pending until a sync that was
 * started after them completes, and so are names until their directory is synced. Completions come through `schedule`,
 * which must keep the order it is called in; after `crash` no earlier completion ever runs. Files longer than what was
 * written read as zeros and cost no memory.
 */
import { assert } from "../node/base/assert.ts";
import { concatBytes } from "../node/base/bytes.ts";
import { type Disk, type DiskDone, DiskError, type DiskFile } from "../node/base/ports/disk.ts";
import type { Random } from "../node/base/ports/random.ts";
import { Content, type Pending, tear } from "./memory-content.ts";

export type DiskOperationKind = "write" | "truncate" | "sync" | "syncDirectory";

/** Runs the completion some time later, in the order scheduled. */
export type ScheduleDisk = (kind: DiskOperationKind, run: () => void) => void;

/** What crashes have done so far. */
export interface CrashCounts {
  lostWrites: number;
  tornWrites: number;
  keptWrites: number;
  /** Files whose creation was lost. */
  lostFiles: number;
  /** Files whose removal was lost. */
  revivedFiles: number;
}

/** What the power's failure does to a write that is not synced, and how much each weighs. */
export interface UnsyncedFates {
  readonly lost: number;
  readonly kept: number;
  readonly torn: number;
}

/** Each is as likely. */
const ALIKE: UnsyncedFates = { lost: 1, kept: 1, torn: 1 };

/** A file, whatever its name. */
interface Inode {
  durable: Content;
  current: Content;
  pending: Pending[];
  /** Offsets that cannot be read, and those of which one read fails. */
  readonly unreadable: number[];
  unreadableOnce: number[];
}

interface InjectedFault {
  readonly kind: DiskOperationKind | "read";
  readonly code: DiskError["code"];
}

export class MemoryDisk implements Disk {
  readonly counts: CrashCounts = { lostWrites: 0, tornWrites: 0, keptWrites: 0, lostFiles: 0, revivedFiles: 0 };
  /** What `freeBytes` answers; nothing else follows from it. */
  free: number = Number.MAX_SAFE_INTEGER;
  /** Every write is refused for want of space, but for what `settle` writes over. */
  isFull = false;
  /** Somebody looks on from outside, and reads all, without the disk taking note. */
  isWatched = false;
  readonly #schedule: ScheduleDisk;
  readonly #unsynced: UnsyncedFates;
  #files = new Map<string, Inode>();
  /** The directory as it will be found after a crash. */
  #durableFiles = new Map<string, Inode>();
  #epoch = 0;
  #fault: InjectedFault | undefined;

  constructor(schedule: ScheduleDisk, unsynced: UnsyncedFates = ALIKE) {
    this.#schedule = schedule;
    this.#unsynced = unsynced;
  }

  list(directory: string): string[] {
    const prefix = `${directory}/`;
    return [...this.#files.keys()]
      .filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length))
      .filter((name) => !name.includes("/"))
      .sort();
  }

  open(path: string, { create }: { readonly create: boolean }): DiskFile {
    const found = this.#files.get(path);
    if (!create && found === undefined) throw new DiskError("disk_not_found", `there is no ${path}`, { path });
    if (create && found !== undefined) throw new DiskError("disk_exists", `there is a ${path} already`, { path });
    const empty = { durable: new Content(), current: new Content(), pending: [], unreadable: [], unreadableOnce: [] };
    const inode: Inode = found ?? empty;
    this.#files.set(path, inode);
    return this.#handle(path, inode);
  }

  remove(path: string): void {
    if (!this.#files.delete(path)) throw new DiskError("disk_not_found", `there is no ${path}`, { path });
  }

  rename(from: string, to: string): void {
    const inode = this.#files.get(from);
    if (inode === undefined) throw new DiskError("disk_not_found", `there is no ${from}`, { path: from });
    this.#files.delete(from);
    this.#files.set(to, inode);
  }

  freeBytes(): number {
    return this.free;
  }

  syncDirectory(directory: string, done: DiskDone): void {
    const files = new Map(this.#files);
    this.#later("syncDirectory", done, { succeed: () => this.#keepNames(directory, files) });
  }

  /** Makes the next operation of a kind fail. */
  failNext(kind: InjectedFault["kind"], code: DiskError["code"]): void {
    this.#fault = { kind, code };
  }

  /** Whether what was made to fail is still to come. */
  get willFail(): boolean {
    return this.#fault !== undefined;
  }

  /** Flips one durable bit. */
  flipBit(path: string, offset: number, bit: number): void {
    const inode = this.#files.get(path);
    assert(inode !== undefined && offset < inode.durable.size, `${path} has no byte ${offset}`);
    const byte = inode.durable.read(offset, 1);
    byte[0] = (byte[0] as number) ^ (1 << bit);
    this.overwrite(path, offset, byte);
  }

  /** What stands there durably is something else from now on. */
  overwrite(path: string, offset: number, bytes: Uint8Array): void {
    const inode = this.#files.get(path);
    assert(inode !== undefined && offset + bytes.length <= inode.durable.size, `${path} is shorter`);
    for (const content of [inode.durable, inode.current]) content.write({ offset, bytes });
  }

  /** A byte cannot be read any more, nor anything along with it, until another file takes the place of this one. */
  spoil(path: string, offset: number): void {
    const inode = this.#files.get(path);
    assert(inode !== undefined, `there is no ${path}`);
    inode.unreadable.push(offset);
  }

  /** The next read of a byte fails, and none after it. */
  spoilOnce(path: string, offset: number): void {
    const inode = this.#files.get(path);
    assert(inode !== undefined, `there is no ${path}`);
    inode.unreadableOnce.push(offset);
  }

  /** Whether a file has bytes that cannot be read, however often. */
  isSpoiled(path: string): boolean {
    return (this.#files.get(path)?.unreadable.length ?? 0) > 0;
  }

  /** All bytes of a file that are durable; none where there is no such file. */
  durableBytes(path: string): Uint8Array {
    const durable = this.#files.get(path)?.durable;
    return durable?.read(0, durable.size) ?? new Uint8Array(0);
  }

  /** A file is gone, durably. */
  vanish(path: string): void {
    this.remove(path);
    this.#durableFiles.delete(path);
  }

  /** Another disk with all that is durable on this one. Nothing that is started there is ever done. */
  copy(): MemoryDisk {
    const copy = new MemoryDisk(() => undefined);
    for (const [path, { durable, unreadable, unreadableOnce }] of this.#durableFiles) {
      const contents = { durable: durable.copy(), current: durable.copy(), pending: [] };
      copy.#files.set(path, { ...contents, unreadable: [...unreadable], unreadableOnce: [...unreadableOnce] });
    }
    copy.#durableFiles = new Map(copy.#files);
    return copy;
  }

  /** The power fails: only what was synced is sure to be there afterwards. */
  crash(random: Random): void {
    this.#epoch += 1;
    this.#fault = undefined;
    const survivors = new Map<string, Inode>();
    for (const path of new Set([...this.#durableFiles.keys(), ...this.#files.keys()])) {
      const inode = this.#survivor(path, random);
      if (inode !== undefined) survivors.set(path, inode);
    }
    for (const inode of survivors.values()) this.#crashFile(inode, random);
    this.#files = survivors;
    this.#durableFiles = new Map(survivors);
  }

  #keepNames(directory: string, files: Iterable<readonly [string, Inode]>): void {
    for (const path of this.#durableFiles.keys()) {
      if (directoryOf(path) === directory) this.#durableFiles.delete(path);
    }
    for (const [path, inode] of files) if (directoryOf(path) === directory) this.#durableFiles.set(path, inode);
  }

  /** The file that bears the name after a crash: a creation or removal that was not synced may or may not be there. */
  #survivor(path: string, random: Random): Inode | undefined {
    const durable = this.#durableFiles.get(path);
    const current = this.#files.get(path);
    if (durable === current) return current;
    const kept = random.below(2) === 0;
    if (!kept && current !== undefined) this.counts.lostFiles += 1;
    if (!kept && durable !== undefined) this.counts.revivedFiles += 1;
    return kept ? current : durable;
  }

  #crashFile(inode: Inode, random: Random): void {
    const { lost, kept, torn } = this.#unsynced;
    for (const operation of inode.pending) {
      if (operation.kind === "truncate") {
        if (random.below(2) === 0) inode.durable.apply(operation);
        continue;
      }
      const fate = random.below(lost + kept + torn);
      if (fate < lost) this.counts.lostWrites += 1;
      else if (fate < lost + kept) {
        this.counts.keptWrites += 1;
        inode.durable.write(operation.write);
      } else {
        this.counts.tornWrites += 1;
        tear(inode.durable, operation.write, random);
      }
    }
    inode.pending = [];
    inode.current = inode.durable.copy();
  }

  #handle(path: string, inode: Inode): DiskFile {
    const start = (operation: Pending, done: DiskDone): void => {
      inode.current.apply(operation);
      inode.pending.push(operation);
      this.#later(operation.kind, done, {});
    };
    return {
      path,
      size: () => inode.current.size,
      read: (offset, length, into) => {
        this.#throwFault("read");
        if (!this.isWatched) throwUnreadable(path, inode, offset, offset + length);
        const bytes = inode.current.read(offset, length);
        if (into === undefined) return bytes;
        into.set(bytes);
        return into.subarray(0, bytes.length);
      },
      write: (offset, chunks, done) => start({ kind: "write", write: { offset, bytes: concatBytes(chunks) } }, done),
      truncate: (size, done) => start({ kind: "truncate", size }, done),
      sync: (done) => this.#sync(inode, done),
      settle: (offset, bytes, size) => {
        const cut: Pending[] = [offset + bytes.length, size].map((end) => ({ kind: "truncate", size: end }));
        for (const operation of [{ kind: "write", write: { offset, bytes: bytes.slice() } } as const, ...cut]) {
          inode.current.apply(operation);
          inode.pending.push(operation);
        }
        const fault = this.#takeFault("sync");
        if (fault === undefined) for (const operation of inode.pending) inode.durable.apply(operation);
        inode.pending = [];
        if (fault !== undefined) throw fault;
        this.#throwFault("syncDirectory");
        this.#keepNames(directoryOf(path), this.#files);
      },
      close: () => {},
    };
  }

  /** A sync that fails takes what it should have made durable for written, as a real system does: it never will be. */
  #sync(inode: Inode, done: DiskDone): void {
    const covered = new Set(inode.pending);
    const forget = (): void => {
      inode.pending = inode.pending.filter((operation) => !covered.has(operation));
    };
    this.#later("sync", done, {
      succeed: () => {
        for (const operation of covered) if (inode.pending.includes(operation)) inode.durable.apply(operation);
        forget();
      },
      fail: forget,
    });
  }

  #later(kind: DiskOperationKind, done: DiskDone, effect: { succeed?: () => void; fail?: () => void }): void {
    const epoch = this.#epoch;
    const fault = this.#takeFault(kind);
    this.#schedule(kind, () => {
      if (epoch !== this.#epoch) return;
      if (fault === undefined) effect.succeed?.();
      else effect.fail?.();
      done(fault);
    });
  }

  #throwFault(kind: InjectedFault["kind"]): void {
    const fault = this.#takeFault(kind);
    if (fault !== undefined) throw fault;
  }

  #takeFault(kind: InjectedFault["kind"]): DiskError | undefined {
    if (this.#fault?.kind !== kind) {
      return this.isFull && kind === "write" ? new DiskError("disk_full", "there is no space") : undefined;
    }
    const { code } = this.#fault;
    this.#fault = undefined;
    return new DiskError(code, `injected ${code} on ${kind}`);
  }
}

/** What fails once is read the next time. */
function throwUnreadable(path: string, inode: Inode, from: number, to: number): void {
  const isWithin = (at: number): boolean => at >= from && at < to;
  const fails = [...inode.unreadable, ...inode.unreadableOnce].some(isWithin);
  inode.unreadableOnce = inode.unreadableOnce.filter((at) => !isWithin(at));
  if (fails) throw new DiskError("disk_io", `${path} cannot be read`, { path });
}

function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
