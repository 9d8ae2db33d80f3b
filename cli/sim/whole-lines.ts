/** The lines of a file that may be larger than memory, one by one; one that is not ended is left out. */
import { closeSync, openSync, readSync } from "node:fs";
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
