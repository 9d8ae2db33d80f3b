/**
 * Somebody on the links between nodes, who hears all that is said there, has no key of any node, and adds to it: frames that were
 * altered, that come from another node than they say, that were said long ago; and in gossip, whose statements nodes sign,
 * signatures that were altered, made by somebody else, or for another cluster.
 *
 * Real links are authenticated, so this is more than anybody can do. What a node has to take a peer's word for it leaves alone
 * (consensus/README.md, "A peer that lies"): of what it adds nothing may come.
 */
import { must } from "../node/base/assert.ts";
import { CodedError } from "../node/base/errors.ts";
import type { NodeId } from "../node/base/ids.ts";
import type { Random } from "../node/base/ports/random.ts";
import type { Endorsement } from "../node/gossip/checkpoint-exchange.ts";
import type { Signed } from "../node/gossip/endorsements.ts";
import { decodeGossip, encodeGossip, type GossipFrame } from "../node/gossip/frames.ts";
import { decodeCatchUp } from "../node/replica/catch-up-frames.ts";
import { decodeRaftMessage } from "../node/replica/raft-codec.ts";
import { decodeRepair } from "../node/replica/repair-frames.ts";
import { attestation } from "../node/wire/attestation.ts";
import { LANES } from "../node/wire/peer-frames.ts";
import { type StateRoot, stateStatement } from "../node/wire/state-root.ts";
import type { Signer } from "../node/wire/transaction.ts";
import { between, chance, flipped, pick, randomBytes } from "./draw.ts";
import type { Point, Reached } from "./reached.ts";
import { sha256 } from "./sha256.ts";
import type { VirtualNetwork } from "./virtual-network.ts";
import { otherCluster } from "./workload/intruder.ts";

export const MEDDLINGS = ["altered", "forged", "replayed", "foreign"] as const;
export type Meddling = (typeof MEDDLINGS)[number];

export interface MeddlerOptions {
  /** After how many of the frames that nodes send there comes another; after gossip, which is rarer, forty times as many. */
  readonly permille: number;
  /** The relative frequencies of what is done. */
  readonly mix: Readonly<Record<Meddling, number>>;
}

const GOSSIP_TIMES = 40;
/** Frames that are remembered, of gossip and of all else: some from long ago. */
const KEPT = 128;

const IN_GOSSIP: Readonly<Record<Meddling, Point>> = {
  altered: "gossipAltered",
  forged: "gossipForged",
  replayed: "gossipReplayed",
  foreign: "gossipForeign",
};
/** Nothing else that nodes tell each other is signed. */
type Elsewhere = Exclude<Meddling, "foreign">;
const ELSEWHERE: Readonly<Record<Elsewhere, Point>> = {
  altered: "peerFrameAltered",
  forged: "peerFrameForged",
  replayed: "peerFrameReplayed",
};

/** A frame on a link. */
interface Said {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly frame: Uint8Array;
}

export interface MeddlerDeps {
  readonly random: Random;
  readonly network: Pick<VirtualNetwork, "inject">;
  readonly reached: Reached;
  readonly clusterId: Uint8Array;
  /** The nodes' keys, by id: they are used in another cluster, too. */
  readonly nodeKeys: readonly Signer[];
}

export class Meddler {
  readonly #deps: MeddlerDeps;
  readonly #otherId: Uint8Array;
  readonly #permille: number;
  readonly #inGossipWays: readonly Meddling[];
  readonly #elsewhereWays: readonly Elsewhere[];
  /** What each node has said last in gossip. */
  readonly #newest = new Map<NodeId, Uint8Array>();
  readonly #kept: Readonly<Record<"gossip" | "others", Said[]>> = { gossip: [], others: [] };

  constructor(deps: MeddlerDeps, { permille, mix }: MeddlerOptions) {
    this.#deps = deps;
    this.#otherId = otherCluster(deps.clusterId);
    this.#permille = permille;
    this.#inGossipWays = MEDDLINGS.flatMap((way) => Array.from({ length: mix[way] }, () => way));
    this.#elsewhereWays = this.#inGossipWays.filter((way) => way !== "foreign");
  }

