/**
 * The gossip actor: who is alive, and does everybody hold the same state?
 *
 * Failure detection is SWIM's (Das, Gupta, Motivala 2002): each period one member is pinged, in shuffled rounds; without
 * an answer others are asked to ping it; without theirs it is suspected, and dead when the suspicion is not refuted. Raft
 * does not depend on any of it. Frames carry state digests: whoever has another than a quorum stops before it says more
 * to a client. They carry what nodes sign of their checkpoints, too, and which releases they read: whoever leads must know
 * that of all.
 */
import type { Actor, ActorContext } from "../actor/actor.ts";
import { assert } from "../base/assert.ts";
import { equalBytes, toHex } from "../base/bytes.ts";
import type { NodeId } from "../base/ids.ts";
import type { Timer } from "../base/ports/clock.ts";
import type { Crypto, VerifyJob } from "../base/ports/crypto.ts";
import type { Log } from "../base/ports/log.ts";
import type { Random } from "../base/ports/random.ts";
import type { CheckpointBoard } from "../messages/checkpoints.ts";
import type { Member, Membership, MembersMessage } from "../messages/members.ts";
import type { AppliedNotice, ReactorMessage } from "../messages/reactor.ts";
import type { StatusBoard } from "../messages/status.ts";
import type { NodeSignature } from "../wire/attestation.ts";
import { WireError } from "../wire/msgpack.ts";
import { type StateRoot, stateStatement } from "../wire/state-root.ts";
import { CheckpointExchange } from "./checkpoint-exchange.ts";
import { DigestWatch } from "./digest-watch.ts";
import { Endorsements } from "./endorsements.ts";
import { type DigestAt, decodeGossip, encodeGossip, type GossipFrame } from "./frames.ts";
import { Members } from "./members.ts";

const PERIOD_MS = 200;
/** How long a ping may take before others are asked to try. */
const PING_TIMEOUT_MS = 60;
/** Members asked to ping in our stead. */
const INDIRECT_PROBES = 2;
/** Periods for which a suspicion stands before the member counts as dead. */
const SUSPICION_PERIODS = 5;
/** Pings under way for others: more than all members ask for in two periods. */
const RELAYS_MAX = 64;
/** How often a piece of news is passed on; a few times the logarithm of the largest cluster. */
const TELLINGS = 10;
const NEWS_PER_FRAME = 6;
/** Written checkpoints that may still become signed by a quorum; under load the next may follow in less than a second. */
const STATES_REMEMBERED = 16;

export type GossipMessage =
  | ReactorMessage
  | MembersMessage
  | { readonly type: "peerFrame"; readonly from: NodeId; readonly payload: Uint8Array }
  | { readonly type: "period" }
  | { readonly type: "pingTimeout"; readonly sequence: number }
  | { readonly type: "suspicionTimeout"; readonly member: NodeId; readonly suspicion: number }
  | {
      readonly type: "endorsed";
      readonly what: Signable;
      readonly by: Member;
      readonly at: SignedAt;
      readonly valid: boolean;
    };

/** A position of the state, or the pages of a checkpoint. */
type Signable = "checkpoint" | "state";

interface SignedAt {
  readonly height: number;
  readonly signature: Uint8Array;
}

export interface GossipDeps {
  readonly node: NodeId;
  /** The members at first. */
  readonly membership: Membership;
  readonly clusterId: Uint8Array;
  readonly crypto: Crypto;
  /** Where others find what a quorum has signed. */
  readonly checkpoints: CheckpointBoard;
  /** The newest release that this node reads. */
  readonly releaseMax: number;
  /** Hears of the newest releases that the members read, as they say, whenever that changes. */
  readonly announced: (releases: ReadonlyMap<NodeId, number>) => void;
  readonly random: Random;
  readonly log: Log;
  readonly sendPeer: (to: NodeId, payload: Uint8Array) => boolean;
  readonly status: StatusBoard;
}

interface Probe {
  readonly member: NodeId;
  readonly sequence: number;
  /** Until others are asked. */
  readonly timer: Timer;
}

/** A ping that this node passed on for another. */
interface Relay {
  readonly asker: NodeId;
  readonly sequence: number;
}

