/** Releases that are begun before everybody reads them. */
import type { ReleaseChoice } from "../../node/replica/next-release.ts";

/** A leader goes on to the newest release that it knows itself, whoever has said what. */
export function asksNobody({ before, own }: ReleaseChoice): number {
  return Math.max(before, own);
}
