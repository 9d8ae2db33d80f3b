/**
 * The network between nodes, and between clients and nodes.
 *
 * Frames between peers are datagrams: each may be lost, doubled, or overtaken by a later one. A client's connection is a
 * stream: what arrives, arrives in order, and one lost frame means that nothing behind it arrives either, until both
 * ends have noticed and closed. A link can be blocked in one direction only. A frame between nodes of which one does not
 * take the other for a peer is dropped. Endpoints are node ids and client ids, which
 * must not overlap.
 */
import type { NodeId } from "../node/base/ids.ts";
import type { ConnectionId, Network, NetworkHandler } from "../node/base/ports/network.ts";
import type { Random } from "../node/base/ports/random.ts";
import { Slab } from "../node/base/slab.ts";
import type { Counters } from "./counts.ts";
import { between, chance, type Delays, delay, exponential } from "./draw.ts";
import { LinkLoad } from "./link-load.ts";
import type { Process } from "./process.ts";
import type { Scheduler } from "./scheduler.ts";
import type { TraceHash } from "./trace.ts";
import type { FrameFate, NetworkRecorder } from "./trace-recorder.ts";
import { Links, type LinkTraits, type UnequalLinks } from "./unequal-links.ts";

export interface NetworkOptions extends LinkTraits {
  /** Every frame takes at least this long, and on average `meanDelayUs` more. */
  readonly minDelayUs: number;
  readonly delays: Delays;
  readonly lossPermille: number;
  readonly duplicatePermille: number;
  /** Frames between peers that take `lateMeanUs` longer: long after their sender has forgotten them. */
  readonly latePermille: number;
  readonly lateMeanUs: number;
  /** How links differ; undefined: they are all alike. */
  readonly unequal: UnequalLinks | undefined;
}

/** One direction between two endpoints. */
export interface Link {
  readonly from: number;
  readonly to: number;
}

/** Mean delay at most, once the network is quiet. */
const QUIET_DELAY_US = 500;
/** How long the ends of a broken stream take to notice. */
const BREAK_MIN_US = 500_000;
const BREAK_MAX_US = 3_000_000;
/** How often the end of a process is heard by a peer; that links are cut; and that soon. */
const END_HEARD_PERMILLE = 900;
const CUT_HEARD_PERMILLE = 300;
const CUT_REFUSED_PERMILLE = 500;
const REFUSED_MAX_US = 100_000;
/** What is kept, beside one frame, for a client that reads slowly; beyond it the connection ends. Real nodes keep far more. */
const SLOW_CLIENT_BYTES_MAX = 1_024;

/** What a client hears of its connection. */
export interface ClientHandler {
  frame(frame: Uint8Array): void;
  /** Called once, unless the client closed first. */
  closed(): void;
}

/** A client's end of a connection. */
export interface ClientConnection {
  readonly node: NodeId;
  send(frame: Uint8Array): void;
  close(): void;
}

interface Stream {
  readonly id: ConnectionId;
  readonly client: number;
  readonly process: Process;
  readonly handler: ClientHandler;
  /** When the last frame of each direction arrives, so that none overtakes it. */
  toNodeUs: number;
  toClientUs: number;
  /** Sent to the client and not read. */
  unreadBytes: number;
  /** A frame was lost: nothing arrives any more. */
  broken: boolean;
  clientOpen: boolean;
  nodeOpen: boolean;
}

interface Attached {
  readonly process: Process;
  /** Whose frames it takes, and to whom it has links. */
  readonly peers: () => ReadonlySet<NodeId>;
  readonly handler: NetworkHandler;
}

export interface NetworkDeps {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly trace: TraceHash;
  readonly counters: Counters;
  /** Told what becomes of each frame; undefined when nobody listens. */
  readonly recorder?: NetworkRecorder;
}

export class VirtualNetwork {
  readonly #deps: NetworkDeps;
  readonly #options: NetworkOptions;
  /** Nothing happens to single frames, and none takes long: so it is while faults wait, and in the quiet end of a run. */
  isQuiet = false;
  /** Blocked links, and how many faults block each. */
  readonly #blocked = new Map<number, number>();
  readonly #attached = new Map<NodeId, Attached>();
  readonly #streams = new Map<ConnectionId, Stream>();
  readonly #links: Links;
  readonly #load: LinkLoad;
  /** Pauses of clients that read slowly, one for each fault. */
  readonly #slow = new Set<{ readonly clients: ReadonlySet<number>; readonly pauseUs: number }>();
  #nextConnection = 1;
  #lastPeerArrivalUs = new Map<number, number>();
  /** For small frames, too: V8 moves an array of at most 64 bytes out of its heap once a part of it is looked at (0.3 us). */
  readonly #frames = new Slab();

