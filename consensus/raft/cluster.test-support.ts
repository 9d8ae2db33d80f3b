/**
 * A Raft cluster in a test's hands. Nodes have disks that may take their time, links hold every message until they are
 * told to deliver it, and nothing happens by itself: the test is the clock, the network and the power supply.
 *
 * Each node is driven exactly as `Ready` says a driver must. A crash loses what was not synced, except as many of the
 * oldest writes as the test says.
 */
import { assert, must } from "../../node/base/assert.ts";
import type { LogIndex, NodeId, Term } from "../../node/base/ids.ts";
import type { Configuration } from "./configuration.ts";
import { configurationIn, entryData, votersUpTo } from "./configurations.test-support.ts";
import type { HardState } from "./hard-state.ts";
import type { LogView } from "./log-view.ts";
import type { Entry, Message } from "./messages.ts";
import type { RaftOptions } from "./options.ts";
import { Raft } from "./raft.ts";
import type { CheckpointWanted, ReadState, Ready, RoleState } from "./ready.ts";

export type Tuning = Pick<
  RaftOptions,
  | "preVote"
  | "checkQuorum"
  | "tickMs"
  | "electionTimeoutTicks"
  | "heartbeatTicks"
  | "appendBytesMax"
  | "appendsInFlightMax"
  | "bytesInFlightMax"
  | "catchUpBytesPerTick"
  | "readsWaitingMax"
  | "leaseDriftPermille"
>;

export const TUNING: Tuning = {
  preVote: true,
  checkQuorum: true,
  tickMs: 10,
  electionTimeoutTicks: 10,
  heartbeatTicks: 3,
  appendBytesMax: 1_000,
  appendsInFlightMax: 4,
  bytesInFlightMax: 10_000,
  catchUpBytesPerTick: 10_000,
  readsWaitingMax: 8,
};

/** Something a node did that is worth telling. */
export type NodeEvent =
  | { readonly type: "role"; readonly node: NodeId; readonly role: RoleState }
  | { readonly type: "write"; readonly node: NodeId; readonly ready: Ready }
  | { readonly type: "synced"; readonly node: NodeId; readonly ready: Ready }
  | { readonly type: "sent"; readonly node: NodeId; readonly message: Message }
  | { readonly type: "delivered"; readonly node: NodeId; readonly message: Message; readonly credible: boolean }
  | { readonly type: "applied"; readonly node: NodeId; readonly entries: readonly Entry[] }
  | { readonly type: "wants"; readonly node: NodeId; readonly wanted: CheckpointWanted }
  | { readonly type: "read"; readonly node: NodeId; readonly read: ReadState };

/** What a disk holds. */
export interface Disk {
  readonly hardState: HardState;
  readonly entries: readonly Entry[];
}

export interface ClusterOptions {
  /** Nodes that there are, members or not. */
  readonly count: number;
  /** The cluster's first; all nodes are voters unless it is said. */
  readonly configuration?: Configuration;
  readonly tuning: Tuning;
  /** What a node's disk holds before the start. */
  readonly disks?: ReadonlyMap<NodeId, Disk>;
  readonly listen?: (event: NodeEvent) => void;
  readonly createRaft?: (options: RaftOptions) => Raft;
  /** Chance for a node's election timeouts in one of its lives; without it each life has one fixed timeout. */
  readonly random?: (id: NodeId, life: number) => RaftOptions["random"];
}

/** A write that is not synced, with the messages that wait for it. */
interface PendingWrite {
  readonly ready: Ready;
  readonly messages: Message[];
}

/** The state that all entries up to a position have led to. */
interface Checkpoint {
  readonly index: LogIndex;
  /** Of the entry there, which also carries the configuration. */
  readonly term: Term;
  readonly configuration: Configuration;
}

/** What survives a crash. */
export class TestDisk implements LogView {
  hardState: HardState = { term: 0, vote: 0 };
  /** Where the log begins: what is there and before is gone. */
  #base = { index: 0, term: 0 };
  readonly log: Entry[] = [];

