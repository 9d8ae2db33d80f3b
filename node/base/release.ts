/**
 * Releases: a whole number that says what blocks and pages of checkpoints look like and mean. A cluster is at the release
 * of its last block, which never falls; a node reads all releases from the first to its own newest. That is the newest one
 * that its program knows, or less where its operator holds an upgrade back.
 *
 *   1 the first
 *   2 a block's header names the node that built it; the page `stand` of a checkpoint names the release of the last block
 *   3 a change of members may make voters learners again (`demote`); before, its body has no such field
 *   4 participants stand apart: a window that closes is tried before those that failed, and none settles with the hub itself
 */
import { CodedError } from "./errors.ts";

export const FIRST_RELEASE = 1;
/** The newest that this program knows. */
export const NEWEST_RELEASE = 4;
/** From here on a change of members may make voters learners again. */
export const DEMOTING_RELEASE = 3;
/** From here on what one participant lacks for its settlement is no other's trouble. */
export const APART_RELEASE = 4;
/** What a block's header has room for. */
export const RELEASE_MAX = 0xffff;

/** What is wrong with something of a release above what a node reads, and what an operator can do about it. */
export function releaseTooNew(release: number, releaseMax: number): string {
  const remedy =
    release > NEWEST_RELEASE
      ? `this program knows none above ${NEWEST_RELEASE}: use a newer one`
      : "its configuration holds it back: raise or remove releaseMax there";
  return `of release ${release}, and this node reads up to release ${releaseMax}; ${remedy}`;
}

/** The error with which a node refuses its own data, or a peer's checkpoint, that it does not read. */
export function releaseError(what: string, release: number, releaseMax: number): CodedError {
  return new CodedError("release_too_new", `${what} is ${releaseTooNew(release, releaseMax)}`, { release, releaseMax });
}

/** Whether an error is such a one. */
export function isTooNew(error: unknown): error is CodedError {
  return error instanceof CodedError && error.code === "release_too_new";
}
