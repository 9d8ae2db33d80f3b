/**
 * The composition root: wires one node's actors to a host. The real host and the simulator both call it; nobody else
 * constructs an actor.
 *
 * Starting recovers first, synchronously: see `recover.ts`. Committed blocks behind the checkpoint are applied again once
 * a quorum has said how far the log is committed.
 */

import type { RaftOptions } from "../consensus/raft/options.ts";
import { Raft } from "../consensus/raft/raft.ts";
import type { LogStore } from "../storage/wal/log-store.ts";
import { RESERVE_BYTES } from "../storage/wal/log-writer.ts";
import { Wal } from "../storage/wal/wal.ts";
import type { ActorRef } from "./actor/actor.ts";
import type { TraceEvent } from "./actor/cell.ts";
import { ActorSystem, type FatalReport } from "./actor/system.ts";
import { assert } from "./base/assert.ts";
import type { LogIndex, NodeId } from "./base/ids.ts";
import type { Host } from "./base/ports/host.ts";
import type { NetworkHandler, Peer } from "./base/ports/network.ts";
import { FIRST_RELEASE, NEWEST_RELEASE } from "./base/release.ts";
import { ChannelsActor, type ChannelsMessage } from "./channels/channels-actor.ts";
import { ownerChange } from "./data-owner.ts";
import { GatewayActor } from "./gateway/gateway-actor.ts";
import { GossipActor, type GossipMessage } from "./gossip/gossip-actor.ts";
import { composeMending, mendFirst } from "./mend.ts";
import type { CatchUpMessage } from "./messages/catch-up.ts";
import type { CheckpointBoard } from "./messages/checkpoints.ts";
import type { ConsensusMessage } from "./messages/consensus.ts";
import type { GatewayMessage } from "./messages/gateway.ts";
import type { LedgerMessage } from "./messages/ledger.ts";
import type { LogMessage } from "./messages/log.ts";
import type { ReactorMessage } from "./messages/reactor.ts";
import { RefusedFrames } from "./messages/refused-frames.ts";
import type { RepairMessage } from "./messages/repair.ts";
import { StatusBoard, type StatusFields } from "./messages/status.ts";
import { peersOf } from "./peers.ts";
import { type Recovered, recover } from "./recover.ts";
import { composeRefetch } from "./refetch.ts";
import type { LeaderEnd } from "./replica/block-giver.ts";
import { CatchUpActor } from "./replica/catch-up-actor.ts";
import { ConsensusActor } from "./replica/consensus-actor.ts";
import { Freshness } from "./replica/freshness.ts";
import { leaderEndOf } from "./replica/leader-end.ts";
import { LedgerActor } from "./replica/ledger-actor.ts";
import { LogActor } from "./replica/log-actor.ts";
import { nextRelease } from "./replica/next-release.ts";
import { READ_PATIENCE } from "./replica/read-batches.ts";
import { RepairActor } from "./replica/repair-actor.ts";
import { partIn } from "./replica/standing.ts";
import { RiskActor, type RiskMessage } from "./risk/risk-actor.ts";
import { SettlementActor, type SettlementMessage } from "./settlement/settlement-actor.ts";
import { StateMachine, type StateMachineOptions } from "./state/state-machine.ts";
import { blockHash } from "./wire/block.ts";
import { clusterIdOf, type Genesis, genesisHash } from "./wire/genesis.ts";
import { LANES, type Lane } from "./wire/peer-frames.ts";
import { TransactionHashes } from "./wire/transaction-hashes.ts";

export interface NodeTiming {
  readonly tickMs: number;
  readonly electionTimeoutTicks: number;
  readonly heartbeatTicks: number;
  /** By how many thousandths at most a clock of the cluster is off; undefined: leaders have no lease. */
  readonly leaseDriftPermille?: number;
}

