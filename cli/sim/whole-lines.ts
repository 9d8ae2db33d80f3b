/** The lines of a file that may be larger than memory, one by one; one that is not ended is left out. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";

const PIECE_BYTES = 1_048_576;

export function* wholeLines(path: string): Generator<string> {
  const file = openSync(path, "r");
  try {
    const piece = Buffer.alloc(PIECE_BYTES);
    const decoder = new StringDecoder("utf8");
    let begun = "";
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) {
      const [first = "", ...more] = decoder.write(piece.subarray(0, read)).split("\n");
      begun += first;
      for (const next of more) {
        yield begun;
        begun = next;
      }
    }
  } finally {
    closeSync(file);
  }
}

/** How many bytes of a file they are together. */
export function wholeBytes(path: string): number {
  const file = openSync(path, "r");
  try {
    const piece = Buffer.alloc(PIECE_BYTES);
    for (let end = fstatSync(file).size; end > 0; end -= PIECE_BYTES) {
      const begin = Math.max(0, end - PIECE_BYTES);
      const read = readSync(file, piece, 0, end - begin, begin);
      const last = piece.subarray(0, read).lastIndexOf("\n");
      if (last >= 0) return begin + last + 1;
    }
    return 0;
  } finally {
    closeSync(file);
  }
}