export class GossipActor implements Actor<GossipMessage> {
  readonly #context: ActorContext<GossipMessage>;
  readonly #deps: GossipDeps;
  readonly #members: Members;
  /** Keys of all members, in the order they were given. */
  #keys: ReadonlyMap<NodeId, Uint8Array> = new Map();
  /** The newest release that each member reads, as far as it was heard. */
  readonly #releases = new Map<NodeId, number>();
  readonly #digests: DigestWatch;
  readonly #checkpoints: CheckpointExchange;
  readonly #states: Endorsements<StateRoot>;
  /** Members of which a signature is being checked, by what they have signed: one of each at a time. */
  readonly #checking: Readonly<Record<Signable, Set<NodeId>>> = { checkpoint: new Set(), state: new Set() };
  /** By the sequence of the ping that was passed on. */
  readonly #relays = new Map<number, Relay>();
  /** Relays up to this sequence are older than a period. */
  #relaysOld = 0;
  /** The newest suspicion of each member: an earlier one may have been withdrawn and must not kill it. */
  readonly #suspicions = new Map<NodeId, { readonly suspicion: number; readonly timer: Timer }>();
  #nextSuspicion = 1;
  #round: NodeId[] = [];
  #sequence = 0;
  /** The member probed in this period, until it has answered. */
  #probe: Probe | undefined;
  #malformed = 0;
  /** The last height at which a member's pages were not ours; 0 for none. */
  #pagesDiffer = 0;