export interface NodeOptions {
  readonly id: NodeId;
  readonly genesis: Genesis;
  /** Nodes of the cluster and their addresses as they were known before the start, this one perhaps among them. */
  readonly peers: readonly Peer[];
  readonly timing: NodeTiming;
  /** Who shall rather lead, the most wanted first; the same on all nodes. */
  readonly preferredLeaders?: readonly NodeId[] | undefined;
  /** The newest release that this node reads; undefined: the newest that the program knows. */
  readonly releaseMax?: number | undefined;
  /** Blocks between checkpoints. */
  readonly checkpointBlocks: number;
  /** Blocks that the log keeps before a checkpoint; undefined: all. */
  readonly retainBlocks?: number | undefined;
  readonly segmentBytes: number;
  /** Bytes of the log's tail kept in memory for followers that lag a little. */
  readonly cacheBytes: number;
  /** What the host says of its disk, for the status. */
  readonly diskStatus?: () => StatusFields;
  /** Called once, when the node has stopped because something in it cannot be believed any more. */
  readonly onFatal: (report: FatalReport) => void;
  /**
   * Called once, when a peer's checkpoint has taken the place of the node's own, or its log is mended or has to be: no actor
   * runs any more, and the node is to be composed again on the same data.
   */
  readonly onRestart: () => void;
  /** Every message that an actor handles. */
  readonly trace?: (event: TraceEvent) => void;
}

/** The parts that the simulator may replace by deliberately broken ones. */
export interface NodeParts {
  readonly createRaft: (options: RaftOptions) => Raft;
  readonly openLog: (...args: Parameters<typeof Wal.open>) => LogStore;
  readonly createStateMachine: (options: StateMachineOptions) => StateMachine;
  readonly createFreshness: () => Freshness;
  readonly nextRelease: typeof nextRelease;
  /** Asks for the block that does what is due. */
  readonly pulse: (ask: () => boolean) => boolean;
}

/** What a node that runs may find of its log, and mends when it starts again. */
const DAMAGED: readonly string[] = ["wal_damaged", "wal_read_failed"];

export const PRODUCTION_PARTS: NodeParts = {
  createRaft: (options) => new Raft(options),
  openLog: (...args) => Wal.open(...args),
  createStateMachine: (options) => new StateMachine(options),
  createFreshness: () => new Freshness(),
  nextRelease,
  pulse: (ask) => ask(),
};

export interface ComposedNode {
  /** What each actor says of itself, or only those of these names. */
  status(sections?: readonly string[]): Readonly<Record<string, StatusFields>>;
  /** Has another node lead, if this one does; takes a moment, and may fail. */
  handOver(): void;
  /** Stops all actors at once; what is durable stays, nothing else is promised. */
  stop(): void;
  /** Whether nothing is on its way to the log any more, after it was stopped: then it may be closed. */
  isIdle(): boolean;
  /** Closes the log's files. */
  close(): void;
  /** Height up to which recovery found the log. */
  readonly recoveredHeight: LogIndex;
  /** For checkers and tools: to look at, never to touch. Undefined while the node does nothing but mend its log. */
  readonly inspect:
    | {
        readonly raft: Raft;
        readonly log: LogStore;
        readonly state: StateMachine;
        /** The newest release that the node reads. */
        readonly releaseMax: number;
      }
    | undefined;
}

/** Builds and starts a node. Throws `CodedError` where the disk or the store cannot be used. */
export function composeNode(host: Host, options: NodeOptions, parts: Partial<NodeParts> = {}): ComposedNode {
  let isRecovered = false;
  const system = new ActorSystem({
    clock: host.clock,
    log: host.log,
    onFatal: (report) => {
      if (isRecovered && DAMAGED.includes(report.code)) mendFirst(host, options, report);
      else options.onFatal(report);
    },
    ...(options.trace === undefined ? {} : { trace: options.trace }),
  });
  const all = { ...PRODUCTION_PARTS, ...parts };
  const recovered = recover(host, options, all, (error) => system.fail("log", error));
  isRecovered = true;
  if ("damage" in recovered) return composeMending(host, options, system, recovered);
  if ("unusable" in recovered) return composeRefetch(host, options, system, recovered);
  const { raft, log, state } = recovered;
  const status = new StatusBoard();
  status.post("mailboxes", () => system.depthsReached());
  const actors = spawnActors({ host, options, parts: all, system, status, recovered });
  const strays = new RefusedFrames(host.log, "node.unknown_lane");
  status.post("network", () => ({ framesRefused: strays.count }));
  if (options.diskStatus !== undefined) status.post("disk", options.diskStatus);
  host.network.start(networkHandler(host, actors, strays));
  host.network.setPeers(peersOf(options.peers, state.members));
  return {
    status: (sections) => status.read(sections),
    handOver: () => actors.consensus.deliver({ type: "handOver" }),
    stop: () => system.stop(),
    isIdle: () => log.isIdle(),
    close: () => log.close(),
    recoveredHeight: log.lastIndex(),
    inspect: { raft, log, state, releaseMax: options.releaseMax ?? NEWEST_RELEASE },
  };
}

