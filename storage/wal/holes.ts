/**
 * What a damaged log has lost: the chain says it, from the newest record backwards. A record that is not there, or is not
 * what the one behind it names, is lost; below it the next one that is there is believed, until others say otherwise.
 */
import { equalBytes } from "../../node/base/bytes.ts";
import { damaged } from "./faults.ts";
import type { Survey } from "./survey.ts";

/** Records that are lost, both ends included. */
export interface Hole {
  readonly from: number;
  readonly to: number;
  /** Of the last record in it; undefined where the log ends with the hole, or later. */
  readonly hash: Uint8Array | undefined;
}

/**
 * The holes of a log that reached up to `lastIndex`, ascending. Records that are not of the chain are taken out of the survey,
 * and their files are broken. Throws `StorageError` where the log does not follow what it begins behind.
 */
export function findHoles({ start, newestIndex, records, links }: Survey, lastIndex: number): Hole[] {
  const firstIndex = (start?.index ?? 0) + 1;
  const holes: Hole[] = [];
  if (newestIndex < lastIndex) holes.push({ from: newestIndex + 1, to: lastIndex, hash: undefined });
  let hash: Uint8Array | undefined;
  let to: number | undefined;
  for (let index = newestIndex; index >= firstIndex; index--) {
    const found = records.get(index);
    const isSound = found !== undefined && (to !== undefined || hash === undefined || equalBytes(found.hash, hash));
    if (!isSound) {
      if (found !== undefined) found.segment.isBroken = true;
      records.delete(index);
      to ??= index;
      continue;
    }
    if (to !== undefined) holes.unshift({ from: index + 1, to, hash });
    to = undefined;
    hash = links.get(index) ?? records.hash(index - 1);
  }
  const joins = to !== undefined || hash === undefined || start === undefined || equalBytes(hash, start.hash);
  if (!joins) throw damaged({ path: records.get(firstIndex)?.segment.path ?? "", offset: 0, index: firstIndex });
  if (to !== undefined) holes.unshift({ from: firstIndex, to, hash });
  return holes;
}
