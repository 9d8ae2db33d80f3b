/**
 * Does everybody hold the same state? What others say of theirs is held against this node's own digests.
 *
 * Equal height and unequal digest means that somebody has computed something wrong, or lies. No single member's word is
 * taken for it: all are asked, and what a quorum has is right. Should that not be this node's, it stops before it says
 * more to a client; should no quorum say anything in time, nobody can tell who is right, and it stops as well.
 */
import { InvariantError } from "../base/assert.ts";
import { equalBytes, toHex } from "../base/bytes.ts";
import type { Configuration } from "../base/configuration.ts";
import type { NodeId } from "../base/ids.ts";
import type { Log } from "../base/ports/log.ts";
import { type Contradiction, DigestInquiry, type Finding } from "./digest-inquiry.ts";
import { DigestRing } from "./digest-ring.ts";
import type { DigestAt } from "./frames.ts";

const DIGESTS_REMEMBERED = 8_192;
/** A second digest is sent from the last multiple of this height: a node that lags still finds one to compare. */
const LANDMARK = 64;
/** Periods that a quorum has to say who is right; and that a member found wrong must wait before it is listened to again. */
const INQUIRY_PERIODS = 10;

export interface DigestWatchDeps {
  readonly node: NodeId;
  readonly log: Log;
  /** Asks all members for their digest at a height, and shows this node's own. */
  readonly ask: (own: DigestAt) => void;
}

interface OpenInquiry {
  readonly into: DigestInquiry;
  /** Who began it, and with what. */
  readonly first: Contradiction;
  readonly lastPeriod: number;
}

/** A member that a quorum has contradicted. */
interface FoundWrong {
  readonly height: number;
  /** Until this period it begins no other inquiry: there would be no end of them. */
  readonly untilPeriod: number;
}

export class DigestWatch {
  readonly #deps: DigestWatchDeps;
  readonly #own = new DigestRing(DIGESTS_REMEMBERED);
  /** All members; this node may be one of them or not. */
  #members: readonly NodeId[] = [];
  /** Whose word counts. */
  #configuration: Configuration | undefined;
  #period = 0;
  /** One at a time. */
  #inquiry: OpenInquiry | undefined;
  readonly #wrong = new Map<NodeId, FoundWrong>();

  constructor(deps: DigestWatchDeps) {
    this.#deps = deps;
  }

  /** The height that is inquired into; 0 for none. */
  get inquiryAt(): number {
    return this.#inquiry?.into.own.height ?? 0;
  }

  /** The last height at which a member had another digest than a quorum with this node; 0 for none. */
  differsAt(member: NodeId): number {
    return this.#wrong.get(member)?.height ?? 0;
  }

  /** The same of all members. */
  get differAt(): number {
    return Math.max(0, ...[...this.#wrong.values()].map(({ height }) => height));
  }

  /** New members; of those that have not stayed nothing counts any more. */
  setMembers(members: readonly NodeId[], configuration: Configuration, stayed: (id: NodeId) => boolean): void {
    const gone = this.#members.filter((id) => !stayed(id));
    this.#members = members;
    this.#configuration = configuration;
    for (const id of gone) {
      this.#wrong.delete(id);
      this.#inquiry?.into.forget(id);
    }
    if (this.#inquiry === undefined) return;
    // Others who differ from this node say so again.
    if (gone.includes(this.#inquiry.first.member)) this.#inquiry = undefined;
    else this.#decide();
  }

  /** This node has a digest of its own at a height above all before it. */
  applied(at: DigestAt): void {
    this.#own.add(at);
  }

  /**
   * What to tell: the newest digest, and that of the height that was asked about last, as far as it is remembered; else that
   * of a landmark.
   */
  told(asked: readonly DigestAt[] = []): readonly DigestAt[] {
    const { newest } = this.#own;
    if (newest === undefined) return [];
    const heights = [newest.height - (newest.height % LANDMARK), ...asked.map(({ height }) => height)];
    const height = heights.findLast((one) => this.#own.at(one) !== undefined) ?? newest.height;
    const digest = this.#own.at(height);
    return digest === undefined || height === newest.height ? [newest] : [newest, { height, digest }];
  }

  /** A member has told its digests. Throws `InvariantError` where this node must not go on. */
  heard(from: NodeId, digests: readonly DigestAt[]): void {
    // The lowest first: the lower it is, the sooner all others can tell.
    for (const at of [...digests].sort((a, b) => a.height - b.height)) {
      const mine = this.#own.at(at.height);
      this.#inquiry?.into.heard(from, at, mine);
      if (mine !== undefined && !equalBytes(mine, at.digest)) this.#contradicted(from, at, mine);
    }
    this.#decide();
  }

  /** A period is over: whoever is asked is asked again. Throws `InvariantError` when the time is up. */
  period(): void {
    this.#period += 1;
    if (this.#inquiry === undefined) return;
    if (this.#period > this.#inquiry.lastPeriod) this.#giveUp(this.#inquiry);
    this.#deps.ask(this.#inquiry.into.own);
  }

  #contradicted(member: NodeId, { height, digest }: DigestAt, mine: Uint8Array): void {
    if (this.#inquiry !== undefined) return;
    const found = this.#wrong.get(member);
    if (found !== undefined && (found.height === height || this.#period < found.untilPeriod)) return;
    const first = { member, theirs: toHex(digest) };
    this.#deps.log.warn("gossip.inquiry", { height, mine: toHex(mine), ...first });
    const own = { height, digest: mine };
    const into = new DigestInquiry(own);
    into.heard(member, { height, digest }, mine);
    this.#inquiry = { into, first, lastPeriod: this.#period + INQUIRY_PERIODS };
    // Before anything is decided: the other must hear of it, too, though this node may say no more after this.
    this.#deps.ask(own);
  }

  #decide(): void {
    if (this.#inquiry === undefined || this.#configuration === undefined) return;
    const { into, first } = this.#inquiry;
    const finding = into.finding(this.#members, this.#configuration, this.#deps.node);
    if (finding === undefined) return;
    if (!finding.isRight) this.#stop(into.own, finding);
    this.#inquiry = undefined;
    const { height, digest } = into.own;
    // Whoever began it was wrong to, though it may have taken it back.
    const others = into.contradictions.filter(({ member }) => member !== first.member);
    for (const { member, theirs } of [first, ...others]) {
      this.#wrong.set(member, { height, untilPeriod: this.#period + INQUIRY_PERIODS });
      this.#deps.log.error("gossip.states_differ", { member, height, quorum: toHex(digest), theirs });
    }
  }

  #stop({ height, digest }: DigestAt, { theirs, members }: Exclude<Finding, { readonly isRight: true }>): never {
    throw new InvariantError(
      `node ${this.#deps.node} holds another state at height ${height} than a quorum: ${toHex(digest)} here, ${theirs} ` +
        `at nodes ${members.join(", ")}. It has computed something wrong and stops. Keep its data directory, and run ` +
        '"quorate verify" on it: if that finds nothing, start it again; else put another node in its place ' +
        '("quorate member replace")',
    );
  }

  #giveUp({ into, first }: OpenInquiry): never {
    const { node } = this.#deps;
    const { height, digest } = into.own;
    throw new InvariantError(
      `node ${node} and node ${first.member} hold different states at height ${height}: ${toHex(digest)} here, ` +
        `${first.theirs} there, and no quorum has said in time which is right. Node ${node} stops. Keep both data ` +
        'directories, run "quorate verify" on each, and start the one that verifies and agrees with the majority',
    );
  }
}