interface Actors {
  readonly gateway: ActorRef<GatewayMessage>;
  readonly consensus: ActorRef<ConsensusMessage>;
  readonly gossip: ActorRef<GossipMessage>;
  readonly catchUp: ActorRef<CatchUpMessage>;
  readonly repair: ActorRef<RepairMessage>;
}

interface SpawnEnvironment {
  readonly host: Host;
  readonly options: NodeOptions;
  readonly parts: NodeParts;
  readonly system: ActorSystem;
  readonly status: StatusBoard;
  readonly recovered: Recovered;
}

/** Spawns all actors; the order is that of their turns. References to later ones are looked up when first used. */
function spawnActors(environment: SpawnEnvironment): Actors {
  const { host, system } = environment;
  const late: {
    consensus?: ActorRef<ConsensusMessage>;
    gateway?: ActorRef<GatewayMessage>;
    catchUp?: ActorRef<CatchUpMessage>;
    ledger?: ActorRef<LedgerMessage>;
    repair?: ActorRef<RepairMessage>;
  } = {};
  const reactors: ActorRef<ReactorMessage>[] = [];
  const consensusRef = (): ActorRef<ConsensusMessage> => found(late.consensus);
  const gatewayRef = (): ActorRef<GatewayMessage> => found(late.gateway);
  const catchUpRef = (): ActorRef<CatchUpMessage> => found(late.catchUp);
  const sendPeer = (lane: Lane): SendPeer => {
    const first = Uint8Array.of(lane);
    return (to, ...payload) => host.network.sendPeer(to, first, ...payload);
  };
  const ledgerActor: { current?: LedgerActor } = {};
  const leading = (): boolean => ledgerActor.current?.leading ?? false;
  const checkpoints: CheckpointBoard = {
    ...{ agreed: undefined, taking: undefined, written: undefined, states: [], roots: [] },
  };
  const hashes = new TransactionHashes(host.crypto.sha256.bind(host.crypto));
  const wiring: Wiring = {
    ...environment,
    checkpoints,
    consensusRef,
    gatewayRef,
    catchUpRef,
    ledgerRef: () => found(late.ledger),
    repairRef: () => found(late.repair),
    reactors,
    sendPeer,
    ledgerActor,
    leading,
    hashes,
  };

  const log = spawnLog(wiring);
  const ledger = spawnLedger(wiring, log);
  const consensus = spawnConsensus(wiring, log, ledger);
  late.consensus = consensus;
  late.ledger = ledger;
  const gateway = system.spawn<GatewayMessage>({
    name: "gateway",
    supervision: "stop_node",
    create: (context) =>
      new GatewayActor(context, {
        node: environment.options.id,
        clusterId: clusterIdOf(host.crypto.sha256.bind(host.crypto), environment.options.genesis),
        crypto: host.crypto,
        hashes,
        random: host.random.fork("gateway"),
        hostLog: host.log,
        network: host.network,
        consensus,
        ledger,
        sendPeer: sendPeer(LANES.forward),
        isKnown: (publicKey) => environment.recovered.state.readerOf(publicKey) !== undefined,
        diskIsFull: () => blocksWait(environment.recovered.log),
        status: environment.status,
      }),
  });
  late.gateway = gateway;
  const catchUp = spawnCatchUp(wiring, ledger);
  late.catchUp = catchUp;
  late.repair = spawnRepair(wiring);
  const gossip = spawnReactors(wiring, gateway, consensus);
  wiring.gossip = gossip;
  return { gateway, consensus, gossip, catchUp, repair: late.repair };
}