  constructor(deps: NetworkDeps, options: NetworkOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#links = new Links(options, options.unequal);
    this.#load = new LinkLoad(this.#links);
  }

  /**
   * The network as one incarnation of a node sees it; `first` are its peers at first, told apart by id alone. `said` hears each
   * frame to a peer; whether it arrives is another matter.
   */
  port(process: Process, first: readonly NodeId[], said: (to: NodeId, frame: Uint8Array) => void = () => {}): Network {
    let peers: ReadonlySet<NodeId> = new Set(first);
    return {
      start: (handler) => {
        this.#attached.set(process.node, { process, handler, peers: () => peers });
      },
      setPeers: (now) => {
        peers = new Set(now.map(({ id }) => id));
      },
      sendPeer: (to, ...pieces) => {
        const frame = this.#frames.join(pieces);
        said(to, frame);
        if (peers.has(to)) return this.#sendPeer(process.node, to, frame);
        this.#deps.counters.add("strangerFrame");
        return false;
      },
      sendClient: (connection, frame) => this.#sendClient(connection, frame),
      closeClient: (connection) => this.#closeFromNode(connection),
    };
  }

  /** The node is gone: its streams end, and most of its peers hear of it. */
  detach(node: NodeId): void {
    this.#attached.delete(node);
    for (const to of this.#attached.keys()) {
      if (chance(this.#deps.random, END_HEARD_PERMILLE)) this.#endLink({ from: node, to }, this.#delayUs(node, to));
    }
    for (const stream of this.#streams.values()) if (stream.process.node === node) this.#closeFromNode(stream.id);
  }

  /** Blocks links; returns what opens them again, unless another fault blocks them too. */
  block(links: readonly Link[]): () => void {
    const keys = links.map(({ from, to }) => linkOf(from, to));
    for (const key of keys) this.#blocked.set(key, (this.#blocked.get(key) ?? 0) + 1);
    this.#deps.recorder?.cut(links);
    this.#endLinks(links);
    return () => {
      this.#deps.recorder?.healed(links);
      for (const key of keys) {
        const left = (this.#blocked.get(key) ?? 1) - 1;
        if (left === 0) this.#blocked.delete(key);
        else this.#blocked.set(key, left);
      }
    };
  }

  /** What is given to these links waits for so long. */
  clog(links: readonly Link[], forUs: number): void {
    for (const { from, to } of links) this.#load.clog(linkOf(from, to), this.#deps.scheduler.nowUs + forUs);
  }

  /** These clients pause after each frame that they read; returns what ends it. */
  slowReaders(clients: readonly number[], pauseUs: number): () => void {
    const slow = { clients: new Set(clients), pauseUs };
    this.#slow.add(slow);
    return () => this.#slow.delete(slow);
  }

  /** All links are open and fast, and nothing happens to single frames any more. */
  quieten(): void {
    this.#deps.recorder?.quiet();
    this.#blocked.clear();
    this.#load.clear();
    this.#slow.clear();
    this.isQuiet = true;
  }

  /** Connections of clients that the node's end has not seen end. */
  connectionsOf(node: NodeId): number {
    return [...this.#streams.values()].filter((stream) => stream.nodeOpen && stream.process.node === node).length;
  }

  /** Opens a connection; undefined when the node cannot be reached. */
  connect(client: number, node: NodeId, handler: ClientHandler): ClientConnection | undefined {
    const attached = this.#attached.get(node);
    if (attached === undefined || this.#isBlocked(client, node) || this.#isBlocked(node, client)) return undefined;
    const { nowUs } = this.#deps.scheduler;
    const id = this.#nextConnection++;
    const { process } = attached;
    const ends = { unreadBytes: 0, broken: false, clientOpen: true, nodeOpen: true };
    const stream: Stream = { id, client, process, handler, toNodeUs: nowUs, toClientUs: nowUs, ...ends };
    this.#streams.set(id, stream);
    this.#toNode(stream, () => attached.handler.clientOpened(id));
    return {
      node,
      send: (frame) => {
        if (stream.clientOpen) this.#toNode(stream, () => attached.handler.clientFrame(id, frame), frame);
      },
      close: () => this.#closeFromClient(stream, attached.handler),
    };
  }

  /** A frame arrives in the name of a node that has not sent it now; false where it does not get through. */
  inject(from: NodeId, to: NodeId, frame: Uint8Array): boolean {
    if (this.isQuiet || !this.#attached.has(to) || this.#isBlocked(from, to)) return false;
    this.#deliverPeer(from, to, frame, this.#deps.recorder?.sent(from, to, frame));
    return true;
  }

  #isBlocked(from: number, to: number): boolean {
    return this.#blocked.size > 0 && this.#blocked.has(linkOf(from, to));
  }

  #delayUs(from: number, to: number): number {
    const { minDelayUs, delays } = this.#options;
    const { meanDelayUs } = this.#links.of(linkOf(from, to));
    const mean = this.isQuiet ? Math.min(meanDelayUs, QUIET_DELAY_US) : meanDelayUs;
    return minDelayUs + delay(this.#deps.random, delays, mean);
  }

  /** How long a frame waits for its link, and for those before it. */
  #waitUs(from: number, to: number, frame: Uint8Array | undefined): number {
    return this.isQuiet ? 0 : this.#load.waitUs(linkOf(from, to), frame?.length ?? 0, this.#deps.scheduler.nowUs);
  }

  #latenessUs(): number {
    const { random, counters } = this.#deps;
    if (this.isQuiet || !chance(random, this.#options.latePermille)) return 0;
    counters.add("late");
    return exponential(random, this.#options.lateMeanUs);
  }

  #sendPeer(from: NodeId, to: NodeId, frame: Uint8Array): boolean {
    const { random, counters, recorder } = this.#deps;
    if (!this.#attached.has(to)) return false;
    const fate = recorder?.sent(from, to, frame);
    if (this.#isBlocked(from, to)) {
      counters.add("blockedFrame");
      fate?.lost("blocked");
      return true;
    }
    if (!this.isQuiet && chance(random, this.#options.lossPermille)) {
      counters.add("drop");
      fate?.lost("dropped");
      return true;
    }
    this.#deliverPeer(from, to, frame, fate);
    if (!this.isQuiet && chance(random, this.#options.duplicatePermille)) {
      counters.add("duplicate");
      this.#deliverPeer(from, to, frame, fate);
    }
    return true;
  }

  #deliverPeer(from: NodeId, to: NodeId, frame: Uint8Array, fate: FrameFate | undefined): void {
    const { scheduler, trace, counters } = this.#deps;
    const delayUs = this.#delayUs(from, to) + this.#latenessUs() + this.#waitUs(from, to, frame);
    const link = linkOf(from, to);
    const arrivalUs = scheduler.nowUs + delayUs;
    const last = this.#lastPeerArrivalUs.get(link) ?? 0;
    if (arrivalUs < last) counters.add("reorder");
    else this.#lastPeerArrivalUs.set(link, arrivalUs);
    scheduler.after(delayUs, () => {
      // Whoever runs on that node by then takes it, and a link that was cut meanwhile has lost it.
      const attached = this.#attached.get(to);
      if (attached === undefined || this.#isBlocked(from, to)) {
        fate?.lost(attached === undefined ? "down" : "blocked");
        return;
      }
      if (!attached.peers().has(from)) {
        counters.add("strangerFrame");
        fate?.lost("stranger");
        return;
      }
      fate?.arrived();
      trace.bytes(frame);
      attached.process.run("peer", () => attached.handler.peerFrame(from, frame));
    });
  }

  /** What cuts links may refuse frames, so that ends are heard of soon, or swallow them: then it takes long, or a new connection. */
  #endLinks(links: readonly Link[]): void {
    const { random } = this.#deps;
    if (!chance(random, CUT_HEARD_PERMILLE)) return;
    const afterUs = between(random, 0, chance(random, CUT_REFUSED_PERMILLE) ? REFUSED_MAX_US : BREAK_MAX_US);
    for (const link of links) {
      const { from, to } = link;
      if (this.#attached.has(from) && this.#attached.has(to)) this.#endLink(link, afterUs + this.#delayUs(from, to));
    }
  }

  /** The end that takes frames notices that there will be none, whether or not that is true by then. */
  #endLink({ from, to }: Link, afterUs: number): void {
    const { scheduler, counters } = this.#deps;
    scheduler.after(afterUs, () => {
      const attached = this.#attached.get(to);
      if (attached?.peers().has(from) !== true) return;
      counters.add("peerLost");
      attached.process.run("peer", () => attached.handler.peerLost(from));
    });
  }

  #toNode(stream: Stream, action: () => void, frame?: Uint8Array): void {
    const { scheduler, trace, recorder } = this.#deps;
    const { client } = stream;
    const { node } = stream.process;
    const fate = frame && recorder?.sent(client, node, frame);
    if (this.#breaks(stream, client, node)) {
      fate?.lost("blocked");
      return;
    }
    const delayUs = this.#delayUs(client, node) + this.#waitUs(client, node, frame);
    stream.toNodeUs = Math.max(stream.toNodeUs, scheduler.nowUs + delayUs);
    scheduler.after(stream.toNodeUs - scheduler.nowUs, () => {
      if (!stream.nodeOpen || stream.broken) {
        fate?.lost("closed");
        return;
      }
      fate?.arrived();
      if (frame !== undefined) trace.bytes(frame);
      stream.process.run("client", action);
    });
  }

  #sendClient(connection: ConnectionId, frame: Uint8Array): boolean {
    const stream = this.#streams.get(connection);
    if (stream === undefined || !stream.nodeOpen) return false;
    const pauseUs = this.#pauseUs(stream.client);
    const isTooSlow = pauseUs > 0 && stream.unreadBytes > 0;
    if (isTooSlow && stream.unreadBytes + frame.length > SLOW_CLIENT_BYTES_MAX) {
      this.#endSlow(stream);
      return false;
    }
    stream.unreadBytes += frame.length;
    const received = (): void => {
      stream.unreadBytes -= frame.length;
      this.#deps.trace.bytes(frame);
      stream.handler.frame(frame);
    };
    this.#toClient(stream, received, frame);
    stream.toClientUs += pauseUs;
    return true;
  }

  #pauseUs(client: number): number {
    return Math.max(0, ...[...this.#slow].map(({ clients, pauseUs }) => (clients.has(client) ? pauseUs : 0)));
  }

  /** A node keeps so much for one who does not read, and no more: the connection ends, and what has waited is lost. */
  #endSlow(stream: Stream): void {
    const { scheduler, counters } = this.#deps;
    counters.add("tooSlowClient");
    stream.broken = true;
    this.#streams.delete(stream.id);
    scheduler.after(this.#delayUs(stream.process.node, stream.client), () => this.#tellClient(stream));
    scheduler.after(0, () => this.#tellNode(stream));
  }

  #toClient(stream: Stream, action: () => void, frame?: Uint8Array): void {
    const { scheduler, trace, recorder } = this.#deps;
    const { client } = stream;
    const { node } = stream.process;
    const fate = frame && recorder?.sent(node, client, frame);
    if (this.#breaks(stream, node, client)) {
      fate?.lost("blocked");
      return;
    }
    const delayUs = this.#delayUs(node, client) + this.#waitUs(node, client, frame);
    stream.toClientUs = Math.max(stream.toClientUs, scheduler.nowUs + delayUs);
    scheduler.after(stream.toClientUs - scheduler.nowUs, () => {
      if (!stream.clientOpen || stream.broken) {
        fate?.lost("closed");
        return;
      }
      fate?.arrived();
      trace.event(scheduler.nowUs, stream.client, "client");
      action();
    });
  }

  /** Whether the stream is of no use: a frame that meets a blocked link is lost, and with it the stream. */
  #breaks(stream: Stream, from: number, to: number): boolean {
    if (stream.broken) return true;
    if (!this.#isBlocked(from, to)) return false;
    stream.broken = true;
    const { scheduler, random, counters } = this.#deps;
    counters.add("brokenConnection");
    scheduler.after(between(random, BREAK_MIN_US, BREAK_MAX_US), () => this.#tellClient(stream));
    scheduler.after(between(random, BREAK_MIN_US, BREAK_MAX_US), () => this.#tellNode(stream));
    return true;
  }

  /** The node's end of a broken stream is closed, and the node hears of it if it still runs. */
  #tellNode(stream: Stream): void {
    if (!stream.nodeOpen) return;
    stream.nodeOpen = false;
    this.#streams.delete(stream.id);
    const attached = this.#attached.get(stream.process.node);
    if (attached?.process !== stream.process) return;
    stream.process.run("client", () => attached.handler.clientClosed(stream.id));
  }

  #closeFromNode(connection: ConnectionId): void {
    const stream = this.#streams.get(connection);
    if (stream === undefined) return;
    stream.nodeOpen = false;
    this.#streams.delete(connection);
    this.#toClient(stream, () => this.#tellClient(stream));
  }

  #tellClient(stream: Stream): void {
    if (!stream.clientOpen) return;
    stream.clientOpen = false;
    stream.handler.closed();
  }

  #closeFromClient(stream: Stream, handler: NetworkHandler): void {
    if (!stream.clientOpen) return;
    this.#toNode(stream, () => {
      if (!stream.nodeOpen) return; // a node that stood still has closed it meanwhile
      stream.nodeOpen = false;
      this.#streams.delete(stream.id);
      handler.clientClosed(stream.id);
    });
    stream.clientOpen = false;
  }
}

function linkOf(from: number, to: number): number {
  return from * 65_536 + to;
}