  firstIndex(): LogIndex {
    return this.#base.index + 1;
  }

  lastIndex(): LogIndex {
    return this.#base.index + this.log.length;
  }

  term(index: LogIndex): Term | undefined {
    return index === this.#base.index ? this.#base.term : this.log[index - this.firstIndex()]?.term;
  }

  /** Forgets the entries up to here. */
  compact(index: LogIndex): void {
    const term = must(this.term(index), "what is compacted away is there");
    this.log.splice(0, index - this.#base.index);
    this.#base = { index, term };
  }

  /** Term and vote to start with: a checkpoint may end in a term of which nothing else was heard. */
  startingState(): HardState {
    const term = this.term(this.lastIndex()) ?? 0;
    return this.hardState.term >= term ? this.hardState : { term, vote: 0 };
  }

  /** A checkpoint takes the place of the log. */
  reset({ index, term }: Checkpoint): void {
    this.log.length = 0;
    this.#base = { index, term };
  }

  entries(from: LogIndex, to: LogIndex, bytesMax: number): readonly Entry[] {
    const entries: Entry[] = [];
    let bytes = 0;
    for (const entry of this.log.slice(from - this.firstIndex(), to - this.firstIndex())) {
      bytes += entry.data.length;
      if (entries.length > 0 && bytes > bytesMax) break;
      entries.push(entry);
    }
    return entries;
  }

  write({ hardState, truncateFrom, entries }: Ready): void {
    if (hardState !== undefined) this.hardState = hardState;
    if (truncateFrom !== undefined) {
      this.log.length = Math.min(this.log.length, truncateFrom - this.firstIndex());
    }
    for (const entry of entries) {
      assert(entry.index === this.lastIndex() + 1, "entries are written without gaps");
      this.log.push(entry);
    }
  }
}

export class TestNode {
  readonly id: NodeId;
  readonly disk = new TestDisk();
  /** Undefined while the node is down. */
  raft: Raft | undefined;
  life = 0;
  /** Whether each write waits for `fsync`. */
  slowDisk = false;
  readonly writes: PendingWrite[] = [];
  /** Applied up to here in this life. */
  applied: LogIndex = 0;
  /** What it was told to fetch last, in this life. */
  wanted: CheckpointWanted | undefined;

  constructor(id: NodeId) {
    this.id = id;
  }
}

export class TestCluster {
  readonly first: Configuration;
  readonly nodes: readonly TestNode[];
  readonly #options: ClusterOptions;
  /** Messages on their way, by link. */
  readonly #links = new Map<string, Message[]>();
  readonly #cuts = new Set<string>();
  /** All clocks are true. */
  #nowMs = 0;
  /** By position: the configuration of each entry that was applied anywhere. */
  readonly #configurations = new Map<LogIndex, Configuration>();

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.first = options.configuration ?? votersUpTo(options.count);
    this.nodes = Array.from({ length: options.count }, (_, index) => new TestNode(index + 1));
    for (const node of this.nodes) {
      const disk = options.disks?.get(node.id);
      node.disk.hardState = disk?.hardState ?? { term: 0, vote: 0 };
      node.disk.log.push(...(disk?.entries ?? []));
      this.restart(node.id);
    }
  }

  node(id: NodeId): TestNode {
    return must(this.nodes[id - 1], `there is a node ${id}`);
  }

  /** The running core of a node. */
  raft(id: NodeId): Raft {
    return must(this.node(id).raft, `node ${id} is up`);
  }

  isUp(id: NodeId): boolean {
    return this.node(id).raft !== undefined;
  }

  /** The time between two ticks passes. */
  passTime(): void {
    this.#nowMs += this.#options.tuning.tickMs;
  }