type SendPeer = (to: NodeId, ...payload: readonly Uint8Array[]) => boolean;

interface Wiring extends SpawnEnvironment {
  readonly consensusRef: () => ActorRef<ConsensusMessage>;
  readonly gatewayRef: () => ActorRef<GatewayMessage>;
  readonly catchUpRef: () => ActorRef<CatchUpMessage>;
  readonly ledgerRef: () => ActorRef<LedgerMessage>;
  readonly repairRef: () => ActorRef<RepairMessage>;
  readonly checkpoints: CheckpointBoard;
  readonly reactors: ActorRef<ReactorMessage>[];
  readonly sendPeer: (lane: Lane) => SendPeer;
  readonly ledgerActor: { current?: LedgerActor };
  /** There once it is spawned. */
  gossip?: ActorRef<GossipMessage>;
  /** Whether this node leads, for reactors that are made anew. */
  readonly leading: () => boolean;
  readonly hashes: TransactionHashes;
}

function spawnLog({
  host,
  options,
  system,
  recovered,
  status,
  consensusRef,
  ledgerRef,
  repairRef,
}: Wiring): ActorRef<LogMessage> {
  const sha256 = host.crypto.sha256.bind(host.crypto);
  return system.spawn<LogMessage>({
    name: "log",
    supervision: "stop_node",
    create: (context) =>
      new LogActor(context, {
        log: recovered.log,
        hostLog: host.log,
        status,
        store: host.store,
        hardState: { term: recovered.raft.term, vote: recovered.raft.vote },
        owner: ownerChange({ clusterId: clusterIdOf(sha256, options.genesis), node: options.id }),
        consensus: consensusRef,
        repair: repairRef,
        ledger: ledgerRef,
        fail: (error) => system.fail("log", error),
        perturb: host.perturb,
      }),
  });
}

function spawnLedger(wiring: Wiring, logActor: ActorRef<LogMessage>): ActorRef<LedgerMessage> {
  const { host, options, system, status, recovered, checkpoints, consensusRef, gatewayRef, catchUpRef } = wiring;
  const { checkpointBlocks, retainBlocks, timing } = options;
  const questionPatienceMs = READ_PATIENCE * timing.electionTimeoutTicks * timing.tickMs;
  const restart = (): void => {
    system.stop();
    options.onRestart();
  };
  return system.spawn<LedgerMessage>({
    name: "ledger",
    supervision: "stop_node",
    create: (context) => {
      const actor = new LedgerActor(
        context,
        {
          state: recovered.state,
          checkpoint: recovered.checkpoint,
          pages: recovered.pages,
          store: host.store,
          disk: host.disk,
          hostLog: host.log,
          log: recovered.log,
          logActor,
          crypto: host.crypto,
          hashes: wiring.hashes,
          clusterId: clusterIdOf(host.crypto.sha256.bind(host.crypto), options.genesis),
          checkpoints,
          node: options.id,
          present: (nodes) => {
            host.network.setPeers(peersOf(options.peers, recovered.state.members));
            const { configuration } = recovered.state;
            wiring.gossip?.deliver({ type: "members", members: nodes, configuration });
          },
          consensus: consensusRef,
          gateway: gatewayRef,
          catchUp: catchUpRef,
          reactors: () => wiring.reactors,
          fail: (error) => system.fail("ledger", error),
          restart,
          status,
          perturb: host.perturb,
        },
        { checkpointBlocks, retainBlocks, questionPatienceMs },
      );
      wiring.ledgerActor.current = actor;
      return actor;
    },
  });
}

