/**
 * The cluster under test: every node is `composeNode`, the production code, on a virtual host. Nodes can be crashed (the
 * power fails), started again on what their disk kept, and paused.
 *
 * Whoever checks sees a node after each of its steps and each block it applies, and never touches it.
 */
import type { Configuration } from "../consensus/raft/configuration.ts";
import { Raft } from "../consensus/raft/raft.ts";
import type { FatalReport } from "../node/actor/system.ts";
import { must } from "../node/base/assert.ts";
import { isMember } from "../node/base/configuration.ts";
import { CodedError, errorCode, errorMessage } from "../node/base/errors.ts";
import type { NodeId } from "../node/base/ids.ts";
import type { Host } from "../node/base/ports/host.ts";
import { isTooNew, NEWEST_RELEASE } from "../node/base/release.ts";
import { type ComposedNode, composeNode, type NodeParts } from "../node/compose.ts";
import type { Ledger } from "../node/ledger/ledger.ts";
import { type Applied, StateMachine } from "../node/state/state-machine.ts";
import type { Genesis } from "../node/wire/genesis.ts";
import type { Signer } from "../node/wire/transaction.ts";
import { areQuorum } from "./check/configurations.ts";
import type { Absence } from "./check/protocol-states.ts";
import { excuseOf, READ_FAILED } from "./excuse.ts";
import type { LogDamage } from "./fault/disk-damage.ts";
import { type Holding, holdingOf } from "./holding.ts";
import type { Meddler } from "./meddler.ts";
import type { SimOptions } from "./options.ts";
import { Process } from "./process.ts";
import type { TraceHash } from "./trace.ts";
import { ClockError } from "./virtual-clock.ts";
import { type StorePart, VirtualDisk } from "./virtual-disk.ts";
import { type Machine, type VirtualHostDeps, virtualHost } from "./virtual-host.ts";

const US_PER_MS = 1_000;
/** A node that starts again by itself takes so long. */
const RESTART_US = 1_000;
/** What a node says that could not read its store. */
const STORE_UNREAD: readonly string[] = ["store_damaged", "checkpoint_damaged"];

/** Where a virtual node is said to be; nodes are told apart by their ids alone. */
export function addressOf(node: NodeId): { readonly host: string; readonly port: number } {
  return { host: `node-${node}`, port: 1 };
}

/**
 * Plants a bug in one life of a node: the parts of it that are replaced, and perhaps the host that it is handed instead of
 * its own.
 */
export type Plant = (host: Host, node: NodeId) => Partial<NodeParts & { readonly host: Host }>;

/** What a checker may look at. */
export type Inspected = NonNullable<ComposedNode["inspect"]>;

/** What each of a node's actors says of itself. */
export type NodeStatus = ReturnType<ComposedNode["status"]>;

/** Whoever follows what the nodes do. */
export interface ClusterObserver {
  /** A node is about to start: the ledger that it shall use. */
  createLedger(node: NodeId): Ledger;
  /** A node has recovered what its disk kept. */
  started(node: NodeId, inspected: Inspected): void;
  /** A node has handled one event. */
  stepped(node: NodeId, inspected: Inspected): void;
  /** A node says something to a peer; whether it arrives is another matter. */
  sent(node: NodeId, to: NodeId, frame: Uint8Array): void;
  applied(node: NodeId, applied: Applied, state: StateMachine): void;
  /** A node takes no part until it starts again: the power failed, or it runs only to mend its log. */
  absent(node: NodeId, how: Absence): void;
  /** A node has stopped itself, or could not start, without a fault that explains it. */
  broken(node: NodeId, reason: string): void;
}

export interface ClusterDeps extends Omit<VirtualHostDeps, "sent"> {
  readonly trace: TraceHash;
  readonly observer: ClusterObserver;
  readonly plant: Plant;
  /** Hears what nodes say to each other, beside the observer. */
  readonly meddler?: Pick<Meddler, "overhear">;
  /** Where the last copy of something may be destroyed: who hears when it may have been, and knows what nodes may say then. */
  readonly givenUp?: { look(): void; mayRefuse(node: NodeId, code: string): boolean };
}

/** Whether a node takes part; `refused`: it has stopped itself because something is lost. */
export type Standing = "running" | "mending" | "down" | "lost" | "refused";

