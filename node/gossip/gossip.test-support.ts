/** Gossip actors on virtual time: one alone with a test that answers for the others, or a cluster of them. */
import { Scheduler } from "../../sim/scheduler.ts";
import { KeyRing, virtualCrypto } from "../../sim/virtual-crypto.ts";
import type { ActorRef } from "../actor/actor.ts";
import { ActorSystem, type FatalReport } from "../actor/system.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Log, LogFields } from "../base/ports/log.ts";
import { Prng } from "../base/prng.ts";
import { NEWEST_RELEASE } from "../base/release.ts";
import type { CheckpointBoard } from "../messages/checkpoints.ts";
import type { Member, Membership } from "../messages/members.ts";
import { StatusBoard } from "../messages/status.ts";
import type { Signer } from "../wire/transaction.ts";
import { type DigestAt, decodeGossip, encodeGossip, type GossipFrame, type Rumour } from "./frames.ts";
import { GossipActor, type GossipMessage } from "./gossip-actor.ts";

export const PERIOD_MS = 200;
export const PING_TIMEOUT_MS = 60;
export const SUSPICION_MS = 1_000;
const ignore = (): void => {};

interface GossipStatus {
  readonly incarnation: number;
  readonly malformedFrames: number;
  readonly stateInquiryAt: number;
  readonly members: readonly { readonly id: number; readonly state: string; readonly incarnation: number }[];
}

export const KEYS = new KeyRing();
export const CLUSTER_ID = new Uint8Array(16).fill(1);
export const signerOf = (node: number): Signer => KEYS.create(`node ${node}`);
export const membersOf = (...ids: number[]): Member[] => ids.map((id) => ({ id, publicKey: signerOf(id).publicKey }));
/** These members, all of whom vote but these learners. */
export function membershipOf(members: readonly Member[], learners: readonly number[] = []): Membership {
  const voters = members.flatMap(({ id }) => (learners.includes(id) ? [] : id));
  return { members, configuration: { voters, outgoing: [], learners } };
}

interface Size {
  readonly size: number;
  readonly learners?: readonly number[];
}

/** One node's gossip, on virtual time. */
export class Node {
  readonly id: number;
  readonly fatal: FatalReport[] = [];
  /** What it has logged as an error. */
  readonly errors: (LogFields & { readonly event: string })[] = [];
  /** What it has told of the releases that others read. */
  readonly announced: Readonly<Record<number, number>>[] = [];
  readonly ref: ActorRef<GossipMessage>;
  readonly checkpoints: CheckpointBoard = {
    ...{ agreed: undefined, taking: undefined, written: undefined, states: [], roots: [] },
  };
  readonly #status = new StatusBoard();

  constructor(
    id: number,
    clock: Clock,
    { size, learners }: Size,
    sendPeer: (to: number, payload: Uint8Array) => boolean,
  ) {
    this.id = id;
    const error: Log["error"] = (event, fields) => void this.errors.push({ event, ...fields });
    const log: Log = { debug: ignore, info: ignore, warn: ignore, error };
    const system = new ActorSystem({ clock, log, onFatal: (report) => this.fatal.push(report) });
    const membership = membershipOf(membersOf(...Array.from({ length: size }, (_, i) => i + 1)), learners);
    const crypto = virtualCrypto(KEYS, signerOf(id), (run) => clock.defer(run));
    this.ref = system.spawn<GossipMessage>({
      ...{ name: "gossip", supervision: "restart" },
      create: (context) =>
        new GossipActor(context, {
          node: id,
          ...{ membership, crypto, clusterId: CLUSTER_ID, checkpoints: this.checkpoints },
          releaseMax: NEWEST_RELEASE,
          announced: (releases) => this.announced.push(Object.fromEntries(releases)),
          random: new Prng(id),
          log,
          sendPeer,
          status: this.#status,
        }),
    });
  }

  get status(): GossipStatus {
    return this.#status.read()["gossip"] as unknown as GossipStatus;
  }