function spawnConsensus(
  wiring: Wiring,
  log: ActorRef<LogMessage>,
  ledger: ActorRef<LedgerMessage>,
): ActorRef<ConsensusMessage> {
  const { host, options, parts, system, status, recovered, gatewayRef, catchUpRef, sendPeer } = wiring;
  const sha256 = host.crypto.sha256.bind(host.crypto);
  const { genesis, timing } = options;
  const { at, blockHash: hash, timestamp, release } = recovered.state;
  const fresh = { hash: genesisHash(sha256, genesis), timestamp: genesis.timestamp, release: FIRST_RELEASE };
  return system.spawn<ConsensusMessage>({
    name: "consensus",
    supervision: "stop_node",
    create: (context) =>
      new ConsensusActor(
        context,
        {
          raft: recovered.raft,
          freshness: parts.createFreshness(),
          clock: host.clock,
          sha256,
          hashes: wiring.hashes,
          hostLog: host.log,
          clusterId: clusterIdOf(sha256, genesis),
          genesis: fresh,
          base: { hash, timestamp, release },
          log,
          ledger,
          gateway: gatewayRef,
          catchUp: catchUpRef,
          sendPeer: sendPeer(LANES.raft),
          nextRelease: parts.nextRelease,
          diskIsFull: () => blocksWait(recovered.log),
          status,
          perturb: host.perturb,
        },
        {
          tickMs: timing.tickMs,
          electionTimeoutTicks: timing.electionTimeoutTicks,
          preferredLeaders: options.preferredLeaders ?? [],
          releaseMax: options.releaseMax ?? NEWEST_RELEASE,
          applied: at,
          members: recovered.state.members.wanted,
        },
      ),
  });
}

/** Whether blocks wait for space. Where only a mark does, the next block shows whether there is some. */
function blocksWait(log: LogStore): boolean {
  return log.isFull() && log.durableIndex() < log.lastIndex();
}

function spawnCatchUp(
  { host, options, system, status, recovered, checkpoints, sendPeer }: Wiring,
  ledger: ActorRef<LedgerMessage>,
): ActorRef<CatchUpMessage> {
  const sha256 = host.crypto.sha256.bind(host.crypto);
  const { state, raft } = recovered;
  return system.spawn<CatchUpMessage>({
    name: "catchUp",
    supervision: "stop_node",
    create: (context) =>
      new CatchUpActor(context, {
        perturb: host.perturb,
        store: host.store,
        ledger,
        hostLog: host.log,
        sendPeer: sendPeer(LANES.catchUp),
        height: () => state.height,
        peers: () => otherNodes(options, state),
        part: () => partIn(raft.configuration, options.id),
        hasLeader: () => raft.leader !== 0,
        logged: () => raft,
        asker: (canDecide) => ({ configuration: raft.configuration, node: options.id, canDecide }),
        roots: () => checkpoints.roots,
        taking: () => checkpoints.taking,
        createState: () => new StateMachine({ genesis: options.genesis, sha256, releaseMax: options.releaseMax }),
        sha256,
        hasRoom: () => host.disk.freeBytes() >= 2 * RESERVE_BYTES,
        fail: (error) => system.fail("catchUp", error),
        status,
      }),
  });
}

function spawnRepair({ host, options, system, status, recovered, sendPeer }: Wiring): ActorRef<RepairMessage> {
  const sha256 = host.crypto.sha256.bind(host.crypto);
  const { raft, log, state } = recovered;
  const leaderEnd = (): LeaderEnd | undefined => leaderEndOf(raft, (block) => blockHash(sha256, block));
  const peers = (): readonly NodeId[] => otherNodes(options, state);
  return system.spawn<RepairMessage>({
    name: "repair",
    supervision: "stop_node",
    create: (context) =>
      new RepairActor(context, {
        ...{ log, store: host.store, hostLog: host.log, sha256, peers, leaderEnd, status },
        clusterId: clusterIdOf(sha256, options.genesis),
        random: host.random.fork("repair"),
        sendPeer: sendPeer(LANES.repair),
        fail: (error) => system.fail("repair", error),
      }),
  });
}

