/**
 * Which files of a LevelDB directory are the database, by what `CURRENT` and the manifest say: tables, and the logs behind
 * them. Formats: LevelDB's doc/impl.md and db/version_edit.cc.
 */
import { logRecords } from "./level-log.ts";

const COMPARATOR = 1;
const LOG_NUMBER = 2;
const COMPACT_POINTER = 5;
const DELETED_FILE = 6;
const NEW_FILE = 7;
/** Each of one number. */
const NUMBERS: readonly number[] = [LOG_NUMBER, 3, 4, 9];

export interface LiveFiles {
  /** Numbers of the tables. */
  readonly tables: ReadonlySet<number>;
  /** Logs from this number on count. */
  readonly firstLog: number;
}

/** What a manifest says, as far as it is sound and says what is known here. */
export function liveFiles(manifest: Uint8Array): LiveFiles {
  const edits = new Edits();
  for (const record of logRecords(manifest)) if (!edits.take(record)) break;
  return edits;
}

class Edits implements LiveFiles {
  readonly tables = new Set<number>();
  firstLog = 0;

  /** Whether the record is an edit of the kind that is known. */
  take(record: Uint8Array): boolean {
    const reader = new EditReader(record);
    while (!reader.isAtEnd) {
      const tag = reader.number();
      if (NUMBERS.includes(tag)) {
        const value = reader.number();
        if (tag === LOG_NUMBER) this.firstLog = value;
      } else if (tag === COMPARATOR) reader.skip();
      else if (tag === COMPACT_POINTER) {
        reader.number();
        reader.skip();
      } else if (tag === DELETED_FILE) {
        reader.number();
        this.tables.delete(reader.number());
      } else if (tag === NEW_FILE) {
        reader.number();
        this.tables.add(reader.number());
        reader.number();
        reader.skip();
        reader.skip();
      } else return false;
    }
    return true;
  }
}

/** Numbers of seven bits a byte, the lowest first, and texts behind their length. */
class EditReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(): number {
    let value = 0;
    for (let factor = 1; !this.isAtEnd; factor *= 128) {
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 127) * factor;
      if (byte < 128) break;
    }
    return value;
  }

  skip(): void {
    const length = this.number();
    this.#at += length;
  }
}