  /** What it believes of the others: "2 alive, 3 dead". */
  get beliefs(): string {
    return this.status.members.map(({ id, state }) => `${id} ${state}`).join(", ");
  }

  applied(at: DigestAt, timestamp = 0n): void {
    const attested = { ...at, blockHash: digest(at.height), historyRoot: digest(at.height + 1) };
    this.ref.tell({ type: "applied", ...attested, timestamp, events: [], nextDeadline: undefined });
  }
}

function virtualTime(): { clock: Clock; run: (ms: number) => void; after: (ms: number, action: () => void) => void } {
  const scheduler = new Scheduler();
  const clock: Clock = {
    monotonicMs: () => scheduler.nowMs,
    wallMs: () => scheduler.nowMs,
    setTimer: (delayMs, callback) => {
      scheduler.after(delayMs * 1_000, callback);
      return { cancel: ignore };
    },
    defer: (callback) => {
      scheduler.after(0, callback);
    },
  };
  const run = (ms: number): void => {
    const until = scheduler.nowUs + ms * 1_000;
    while (scheduler.step(until)) {
      // until nothing is left to do
    }
  };
  return { clock, run, after: (ms, action) => void scheduler.after(ms * 1_000, action) };
}

export function setMembers({ ref }: Node, ...ids: number[]): void {
  ref.deliver({ type: "members", ...membershipOf(membersOf(...ids)) });
}

interface Sent {
  readonly to: number;
  readonly frame: GossipFrame;
}

/** Node 1 of `size`; what it sends is kept, and the test answers for the others. */
export function alone(size: number, learners: readonly number[] = []) {
  const { clock, run } = virtualTime();
  let sent: Sent[] = [];
  const node = new Node(1, clock, { size, learners }, (to, payload) => {
    sent.push({ to, frame: decodeGossip(payload) });
    return true;
  });
  const takeSent = (): readonly Sent[] => {
    const taken = sent;
    sent = [];
    return taken;
  };
  const hear = (from: number, frame: Partial<GossipFrame>): void => {
    const idle = { type: "ack", sequence: 0, subject: from, rumours: [], digests: [] } as const;
    const whole = { ...idle, releaseMax: NEWEST_RELEASE, ...frame };
    node.ref.tell({ type: "peerFrame", from, payload: encodeGossip(whole) });
    run(0);
  };
  /** Runs to the beginning of the next period and tells whom it probes. */
  const probe = (): { readonly to: number; readonly sequence: number } => {
    run(PERIOD_MS);
    const ping = takeSent().find(({ frame }) => frame.type === "ping" && frame.subject === 1);
    return { to: ping?.to ?? 0, sequence: ping?.frame.sequence ?? 0 };
  };
  const tellOf = (member: number, state: Rumour["state"], incarnation: number): void =>
    hear(member === 2 ? 3 : 2, { rumours: [{ member, state, incarnation }] });
  return { node, run, takeSent, hear, probe, tellOf };
}

export const intact = (): boolean => false;

/** A cluster of gossip actors with 5 ms between them; `broken` says which links carry nothing, `told` what arrives. */
export function cluster(size: number, learners: readonly number[] = []) {
  const { clock, run, after } = virtualTime();
  let broken: (from: number, to: number) => boolean = intact;
  let told: (frame: GossipFrame, from: number) => GossipFrame = (frame) => frame;
  const nodes: Node[] = [];
  for (let id = 1; id <= size; id++) {
    const send = (to: number, payload: Uint8Array): boolean => {
      if (broken(id, to)) return true;
      const arriving = encodeGossip(told(decodeGossip(payload), id));
      after(5, () => nodes[to - 1]?.ref.tell({ type: "peerFrame", from: id, payload: arriving }));
      return true;
    };
    nodes.push(new Node(id, clock, { size, learners }, send));
    run(37); // periods of nodes do not coincide
  }
  const cut = (links: typeof broken): void => {
    broken = links;
  };
  const alter = (how: typeof told): void => {
    told = how;
  };
  return { nodes, run, cut, alter };
}

export const digest = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