function otherNodes({ id: own, peers }: NodeOptions, { members }: StateMachine): readonly NodeId[] {
  return peersOf(peers, members).flatMap(({ id }) => (id === own ? [] : [id]));
}

/** The actors that react to the replicated state. Gossip among them: it compares digests. */
function spawnReactors(
  wiring: Wiring,
  gateway: ActorRef<GatewayMessage>,
  consensus: ActorRef<ConsensusMessage>,
): ActorRef<GossipMessage> {
  const { host, options, parts, system, status, recovered, checkpoints, reactors, sendPeer } = wiring;
  const gossip = system.spawn<GossipMessage>({
    name: "gossip",
    supervision: "restart",
    create: (context) =>
      new GossipActor(context, {
        node: options.id,
        membership: { members: recovered.state.members.present, configuration: recovered.state.configuration },
        clusterId: clusterIdOf(host.crypto.sha256.bind(host.crypto), options.genesis),
        crypto: host.crypto,
        checkpoints,
        releaseMax: options.releaseMax ?? NEWEST_RELEASE,
        announced: (releases) => consensus.deliver({ type: "announced", releases }),
        random: host.random.fork("gossip"),
        log: host.log,
        sendPeer: sendPeer(LANES.gossip),
        status,
      }),
  });
  const channels = system.spawn<ChannelsMessage>({
    name: "channels",
    supervision: "restart",
    create: (context) =>
      new ChannelsActor(context, {
        clusterId: clusterIdOf(host.crypto.sha256.bind(host.crypto), options.genesis),
        crypto: host.crypto,
        random: host.random.fork("channels"),
        outside: host.outside,
        log: host.log,
        submit: (transaction) => gateway.tell({ type: "submitOwn", transaction }),
        openIntents: () => recovered.state.openIntents(),
        leading: wiring.leading,
        status,
        perturb: host.perturb,
      }),
  });
  const risk = system.spawn<RiskMessage>({
    name: "risk",
    supervision: "restart",
    create: (context) => new RiskActor(context, { log: host.log, status }),
  });
  const settlement = system.spawn<SettlementMessage>({
    name: "settlement",
    supervision: "restart",
    create: (context) =>
      new SettlementActor(context, {
        log: host.log,
        pulse: () => parts.pulse(() => consensus.tell({ type: "pulse" })),
        leading: wiring.leading,
        nextDeadline: () => recovered.state.nextDeadline(),
        status,
      }),
  });
  reactors.push(gossip, channels, risk, settlement);
  return gossip;
}

/**
 * Frames go to the actor they are for; those that are for none are strays. A full mailbox drops a peer's frame, as the
 * network may, and ends the connection of a client, who asks again elsewhere.
 */
function networkHandler(
  host: Host,
  { gateway, consensus, gossip, catchUp, repair }: Actors,
  strays: RefusedFrames,
): NetworkHandler {
  return {
    peerFrame: (from, frame) => {
      const message = { type: "peerFrame", from, payload: frame.subarray(1) } as const;
      if (frame[0] === LANES.raft) consensus.tell(message);
      else if (frame[0] === LANES.gossip) gossip.tell(message);
      else if (frame[0] === LANES.forward) gateway.tell(message);
      else if (frame[0] === LANES.catchUp) catchUp.tell(message);
      else if (frame[0] === LANES.repair) repair.tell(message);
      else strays.refuse(from, `no actor takes lane ${frame[0] ?? "none"}`);
    },
    peerLost: (from) => consensus.deliver({ type: "peerLost", from }),
    clientOpened: (connection) => gateway.deliver({ type: "clientOpened", connection }),
    clientFrame: (connection, frame) => {
      if (!gateway.tell({ type: "clientFrame", connection, frame })) host.network.closeClient(connection, "busy");
    },
    clientClosed: (connection) => gateway.deliver({ type: "clientClosed", connection }),
  };
}

function found<T>(reference: T | undefined): T {
  assert(reference !== undefined, "an actor was used before all were spawned");
  return reference;
}