  constructor(context: ActorContext<GossipMessage>, deps: GossipDeps) {
    this.#context = context;
    this.#deps = deps;
    this.#members = new Members(deps.node, TELLINGS);
    const { node, log, clusterId, crypto } = deps;
    this.#digests = new DigestWatch({ node, log, ask: (own) => this.#askAll(own) });
    this.#checkpoints = new CheckpointExchange({ clusterId, crypto });
    const statement = (at: StateRoot): Uint8Array => stateStatement(crypto.sha256.bind(crypto), clusterId, at);
    const isSame = (a: StateRoot, b: StateRoot): boolean => equalBytes(a.root, b.root);
    this.#states = new Endorsements({ crypto, remembered: STATES_REMEMBERED, statement, isSame });
    this.#setMembers(deps.membership);
    deps.status.post("gossip", () => ({
      incarnation: this.#members.incarnation,
      malformedFrames: this.#malformed,
      pagesDifferAt: this.#pagesDiffer,
      statesDifferAt: this.#digests.differAt,
      stateInquiryAt: this.#digests.inquiryAt,
      signedState: this.#states.agreed.at(-1)?.height ?? 0,
      members: this.#members.all().map(({ id, state, incarnation, height, heardMs }) => ({
        ...{ id, state, incarnation, height },
        releaseMax: this.#releases.get(id) ?? 0,
        statesDifferAt: this.#digests.differsAt(id),
        heardMsAgo: heardMs === 0 ? -1 : Math.round(context.clock.monotonicMs() - heardMs),
      })),
    }));
    context.after(PERIOD_MS, { type: "period" });
  }

  receive(message: GossipMessage): void {
    switch (message.type) {
      case "applied":
        this.#applied(message);
        break;
      case "members":
        this.#setMembers(message);
        this.#post();
        break;
      case "peerFrame":
        this.#frame(message.from, message.payload);
        break;
      case "period":
        this.#period();
        break;
      case "pingTimeout":
        this.#pingTimeout(message.sequence);
        break;
      case "suspicionTimeout":
        this.#suspicionTimeout(message.member, message.suspicion);
        break;
      case "endorsed":
        this.#endorsed(message);
        break;
      case "lead":
      case "follow":
        break;
    }
  }

  /** New members are probed from the next round on; of those that are gone, or have another key now, nothing is left. */
  #setMembers({ members, configuration }: Membership): void {
    const before = this.#keys;
    this.#keys = new Map(members.map(({ id, publicKey }) => [id, publicKey]));
    assert(this.#keys.size === members.length, "each member is given once");
    const stayed = (id: NodeId): boolean => equalKeys(before.get(id), this.#keys.get(id));
    this.#members.setMembers([...before.keys()].filter(stayed));
    const gone = [...this.#releases.keys()].filter((id) => !this.#members.has(id));
    for (const id of gone) this.#releases.delete(id);
    if (gone.length > 0) this.#announce();
    for (const id of this.#suspicions.keys()) if (!this.#members.has(id)) this.#forgetSuspicion(id);
    for (const [sequence, { asker }] of this.#relays) if (!this.#members.has(asker)) this.#relays.delete(sequence);
    if (this.#probe !== undefined && !this.#members.has(this.#probe.member)) this.#probe = undefined;
    this.#round = this.#round.filter((id) => this.#members.has(id));
    this.#members.setMembers([...this.#keys.keys()]);
    this.#checkpoints.setKeys(this.#keys, configuration);
    this.#states.setKeys(this.#keys, configuration);
    this.#digests.setMembers([...this.#keys.keys()], configuration, stayed);
  }

  #applied({ height, digest, blockHash, historyRoot, timestamp }: AppliedNotice): void {
    this.#digests.applied({ height, digest });
    this.#checkpoints.applied({ height, digest, blockHash, historyRoot }, timestamp);
    this.#signState();
    this.#post();
  }

  /** The pages of a checkpoint are signed once they are written. */
  #signState(): void {
    const { written } = this.#deps.checkpoints;
    if (written !== undefined && written.height > (this.#states.newest?.height ?? 0)) this.#states.sign(written);
  }

  #post(): void {
    this.#deps.checkpoints.agreed = this.#checkpoints.agreed;
    this.#deps.checkpoints.states = this.#states.agreed;
  }

  /** Another node's signature counts when it is good, and about the state that is held here. */
  #hear(what: Signable, by: NodeId, at: SignedAt, job: VerifyJob | undefined): void {
    if (job === undefined || this.#checking[what].has(by)) return;
    this.#checking[what].add(by);
    this.#deps.crypto.verify([job], ([valid = false]) => {
      this.#context.self.deliver({ type: "endorsed", what, by: { id: by, publicKey: job.publicKey }, at, valid });
    });
  }

  #endorsed({ what, by, at, valid }: Extract<GossipMessage, { readonly type: "endorsed" }>): void {
    this.#checking[what].delete(by.id);
    if (!valid) {
      this.#malformed += 1;
      return;
    }
    // Should the members have changed meanwhile: it is the exchange that tells whose signatures count.
    const endorser: NodeSignature = { nodeKey: by.publicKey, signature: at.signature };
    if (what === "checkpoint") this.#checkpoints.endorse(at.height, endorser);
    else this.#states.endorse(at.height, endorser);
    this.#post();
  }

  #period(): void {
    this.#context.after(PERIOD_MS, { type: "period" });
    if (this.#probe !== undefined) this.#suspect(this.#probe.member);
    this.#forgetRelays();
    this.#signState();
    this.#post();
    this.#digests.period();
    const member = this.#nextMember();
    if (member === undefined) return;
    this.#sequence += 1;
    this.#send(member, "ping", this.#sequence, this.#deps.node);
    const timer = this.#context.after(PING_TIMEOUT_MS, { type: "pingTimeout", sequence: this.#sequence });
    this.#probe = { member, sequence: this.#sequence, timer };
  }

  /** A relay lives for a period or two; by then its asker has given up. */
  #forgetRelays(): void {
    for (const sequence of this.#relays.keys()) if (sequence <= this.#relaysOld) this.#relays.delete(sequence);
    this.#relaysOld = this.#sequence;
  }

  /** The members in shuffled rounds, so that each is probed within two rounds' time whatever the dice say. */
  #nextMember(): NodeId | undefined {
    if (this.#round.length === 0) {
      this.#round = this.#members.all().map(({ id }) => id);
      for (let i = this.#round.length - 1; i > 0; i--) {
        const j = this.#deps.random.below(i + 1);
        [this.#round[i], this.#round[j]] = [this.#round[j] as NodeId, this.#round[i] as NodeId];
      }
    }
    return this.#round.pop();
  }

  #pingTimeout(sequence: number): void {
    const probe = this.#probe;
    if (probe?.sequence !== sequence) return;
    const helpers = this.#members.all().filter(({ id, state }) => id !== probe.member && state === "alive");
    for (let asked = 0; asked < INDIRECT_PROBES && helpers.length > 0; asked++) {
      const [helper] = helpers.splice(this.#deps.random.below(helpers.length), 1);
      if (helper !== undefined) this.#send(helper.id, "pingRequest", sequence, probe.member);
    }
  }

  #suspect(member: NodeId): void {
    this.#probe = undefined;
    if (this.#members.get(member).state !== "alive") return;
    this.#members.conclude(member, "suspect");
    this.#watchSuspicion(member);
  }

  #watchSuspicion(member: NodeId): void {
    const suspicion = this.#nextSuspicion++;
    this.#forgetSuspicion(member);
    this.#deps.log.debug("gossip.suspect", { member, incarnation: this.#members.get(member).incarnation });
    const timeout = { type: "suspicionTimeout", member, suspicion } as const;
    this.#suspicions.set(member, { suspicion, timer: this.#context.after(SUSPICION_PERIODS * PERIOD_MS, timeout) });
  }

  /** One timer a member, however often it is said to be suspect: all may become due at once. */
  #forgetSuspicion(member: NodeId): void {
    this.#suspicions.get(member)?.timer.cancel();
    this.#suspicions.delete(member);
  }

  #suspicionTimeout(id: NodeId, suspicion: number): void {
    if (this.#suspicions.get(id)?.suspicion !== suspicion) return;
    const member = this.#members.get(id);
    if (member.state !== "suspect") return;
    this.#members.conclude(id, "dead");
    this.#deps.log.info("gossip.member_dead", { member: id, incarnation: member.incarnation });
  }

  #frame(from: NodeId, payload: Uint8Array): void {
    if (!this.#members.has(from)) return;
    let frame: GossipFrame;
    try {
      frame = decodeGossip(payload);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#malformed += 1;
      return;
    }
    const back = this.#members.get(from).state === "dead";
    this.#digests.heard(from, frame.digests);
    const { endorsement, state, releaseMax } = frame;
    if (this.#releases.get(from) !== releaseMax) {
      this.#releases.set(from, releaseMax);
      this.#announce();
    }
    if (endorsement !== undefined)
      this.#hear("checkpoint", from, endorsement, this.#checkpoints.check(from, endorsement));
    if (state !== undefined) {
      this.#comparePages(from, state);
      this.#hear("state", from, state, this.#states.check(from, state));
    }
    const height = frame.digests.reduce((max, at) => Math.max(max, at.height), 0);
    this.#members.heard(from, this.#context.clock.monotonicMs(), height);
    if (back) this.#deps.log.info("gossip.member_alive", { member: from });
    for (const rumour of frame.rumours) {
      if (this.#members.hear(rumour) === "suspect") this.#watchSuspicion(rumour.member);
    }
    this.#answer(from, frame);
  }

  #announce(): void {
    this.#deps.announced(new Map(this.#releases));
  }

  #answer(from: NodeId, { type, sequence, subject, digests }: GossipFrame): void {
    if (type === "ping") this.#send(from, "ack", sequence, this.#deps.node, digests);
    else if (type === "pingRequest") {
      if (!this.#members.has(subject) || this.#relays.size >= RELAYS_MAX) return;
      this.#sequence += 1;
      this.#relays.set(this.#sequence, { asker: from, sequence });
      this.#send(subject, "ping", this.#sequence, this.#deps.node);
    } else {
      const relay = this.#relays.get(sequence);
      if (relay !== undefined) {
        this.#relays.delete(sequence);
        this.#send(relay.asker, "ack", relay.sequence, from);
      }
      if (this.#probe?.sequence === sequence && this.#probe.member === subject) this.#answered(this.#probe);
    }
  }

  #answered({ timer }: Probe): void {
    timer.cancel();
    this.#probe = undefined;
  }

  /** Asks for a digest whoever can tell, and shows this node's own. */
  #askAll(own: DigestAt): void {
    this.#sequence += 1;
    for (const { id } of this.#members.all()) this.#send(id, "ping", this.#sequence, this.#deps.node, [own]);
  }

  /** Told and not stopped for: it is for an operator to find out whose memory or version is at fault. */
  #comparePages(from: NodeId, { height, root }: StateRoot): void {
    const mine = this.#states.at(height);
    // Once for a height, and not again for those before: a peer may go on telling of them.
    if (mine === undefined || equalBytes(mine.root, root) || height <= this.#pagesDiffer) return;
    this.#pagesDiffer = height;
    const roots = { mine: toHex(mine.root), theirs: toHex(root) };
    this.#deps.log.error("gossip.pages_differ", { member: from, height, ...roots });
  }

  /** Sends a frame; of the digests, those that answer what was `asked` about. */
  #send(
    to: NodeId,
    type: GossipFrame["type"],
    sequence: number,
    subject: NodeId,
    asked: readonly DigestAt[] = [],
  ): void {
    const rumours = this.#members.takeNews(NEWS_PER_FRAME);
    const { newest: endorsement } = this.#checkpoints;
    const { newest: state } = this.#states;
    const { sendPeer, releaseMax } = this.#deps;
    const digests = this.#digests.told(asked);
    sendPeer(to, encodeGossip({ type, sequence, subject, rumours, digests, endorsement, state, releaseMax }));
  }
}

function equalKeys(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && equalBytes(a, b);
}
