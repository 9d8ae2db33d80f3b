/**
 * An inquiry: a member has said another digest of a height than this node has, and all members are asked what they have.
 * One of them can be wrong, or lie, and so can this node; a quorum is believed. Learners are asked, too, and do not count: where
 * they are down, voters can find who is right without them.
 *
 * Digests are a chain. Whoever has this node's digest of a later height has its digest of this one, though it may not
 * remember that any more.
 */
import { equalBytes, toHex } from "../base/bytes.ts";
import type { Configuration } from "../base/configuration.ts";
import type { NodeId } from "../base/ids.ts";
import { isQuorum } from "../base/quorum.ts";
import type { DigestAt } from "./frames.ts";

/** What a quorum has: this node's digest, or one other, in hexadecimal, and who has it. */
export type Finding =
  | { readonly isRight: true }
  | { readonly isRight: false; readonly theirs: string; readonly members: readonly NodeId[] };

/** A member that has another digest than this node. */
export interface Contradiction {
  readonly member: NodeId;
  readonly theirs: string;
}

export class DigestInquiry {
  readonly #own: DigestAt;
  readonly #mine: string;
  /** The last that each other member has said of the height, in hexadecimal. */
  readonly #said = new Map<NodeId, string>();

  /** `own` is what this node has at the height that is inquired into. */
  constructor(own: DigestAt) {
    this.#own = own;
    this.#mine = toHex(own.digest);
  }

  get own(): DigestAt {
    return this.#own;
  }

  /** Those that have another digest now. */
  get contradictions(): readonly Contradiction[] {
    return [...this.#said].flatMap(([member, theirs]) => (theirs === this.#mine ? [] : [{ member, theirs }]));
  }

  /** A member has said a digest; `mine` is this node's own at that height, if it has one. */
  heard(member: NodeId, { height, digest }: DigestAt, mine: Uint8Array | undefined): void {
    if (height === this.#own.height) this.#said.set(member, toHex(digest));
    else if (height > this.#own.height && mine !== undefined && equalBytes(mine, digest))
      this.#said.set(member, this.#mine);
  }

  /** What a member has said counts no more. */
  forget(member: NodeId): void {
    this.#said.delete(member);
  }

  /** What a quorum of the voters among these members has; undefined while nobody knows. */
  finding(members: readonly NodeId[], configuration: Configuration, self: NodeId): Finding | undefined {
    const byDigest = new Map<string, NodeId[]>();
    for (const member of members) {
      const said = member === self ? this.#mine : this.#said.get(member);
      if (said !== undefined) byDigest.set(said, [...(byDigest.get(said) ?? []), member]);
    }
    const found = [...byDigest].find(([, of]) => isQuorum(configuration, (voter) => of.includes(voter)));
    if (found === undefined) return undefined;
    const [digest, of] = found;
    return digest === this.#mine ? { isRight: true } : { isRight: false, theirs: digest, members: of };
  }
}