  /** Calls the core, and does all that comes of it. */
  act<T>(id: NodeId, action: (raft: Raft) => T): T {
    this.raft(id).tellTime(this.#nowMs);
    const result = action(this.raft(id));
    this.#drive(this.node(id));
    return result;
  }

  /** Proposes texts, under the configuration in force or another; the first index, or undefined when nothing is taken. */
  propose(id: NodeId, texts: readonly string[], configuration?: Configuration): LogIndex | undefined {
    return this.act(id, (raft) =>
      raft.propose(texts.map((text) => entryData(text, configuration ?? raft.configuration, this.first))),
    );
  }

  /** Links with messages on them, in a fixed order. */
  links(): readonly { readonly from: NodeId; readonly to: NodeId; readonly messages: readonly Message[] }[] {
    const links = this.nodes.flatMap((a) => this.nodes.map((b) => ({ from: a.id, to: b.id })));
    return links
      .map(({ from, to }) => ({ from, to, messages: this.#link(from, to) }))
      .filter(({ messages }) => messages.length > 0);
  }

  /** Delivers the message at a place of a link; false when the receiver is down and the message is lost. */
  deliver(from: NodeId, to: NodeId, place = 0): boolean {
    const [message] = this.#link(from, to).splice(place, 1);
    assert(message !== undefined, `there is a message on ${from}->${to}`);
    if (!this.isUp(to)) return false;
    this.raft(to).tellTime(this.#nowMs);
    const credible = this.raft(to).step(message);
    this.#tell({ type: "delivered", node: to, message, credible });
    this.#drive(this.node(to));
    return true;
  }

  drop(from: NodeId, to: NodeId): void {
    this.#link(from, to).shift();
  }

  /** Puts a second copy of the message at a place behind all that is on its way. */
  duplicate(from: NodeId, to: NodeId, place = 0): void {
    const link = this.#link(from, to);
    link.push(must(link[place], `there is a message on ${from}->${to}`));
  }

  /** From now on what is sent on this link is lost. */
  cut(from: NodeId, to: NodeId): void {
    this.#cuts.add(`${from}->${to}`);
  }

  heal(): void {
    this.#cuts.clear();
  }

  /** Puts a message on a link as if its sender had sent it. */
  forge(message: Message): void {
    this.#link(message.from, message.to).push(message);
  }

  /** The oldest write that waits becomes durable. */
  fsync(id: NodeId): void {
    const node = this.node(id);
    const { ready, messages } = must(node.writes.shift(), `node ${id} has a write to sync`);
    node.disk.write(ready);
    this.#tell({ type: "synced", node: id, ready });
    this.raft(id).persisted(ready.sequence);
    this.#send(messages);
    this.#drive(node);
  }

  /** Forgets the oldest entries of a node's log, up to and with this one; less than what is applied. */
  compact(id: NodeId, index: LogIndex): void {
    assert(index < this.node(id).applied, "what is not applied is not compacted away, nor is the last that is");
    this.node(id).disk.compact(index);
  }

  /** Takes a checkpoint of all that another node has applied; false when this node has come as far by itself. */
  install(id: NodeId, from: NodeId): boolean {
    const checkpoint = this.#checkpointOf(from);
    if (checkpoint.index <= this.node(id).applied) return false;
    this.beginAnew(id, checkpoint);
    return true;
  }

  /**
   * Starts a node from a checkpoint, as nodes do it: what was on its way to the disk is lost, and the log is kept where it
   * has the checkpoint's entry.
   */
  beginAnew(id: NodeId, checkpoint: Checkpoint): void {
    const { index, term, configuration } = checkpoint;
    const { disk } = this.node(id);
    this.crash(id);
    if (disk.term(index) !== term) disk.reset(checkpoint);
    this.#configurations.set(index, configuration);
    this.restart(id, index);
  }

  /** The power fails; the oldest `kept` writes that were not synced have reached the disk all the same. */
  crash(id: NodeId, kept = 0): void {
    const node = this.node(id);
    for (const { ready } of node.writes.slice(0, kept)) node.disk.write(ready);
    node.writes.length = 0;
    node.raft = undefined;
  }

  /** Starts a node on what its disk has; `applied` is what its driver knows to be committed and applied. */
  restart(id: NodeId, appliedAtLeast: LogIndex = 0): void {
    const { tuning, createRaft, random } = this.#options;
    const node = this.node(id);
    const { life } = node;
    const applied = Math.max(appliedAtLeast, node.disk.firstIndex() - 1);
    const options: RaftOptions = {
      ...tuning,
      id,
      configuration: this.#configurationAt(node, applied),
      configurationOf: (data) => configurationIn(data, this.first),
      hardState: node.disk.startingState(),
      log: node.disk,
      commit: applied,
      random: random?.(id, life) ?? ((bound) => (id - 1 + life * 7) % bound),
    };
    node.life += 1;
    node.applied = applied;
    node.wanted = undefined;
    node.raft = createRaft?.(options) ?? new Raft(options);
  }

  #checkpointOf(id: NodeId): Checkpoint {
    const node = this.node(id);
    const index = node.applied;
    const term = must(node.disk.term(index), "what is applied is on the disk");
    return { index, term, configuration: this.#configurationAt(node, index) };
  }

  /** The configuration of what a node has applied, which its state knows: here it is remembered as it is applied. */
  #configurationAt({ disk }: TestNode, index: LogIndex): Configuration {
    const entry = disk.log[index - disk.firstIndex()];
    if (entry !== undefined) return configurationIn(entry.data, this.first);
    return this.#configurations.get(index) ?? this.first;
  }

  #link(from: NodeId, to: NodeId): Message[] {
    const name = `${from}->${to}`;
    const link = this.#links.get(name) ?? [];
    this.#links.set(name, link);
    return link;
  }

  #drive(node: TestNode): void {
    while (node.raft?.hasReady()) this.#handle(node, node.raft, node.raft.ready());
    while (!node.slowDisk && node.writes.length > 0) this.fsync(node.id);
  }

  #handle(node: TestNode, raft: Raft, ready: Ready): void {
    const { id } = node;
    if (ready.role !== undefined) this.#tell({ type: "role", node: id, role: ready.role });
    this.#send(ready.messages);
    if (ready.hardState !== undefined || ready.truncateFrom !== undefined || ready.entries.length > 0) {
      node.writes.push({ ready, messages: [...ready.messagesAfterPersist] });
      this.#tell({ type: "write", node: id, ready });
    } else {
      const before = node.writes.at(-1);
      if (before === undefined) this.#send(ready.messagesAfterPersist);
      else before.messages.push(...ready.messagesAfterPersist);
    }
    if (ready.committed !== undefined) this.#apply(node, raft, ready.committed.from, ready.committed.to);
    for (const read of ready.reads) this.#tell({ type: "read", node: id, read });
    if (ready.checkpointWanted !== undefined) {
      node.wanted = ready.checkpointWanted;
      this.#tell({ type: "wants", node: id, wanted: ready.checkpointWanted });
    }
    if (ready.role?.role === "leader") raft.propose([entryData("", raft.configuration, this.first)]);
  }

  #apply(node: TestNode, raft: Raft, from: LogIndex, to: LogIndex): void {
    assert(from === node.applied + 1, "committed entries are handed out without gaps");
    const entries = raft.entries(from, to + 1, Number.MAX_SAFE_INTEGER);
    node.applied = to;
    for (const { index, data } of entries) this.#configurations.set(index, configurationIn(data, this.first));
    this.#tell({ type: "applied", node: node.id, entries });
  }

  #send(messages: readonly Message[]): void {
    for (const message of messages) {
      this.#tell({ type: "sent", node: message.from, message });
      if (!this.#cuts.has(`${message.from}->${message.to}`)) this.#link(message.from, message.to).push(message);
    }
  }

  #tell(event: NodeEvent): void {
    this.#options.listen?.(event);
  }
}