  /** Hears what a node says to another, and perhaps adds something to it, which may be there first. */
  overhear(from: NodeId, to: NodeId, frame: Uint8Array): void {
    const { random } = this.#deps;
    const said = { from, to, frame };
    const isGossip = frame[0] === LANES.gossip;
    if (isGossip) this.#newest.set(from, frame);
    this.#keep(isGossip ? this.#kept.gossip : this.#kept.others, said);
    if (!chance(random, Math.min(1_000, this.#permille * (isGossip ? GOSSIP_TIMES : 1)))) return;
    if (isGossip) {
      const way = pick(random, this.#inGossipWays);
      this.#add(IN_GOSSIP[way], this.#inGossip(way, said));
    } else if (this.#elsewhereWays.length > 0) {
      const way = pick(random, this.#elsewhereWays);
      this.#add(ELSEWHERE[way], this.#elsewhere(way, said));
    }
  }

  #keep(kept: Said[], said: Said): void {
    if (kept.length < KEPT) kept.push(said);
    else kept[this.#deps.random.below(KEPT)] = said;
  }

  #add(point: Point, added: Said | undefined): void {
    const { network, reached } = this.#deps;
    if (added !== undefined && network.inject(added.from, added.to, added.frame)) reached.add(point);
  }

  #inGossip(way: Meddling, { from, to, frame }: Said): Said | undefined {
    const { random } = this.#deps;
    if (way === "replayed") return pick(random, this.#kept.gossip);
    const told = decodeGossip(frame.subarray(1));
    const { endorsement, state } = told;
    const spoiled = {
      ...told,
      ...(endorsement && { endorsement: this.#endorsement(way, from, endorsement) }),
      ...(state && { state: this.#state(way, from, state) }),
    };
    if (endorsement === undefined && state === undefined) return undefined;
    return { from, to, frame: new Uint8Array([LANES.gossip, ...encodeGossip(spoiled)]) };
  }

  #endorsement(way: Exclude<Meddling, "replayed">, from: NodeId, at: Endorsement): Endorsement {
    const { random } = this.#deps;
    const altered = pick(random, ["signature", "signature", "digest", "blockHash", "historyRoot"] as const);
    if (way === "altered") return { ...at, [altered]: flipped(random, at[altered]) };
    if (way === "forged") return { ...at, signature: this.#anothers((frame) => frame.endorsement, from, at.height) };
    return { ...at, signature: this.#keyOf(from).sign(attestation(sha256, this.#otherId, at)) };
  }

  #state(way: Exclude<Meddling, "replayed">, from: NodeId, at: Signed<StateRoot>): Signed<StateRoot> {
    if (way === "altered") return { ...at, signature: flipped(this.#deps.random, at.signature) };
    if (way === "forged") return { ...at, signature: this.#anothers((frame) => frame.state, from, at.height) };
    return { ...at, signature: this.#keyOf(from).sign(stateStatement(sha256, this.#otherId, at)) };
  }

  /** What another node has signed last, if it is of the same height; else a signature of nobody. */
  #anothers(
    of: (frame: GossipFrame) => { readonly height: number; readonly signature: Uint8Array } | undefined,
    than: NodeId,
    height: number,
  ): Uint8Array {
    const others = [...this.#newest].filter(([node]) => node !== than);
    const signed = others.flatMap(([, frame]) => of(decodeGossip(frame.subarray(1))) ?? []);
    return signed.find((one) => one.height === height)?.signature ?? randomBytes(this.#deps.random, 64);
  }

  #elsewhere(way: Elsewhere, said: Said): Said | undefined {
    const { random, nodeKeys } = this.#deps;
    if (way === "replayed") return pick(random, this.#kept.others);
    if (way === "altered") return this.#spoiled(said);
    // Raft's messages say from whom and to whom they are.
    const [from, to] = [between(random, 1, nodeKeys.length), between(random, 1, nodeKeys.length)];
    const isForged = said.frame[0] === LANES.raft && from !== to && (from !== said.from || to !== said.to);
    return isForged ? { ...said, from, to } : undefined;
  }

  #spoiled({ from, to, frame }: Said): Said | undefined {
    const { random } = this.#deps;
    const spoiled = pick(random, [
      () => flipped(random, frame),
      () => frame.subarray(0, random.below(frame.length)),
      () => new Uint8Array([...frame, ...randomBytes(random, between(random, 1, 8))]),
    ])();
    return mayBeSaid(from, to, spoiled) ? { from, to, frame: spoiled } : undefined;
  }

  #keyOf(node: NodeId): Signer {
    return must(this.#deps.nodeKeys[node - 1], `node ${node} has a key`);
  }
}

/** Whether a frame is none, or says what whoever hears it can see to be wrong. */
function mayBeSaid(from: NodeId, to: NodeId, frame: Uint8Array): boolean {
  const payload = frame.subarray(1);
  try {
    switch (frame[0]) {
      case LANES.raft: {
        const message = decodeRaftMessage(payload);
        return message.from !== from || message.to !== to;
      }
      case LANES.gossip:
      case LANES.forward:
        return false;
      case LANES.catchUp:
        decodeCatchUp(payload);
        return true;
      case LANES.repair: {
        const message = decodeRepair(payload);
        return message.type === "want" || (message.type === "blocks" && message.blocks.length > 0);
      }
      default:
        return true;
    }
  } catch (error) {
    if (error instanceof CodedError) return true;
    throw error;
  }
}