interface Slot extends Machine {
  process: Process | undefined;
  composed: ComposedNode | undefined;
  lives: number;
  /** The newest release that its program reads. */
  releaseMax: number;
  /** Its log was damaged while it was down, and it has not been whole since. */
  damaged: boolean;
  /** Its disk is gone, and it never starts again. */
  lost: boolean;
  /** What it said when it stopped itself, for something is lost; until it starts again. */
  refused: string | undefined;
  /** A disk error was injected: the node is expected to stop itself, and starts again after this time. */
  restartAfterErrorMs: number | undefined;
  /** Reads of its log have failed once: where one fails again it may stop itself, and starts again after this time. */
  restartAfterReadMs: number | undefined;
  /** It has stopped itself, for its store had no space, or could not be read; it starts again when that is over. */
  waitsForStore: boolean;
  /** It has taken part with a log, or records of its store, of which it cannot read all. */
  isBlind: boolean;
}

export class Cluster {
  readonly #deps: ClusterDeps;
  readonly #options: SimOptions;
  readonly #genesis: Genesis;
  readonly #slots: readonly Slot[];
  /** Who is to vote as soon as it can be. */
  #wanted: readonly NodeId[];
  /** Something was destroyed on some disk. */
  #isStruck = false;

  /** `nodeKeys` are those of all nodes, by id: more than the genesis has. */
  constructor(deps: ClusterDeps, options: SimOptions, genesis: Genesis, nodeKeys: readonly Signer[]) {
    this.#deps = deps;
    this.#options = options;
    this.#genesis = genesis;
    this.#wanted = genesis.nodes.map(({ id }) => id);
    const { scheduler, random, counters } = deps;
    this.#slots = nodeKeys.map((key, index) => {
      const process = (): Process | undefined => this.#slot(index + 1).process;
      const disk = new VirtualDisk({ scheduler, random: random.fork("disk"), counters, process }, options.disk);
      const idle = { process: undefined, composed: undefined, lives: 0, restartAfterErrorMs: undefined };
      const sound = {
        damaged: false,
        lost: false,
        refused: undefined,
        isBlind: false,
        waitsForStore: false,
        restartAfterReadMs: undefined,
      };
      // A lease ends by whichever of a node's clocks is ahead: it is put to the test only where both are slow.
      const wallDrifts = options.timing.leaseDriftPermille !== undefined || options.wallDrifts[index] === true;
      const wall = { wallDrifts, wallOffsetMs: options.wallOffsetsMs[index] ?? 0, wallStepMs: options.wallStepMs };
      const clock = new ClockError(options.clockRates[index], wall);
      const { oldRelease = NEWEST_RELEASE } = options;
      const releaseMax = index < options.nodes ? oldRelease : NEWEST_RELEASE;
      return { id: index + 1, key, disk, clock, ...idle, ...sound, releaseMax };
    });
  }

  get ids(): readonly NodeId[] {
    return this.#slots.map((slot) => slot.id);
  }

  /** What a running node may be looked at with; undefined when it is down. */
  inspect(node: NodeId): Inspected | undefined {
    return this.#slot(node).composed?.inspect;
  }

  /** Who votes, as far as a node knows; nobody where it is down. */
  votersOf(node: NodeId): readonly NodeId[] {
    return this.inspect(node)?.raft.configuration.voters ?? [];
  }

  /** What a running node says of itself, all of it or these sections; undefined when it is down. */
  status(node: NodeId, sections?: readonly string[]): NodeStatus | undefined {
    return this.#slot(node).composed?.status(sections);
  }

  /** The leader of the newest term; undefined when nobody leads. */
  leader(): NodeId | undefined {
    let leader: NodeId | undefined;
    let newest = 0;
    for (const { id, composed } of this.#slots) {
      const raft = composed?.inspect?.raft;
      if (raft?.role !== "leader" || raft.term <= newest) continue;
      leader = id;
      newest = raft.term;
    }
    return leader;
  }

  /** What a node's wall clock says, in milliseconds since the epoch. */
  wallMs(node: NodeId): number {
    return this.#slot(node).clock.wallMs(this.#deps.scheduler.nowUs);
  }

  /** Tells a node to have another lead. */
  handOver(node: NodeId): void {
    const { composed, process } = this.#slot(node);
    process?.run("fault", () => composed?.handOver());
  }

  /** A node has the newest program from its next start on; false where it had it. */
  upgrade(node: NodeId): boolean {
    const slot = this.#slot(node);
    if (slot.releaseMax === NEWEST_RELEASE) return false;
    this.#deps.log?.(node, "upgrade");
    slot.releaseMax = NEWEST_RELEASE;
    return true;
  }

  standing(node: NodeId): Standing {
    const { lost, refused, process, composed } = this.#slot(node);
    if (lost) return "lost";
    if (refused !== undefined) return "refused";
    if (process === undefined || composed === undefined) return "down";
    return composed.inspect === undefined ? "mending" : "running";
  }

  /** The code with which a node has stopped itself because something is lost. */
  refusedWith(node: NodeId): string | undefined {
    return this.#slot(node).refused;
  }

  /** What each node has whose disk is not gone. */
  holdings(): readonly Holding[] {
    const there = this.#slots.filter(({ lost }) => !lost);
    return there.map(({ id, disk, composed }) => watchingStore(disk, () => holdingOf(id, disk, composed?.inspect)));
  }

  /** The configurations that running nodes go by. */
  inForce(): readonly Configuration[] {
    return this.#slots.flatMap(({ composed }) => composed?.inspect?.raft.configuration ?? []);
  }

  isUp(node: NodeId): boolean {
    return this.#slot(node).composed !== undefined;
  }

  start(node: NodeId): void {
    const slot = this.#slot(node);
    if (slot.process !== undefined || slot.lost) return;
    const { scheduler, trace, random, observer } = this.#deps;
    const process = new Process(node, {
      scheduler,
      trace,
      random: random.fork("process"),
      observe: () => {
        const inspected = slot.composed?.inspect;
        if (inspected !== undefined) watching(slot, () => observer.stepped(node, inspected));
      },
      crashed: (error) => this.#thrown(slot, error),
    });
    slot.process = process;
    slot.refused = undefined;
    slot.waitsForStore = false;
    this.#deps.log?.(node, "start");
    process.run("start", () => {
      slot.composed = this.#compose(slot, process);
      if (slot.composed.inspect === undefined) return observer.absent(node, "mending");
      slot.damaged = false;
      slot.isBlind ||= slot.disk.isSpoiled || slot.disk.isUnread;
      const inspected = slot.composed.inspect;
      watching(slot, () => observer.started(node, inspected));
    });
  }

  /** The power fails on a node; a node that is down stays down. */
  crash(node: NodeId): boolean {
    const slot = this.#slot(node);
    if (slot.process === undefined) return false;
    this.#deps.log?.(node, "crash");
    this.#deps.observer.absent(node, "down");
    slot.process.kill();
    slot.composed?.stop();
    slot.process = undefined;
    slot.composed = undefined;
    slot.restartAfterErrorMs = undefined;
    this.#deps.network.detach(node);
    slot.disk.crash();
    if (this.#isStruck) this.#deps.givenUp?.look();
    return true;
  }

  /** A node and its disk are gone for good; false where they were. */
  lose(node: NodeId): boolean {
    if (this.isLost(node)) return false;
    this.#deps.log?.(node, "lost with its disk");
    this.#deps.counters.add("lostDisk");
    this.crash(node);
    this.#slot(node).lost = true;
    return this.#struck(true);
  }

  isLost(node: NodeId): boolean {
    return this.#slot(node).lost;
  }

  /** Whether most of these voters have their data; if so, nothing is damaged from now on that they cannot do without. */
  mayWant(voters: readonly NodeId[]): boolean {
    const may = this.#areSound(votersOnly(voters));
    if (may) this.#wanted = voters;
    return may;
  }

  /**
   * Whether the others can do without a node: those with sound disks are a quorum of whatever is in force, or wanted,
   * anywhere. False where that is not known.
   */
  isDispensable(spared: NodeId): boolean {
    const others = this.#slots.filter((slot) => slot.id !== spared && !slot.lost && !slot.damaged);
    const known = others.flatMap(({ composed }) => composed?.inspect ?? []);
    const needed = known.flatMap(({ raft, state }) => [raft.configuration, votersOnly(state.members.wanted.voters)]);
    if (known.length < others.length) return false;
    return [...needed, votersOnly(this.#wanted)].every((one) => this.#areSound(one, spared));
  }

  /** Whether faults may destroy what a node has. */
  canSpare(node: NodeId): boolean {
    return this.#options.giveUpLastCopy || this.isDispensable(node);
  }

  /** Whether those with sound disks are a quorum, without this one. */
  #areSound(configuration: Configuration, spared?: NodeId): boolean {
    return areQuorum(configuration, (id) => {
      const { lost, damaged, disk } = this.#slot(id);
      return id !== spared && !lost && !damaged && !disk.isRotten;
    });
  }

  /** A node that is down finds its log damaged when it starts; false where nothing happened. */
  damageLog(node: NodeId, how: LogDamage): boolean {
    const slot = this.#slot(node);
    if (slot.process !== undefined || slot.lost) return false;
    if (!slot.disk.damageLog(how)) return false;
    slot.damaged = true;
    return this.#struck(true);
  }

  /** A bit turns over in an old file of a node's log; false where there is none. */
  rotLog(node: NodeId): boolean {
    return this.#struck(this.#slot(node).disk.rotLog());
  }

  /** A page of a node's checkpoint is not what was written; false where there is none. */
  rotPage(node: NodeId): boolean {
    return this.#struck(this.#slot(node).disk.rotPage());
  }

  /** Passes on whether something was destroyed. */
  #struck(is: boolean): boolean {
    if (is) {
      this.#isStruck = true;
      this.#deps.givenUp?.look();
    }
    return is;
  }

  /**
   * A place of a node's log cannot be read, once or until its file is written anew; false where there is none. A node that
   * meets one place once more, which it could read in between, may stop itself, and starts again after this time.
   */
  spoilLog(node: NodeId, lasting: boolean, restartAfterMs: number): boolean {
    const slot = this.#slot(node);
    if (slot.lost || !slot.disk.spoilLog(lasting)) return false;
    if (!lasting) slot.restartAfterReadMs = restartAfterMs;
    return true;
  }

  hangDisk(node: NodeId, forMs: number): void {
    this.#slot(node).disk.hang(forMs * US_PER_MS);
  }

  /** The same for the store alone: the log goes on. */
  hangStore(node: NodeId, forMs: number): void {
    this.#slot(node).disk.hang(forMs * US_PER_MS, ["store"]);
  }

  /**
   * A part of a node's store cannot be read, once or until it can be again; false where there is nothing of it. A node that
   * stops itself for it starts again then.
   */
  failStoreReads(node: NodeId, part: StorePart, lasting: boolean): boolean {
    const { lost, disk } = this.#slot(node);
    return !lost && disk.failStoreReads(part, lasting);
  }

  healStoreReads(node: NodeId): void {
    const slot = this.#slot(node);
    slot.disk.store.healReads();
    if (slot.waitsForStore && !slot.disk.store.isFull) this.start(node);
  }

  pause(node: NodeId): boolean {
    const { process } = this.#slot(node);
    if (process === undefined || process.paused) return false;
    this.#deps.log?.(node, "pause");
    process.pause();
    return true;
  }

  resume(node: NodeId): void {
    this.#deps.log?.(node, "resume");
    this.#slot(node).process?.resume();
  }

  setDiskSlowness(node: NodeId, factor: number): void {
    this.#slot(node).disk.slowness = factor;
  }

  /** Every write of the log is refused, and all that would need more space; the node must live with that. */
  setDiskFull(node: NodeId, isFull: boolean): void {
    const { disk } = this.#slot(node).disk;
    disk.free = isFull ? 0 : Number.MAX_SAFE_INTEGER;
    disk.isFull = isFull;
  }

  /** No write of the store succeeds; the node must stop itself, and starts again when there is space. */
  setStoreFull(node: NodeId, isFull: boolean): void {
    const slot = this.#slot(node);
    slot.disk.store.isFull = isFull;
    if (!isFull && slot.waitsForStore) this.start(node);
  }

  /** The disk's next operation of this kind fails; the node must stop itself and is started again. */
  failDisk(node: NodeId, operation: "write" | "sync", restartAfterMs: number): boolean {
    const slot = this.#slot(node);
    if (slot.composed === undefined || slot.restartAfterErrorMs !== undefined) return false;
    slot.restartAfterErrorMs = restartAfterMs;
    slot.disk.disk.failNext(operation, "disk_io");
    return true;
  }

  /** Which node has gone on though its disk or store had told it of an error that it may not pass over, in words. */
  careless(): string | undefined {
    for (const { id, composed, disk, restartAfterErrorMs, isBlind } of this.#slots) {
      const hasFailed = restartAfterErrorMs !== undefined && !disk.disk.willFail;
      if (hasFailed) return `a disk of node ${id} has failed, and the node has not stopped itself`;
      const isUp = composed !== undefined;
      if (isUp && disk.store.hasFailed)
        return `the store of node ${id} has failed, and the node has not stopped itself`;
      if (isBlind) return `node ${id} has taken part with a log or a store of which it could not read all`;
    }
    return undefined;
  }

  /** All disks and timers are as fast as they were at first, and disks have space. */
  quieten(): void {
    for (const node of this.ids) {
      this.setDiskFull(node, false);
      this.setStoreFull(node, false);
      this.healStoreReads(node);
      this.setDiskSlowness(node, 1);
      this.setTimerSlowness(node, 1);
    }
  }

  /** The node's timers run so many times slower than they did at first. */
  setTimerSlowness(node: NodeId, factor: number): void {
    const own = must(this.#options.clockRates[node - 1], `node ${node} has a clock`);
    this.#slot(node).clock.setRate(Math.max(1, Math.round(own / factor)), this.#deps.scheduler.nowUs);
  }

  jumpClock(node: NodeId, byMs: number): void {
    this.#slot(node).clock.wallOffsetMs += byMs;
  }

  #compose(slot: Slot, process: Process): ComposedNode {
    const { timing, checkpointBlocks, retainBlocks, segmentBytes, cacheBytes } = this.#options;
    const { id, releaseMax } = slot;
    slot.lives += 1;
    const sizes = { checkpointBlocks, retainBlocks, segmentBytes, cacheBytes };
    const onFatal = (report: FatalReport): void => this.#fatal(slot, report);
    const onRestart = (): void => this.#restart(slot);
    const peers = this.#slots.map(({ id: peer, key }) => ({ id: peer, publicKey: key.publicKey, ...addressOf(peer) }));
    const options = { id, genesis: this.#genesis, peers, timing, releaseMax, ...sizes, onFatal, onRestart };
    const { observer, meddler, ...deps } = this.#deps;
    const sent: VirtualHostDeps["sent"] = (from, to, frame) => {
      observer.sent(from, to, frame);
      meddler?.overhear(from, to, frame);
    };
    const { encrypted, perturbPermille } = this.#options;
    const own = virtualHost({ ...deps, sent }, slot, process, { nodes: this.ids, encrypted, perturbPermille });
    const { host = own, ...parts } = this.#deps.plant(own, id);
    return composeNode(host, options, this.#parts(id, parts));
  }

  /** The production parts, or a mutant's; bounded as this run's options say, and watched. */
  #parts(node: NodeId, parts: Partial<NodeParts>): Partial<NodeParts> {
    const { observer } = this.#deps;
    const { appendBytesMax, appendsInFlightMax, catchUpBytesPerTick } = this.#options;
    return {
      ...parts,
      createRaft: (options) => {
        const bounded = { ...options, appendBytesMax, appendsInFlightMax, catchUpBytesPerTick };
        return parts.createRaft?.(bounded) ?? new Raft(bounded);
      },
      createStateMachine: (options) => {
        const watched = { ...options, parts: { ledger: () => observer.createLedger(node) } };
        const machine = parts.createStateMachine?.(watched) ?? new StateMachine(watched);
        const apply = machine.apply.bind(machine);
        machine.apply = (block) => {
          const applied = apply(block);
          observer.applied(node, applied, machine);
          return applied;
        };
        return machine;
      },
    };
  }

  /** A node stops itself: right when its disk has failed and the node says so, and otherwise a finding. */
  #fatal(slot: Slot, { actor, code, reason }: FatalReport): void {
    const { observer, counters } = this.#deps;
    const { disk, restartAfterErrorMs, restartAfterReadMs } = slot;
    const diskFailed = restartAfterErrorMs !== undefined && !disk.disk.willFail;
    const met = { diskFailed, storeFailed: disk.store.hasFailed, readFailed: restartAfterReadMs !== undefined };
    const excuse = excuseOf(code, met);
    if (excuse === "storeFailed") {
      this.#awaitSpace(slot);
      return;
    }
    if (excuse === undefined) {
      if (this.#hasUnread(slot, code) || this.#refuses(slot, code)) return;
      observer.broken(slot.id, `${actor} stopped the node (${code}): ${reason}`);
      return;
    }
    counters.add("diskError");
    this.#stoppedItself(slot, (excuse === "readFailed" ? restartAfterReadMs : restartAfterErrorMs) ?? 0);
  }

  #stoppedItself(slot: Slot, restartAfterMs: number): void {
    this.crash(slot.id);
    this.#deps.scheduler.after(restartAfterMs * US_PER_MS, () => this.start(slot.id));
  }

  #awaitSpace(slot: Slot): void {
    this.#deps.counters.add("fullStore");
    this.crash(slot.id);
    if (slot.disk.store.isFull) slot.waitsForStore = true;
    else this.#restart(slot);
  }

  /** A node that could not read its store, and says so, stops; when it can be read, it starts again. */
  #hasUnread(slot: Slot, code: string): boolean {
    const { store } = slot.disk;
    if (store.unread.size === 0 || !STORE_UNREAD.includes(code)) return false;
    this.#deps.reached.add("storeUnreadStopped");
    this.crash(slot.id);
    if (store.isUnreadable) slot.waitsForStore = true;
    else this.#restart(slot);
    return true;
  }

  /** A node that says that something is lost, and so it is, stays down until somebody starts it again. */
  #refuses(slot: Slot, code: string): boolean {
    const { log, givenUp } = this.#deps;
    if (givenUp?.mayRefuse(slot.id, code) !== true) return false;
    log?.(slot.id, `refuses: ${code}`);
    this.crash(slot.id);
    slot.refused = code;
    return true;
  }

  /**
   * A node's code has thrown past its supervisor, as it does where the node cannot start: a finding, unless its log has gone
   * on to a release that it does not read while it was no member any more. Whoever wants to have it back upgrades it.
   */
  #thrown(slot: Slot, error: unknown): void {
    if (this.#hasUnread(slot, errorCode(error))) return;
    if (this.#refuses(slot, errorCode(error))) return;
    const after = slot.restartAfterReadMs;
    if (after !== undefined && error instanceof CodedError && error.code === READ_FAILED) {
      this.#stoppedItself(slot, after);
      return;
    }
    const running = this.#slots.flatMap(({ composed }) => composed?.inspect?.state ?? []);
    const newest = running.sort((a, b) => b.height - a.height)[0];
    const belongs = newest !== undefined && isMember(newest.configuration, slot.id);
    if (!isTooNew(error) || belongs) {
      this.#deps.observer.broken(slot.id, errorMessage(error));
      return;
    }
    this.upgrade(slot.id);
    this.#restart(slot);
  }

  /** A node starts again, with a peer's checkpoint, or to mend its log; that the power fails in between is the worst that may happen. */
  #restart(slot: Slot): void {
    this.#deps.counters.add("restartByItself");
    this.crash(slot.id);
    this.#deps.scheduler.after(RESTART_US, () => this.start(slot.id));
  }

  #slot(node: NodeId): Slot {
    return must(this.#slots[node - 1], `there is no node ${node}`);
  }
}

/** Looks at a node from outside: what it cannot read itself is nobody's trouble then, and is still to be met. */
function watching({ disk }: Slot, look: () => void): void {
  disk.disk.isWatched = true;
  try {
    watchingStore(disk, look);
  } finally {
    disk.disk.isWatched = false;
  }
}

/** The same of its store alone: what of its log cannot be read, it has not. */
function watchingStore<T>({ store }: VirtualDisk, look: () => T): T {
  store.isWatched = true;
  try {
    return look();
  } finally {
    store.isWatched = false;
  }
}

function votersOnly(voters: readonly NodeId[]): Configuration {
  return { voters, outgoing: [], learners: [] };
}
