/**
 * The language of `testdata/*.txt`: protocol tests that people can read.
 *
 * A script is blocks with empty lines between them. A block is commands, one a line, then `----`, then what came of them;
 * the output is written by `vitest -u` and reviewed as a diff. Lines that begin with `#` are comments. After each command
 * all safety properties are checked. consensus/README.md lists the commands.
 */
import { utf8 } from "../../node/base/bytes.ts";
import type { NodeId } from "../../node/base/ids.ts";
import { type Disk, type NodeEvent, TestCluster, TUNING, type Tuning } from "./cluster.test-support.ts";
import { type Configuration, nextConfiguration } from "./configuration.ts";
import { configurationOf, configurationText, idsOf, votersUpTo } from "./configurations.test-support.ts";
import type { RaftOptions } from "./options.ts";
import { Raft } from "./raft.ts";
import { Safety } from "./safety.test-support.ts";
import { entryText, eventLine, messageLine, progressLine, statusLine } from "./script-text.test-support.ts";

const SETTLE_ROUNDS_MAX = 1_000;

/** Runs a script and returns it with fresh outputs; with other cores than ours where a test wants to see one fail. */
export function runScript(text: string, createRaft = (options: RaftOptions): Raft => new Raft(options)): string {
  const interpreter = new Interpreter(createRaft);
  const blocks = text.trimEnd().split(/\n{2,}/);
  return `${blocks.map((block) => runBlock(interpreter, block)).join("\n\n")}\n`;
}

function runBlock(interpreter: Interpreter, block: string): string {
  const lines = block.split("\n");
  const end = lines.indexOf("----");
  const input = end < 0 ? lines : lines.slice(0, end);
  const commands = input.filter((line) => !line.startsWith("#"));
  if (commands.length === 0) return input.join("\n");
  const output: string[] = [];
  for (const { command, details } of joinDetails(commands)) output.push(...interpreter.run(command, details));
  return [...input, "----", ...output].join("\n");
}

/** Indented lines belong to the command above them. */
function joinDetails(lines: readonly string[]): { readonly command: string; readonly details: string[] }[] {
  const commands: { command: string; details: string[] }[] = [];
  for (const line of lines) {
    if (line.startsWith(" ")) commands.at(-1)?.details.push(line.trim());
    else commands.push({ command: line, details: [] });
  }
  return commands;
}

/** Options of the form name=value, and the words that are none. */
interface Words {
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

function isOption(word: string): boolean {
  return /^[a-z-]+=/.test(word);
}

function parseWords(line: string): Words {
  const all = line.split(/\s+/);
  const options = all.filter(isOption).map((word): [string, string] => {
    const at = word.indexOf("=");
    return [word.slice(0, at), word.slice(at + 1)];
  });
  return { words: all.filter((word) => !isOption(word)), options: new Map(options) };
}

interface Link {
  readonly from: NodeId;
  readonly to: NodeId;
}

class Interpreter {
  readonly #createRaft: (options: RaftOptions) => Raft;
  #cluster: TestCluster | undefined;
  #safety = new Safety();
  #lines: string[] = [];
  /** Whether deliveries are told, and not only what they change. */
  #tellDeliveries = false;

  constructor(createRaft: (options: RaftOptions) => Raft) {
    this.#createRaft = createRaft;
  }

  run(command: string, details: readonly string[]): readonly string[] {
    this.#lines = [];
    const { words, options } = parseWords(command);
    this.#tellDeliveries = words[0] === "deliver";
    try {
      this.#execute(words, options, details);
    } catch (error) {
      throw new Error(`in the command: ${command}`, { cause: error });
    }
    this.#safety.check(this.#theCluster);
    return this.#lines;
  }

  get #theCluster(): TestCluster {
    if (this.#cluster === undefined) throw new Error("a script begins with: nodes COUNT");
    return this.#cluster;
  }

  #execute(words: readonly string[], options: ReadonlyMap<string, string>, details: readonly string[]): void {
    const [name, first = "", ...rest] = words;
    const id = Number(first);
    const commands: Readonly<Record<string, () => void>> = {
      nodes: () => this.#begin(id, options, details),
      forget: () => this.#theCluster.act(id, (raft) => raft.forgetLeader()),
      campaign: () => this.#theCluster.act(id, (raft) => raft.campaign()),
      propose: () => this.#propose(id, rest),
      configure: () => this.#configure(id, options),
      change: () => this.#propose(id, ["change"], configurationOf(rest[0] ?? "")),
      compact: () => this.#theCluster.compact(id, Number(rest[0])),
      install: () => this.#install(id, Number(rest[1])),
      transfer: () => this.#transfer(id, Number(rest[0])),
      read: () => this.#read(id, Number(rest[0]), rest[1] === "lease"),
      tick: () => this.#tick(first, Number(rest[0] ?? 1)),
      deliver: () => this.#onLinks(first, rest[0], ({ from, to }) => this.#theCluster.deliver(from, to)),
      settle: () => this.#settle(),
      drop: () => this.#onLinks(first, rest[0], ({ from, to }) => this.#theCluster.drop(from, to)),
      duplicate: () => this.#duplicate(first),
      cut: () => this.#cut(words.slice(1)),
      heal: () => this.#theCluster.heal(),
      disk: () => this.#setDisk(id, rest[0]),
      fsync: () => this.#fsync(id, rest[0]),
      crash: () => this.#theCluster.crash(id, Number(options.get("kept") ?? 0)),
      restart: () => this.#theCluster.restart(id, Number(options.get("applied") ?? 0)),
      status: () => this.#status(words.slice(1)),
      log: () => this.#log(id),
      progress: () => this.#lines.push(...this.#theCluster.raft(id).peerProgress().map(progressLine)),
      wire: () => this.#wire(),
    };
    const command = commands[name ?? ""];
    if (command === undefined) throw new Error(`there is no command ${name}`);
    command();
  }

  #begin(count: number, options: ReadonlyMap<string, string>, details: readonly string[]): void {
    this.#safety = new Safety();
    const listen = (event: NodeEvent): void => {
      this.#safety.listen(event);
      const line = eventLine(event, { disk: this.#cluster?.node(event.node).slowDisk ?? false });
      const silent = event.type === "delivered" && !this.#tellDeliveries;
      if (line !== undefined && !silent) this.#lines.push(line);
    };
    const { voters = String(votersUpTo(count).voters), learners = "", ...others } = Object.fromEntries(options);
    const configuration = { voters: idsOf(voters), outgoing: [], learners: idsOf(learners) };
    const tuning = tuningOf(Object.entries(others));
    const disks = new Map(details.map(diskOf));
    this.#cluster = new TestCluster({ count, configuration, tuning, disks, listen, createRaft: this.#createRaft });
  }

  #propose(id: NodeId, texts: readonly string[], configuration?: Configuration): void {
    const first = this.#theCluster.propose(id, texts, configuration);
    if (first === undefined) this.#lines.push(`${id} takes nothing`);
  }

  /** One step towards the members that are desired, as a driver takes it; without any, it leaves a joint configuration. */
  #configure(id: NodeId, options: ReadonlyMap<string, string>): void {
    const raft = this.#theCluster.raft(id);
    const desired = {
      voters: idsOf(options.get("voters") ?? String(raft.configuration.voters)),
      learners: idsOf(options.get("learners") ?? ""),
    };
    const progress = raft.peerProgress();
    const isReady = (peer: NodeId): boolean =>
      peer === id || progress.some((of) => of.peer === peer && of.match >= raft.commit);
    const next = nextConfiguration(raft.configuration, desired, isReady);
    if (next === undefined) this.#lines.push(`${id} changes nothing`);
    else {
      this.#lines.push(`${id} {${configurationText(next)}}`);
      this.#propose(id, ["change"], next);
    }
  }

  #install(id: NodeId, from: NodeId): void {
    if (!this.#theCluster.install(id, from)) this.#lines.push(`${id} does not take it`);
  }

  #transfer(id: NodeId, to: NodeId): void {
    if (!this.#theCluster.act(id, (raft) => raft.transferLeadership(to)))
      this.#lines.push(`${id} cannot hand over to ${to}`);
  }

  #read(id: NodeId, request: number, lease: boolean): void {
    if (!this.#theCluster.act(id, (raft) => raft.requestRead(request, lease)))
      this.#lines.push(`${id} knows no leader`);
  }

  #tick(who: string, count: number): void {
    for (let i = 0; i < count; i++) {
      this.#theCluster.passTime();
      for (const { id, raft } of this.#theCluster.nodes) {
        if (raft !== undefined && (who === "all" || Number(who) === id)) this.#theCluster.act(id, (up) => up.tick());
      }
    }
  }

  /** Does something to the messages that are on the links now, at most `count` on each. */
  #onLinks(pattern: string, count: string | undefined, action: (link: Link) => void): void {
    for (const { from, to, messages } of this.#theCluster.links().filter((link) => fits(pattern, link))) {
      const now = Math.min(messages.length, Number(count ?? messages.length));
      for (let i = 0; i < now; i++) action({ from, to });
    }
  }

  #settle(): void {
    for (let round = 0; this.#theCluster.links().length > 0; round++) {
      if (round === SETTLE_ROUNDS_MAX) throw new Error("the cluster does not come to rest");
      this.#onLinks("", undefined, ({ from, to }) => this.#theCluster.deliver(from, to));
    }
  }

  #duplicate(pattern: string): void {
    for (const { from, to, messages } of this.#theCluster.links().filter((link) => fits(pattern, link))) {
      const count = messages.length;
      for (let place = 0; place < count; place++) this.#theCluster.duplicate(from, to, place);
    }
  }

  /** A pattern with an arrow cuts one direction, a node alone all its links. */
  #cut(patterns: readonly string[]): void {
    const ids = this.#theCluster.nodes.map((node) => node.id);
    for (const link of ids.flatMap((from) => ids.map((to) => ({ from, to })))) {
      const is = patterns.some((pattern) =>
        pattern.includes("->") ? fits(pattern, link) : [link.from, link.to].includes(Number(pattern)),
      );
      if (is) this.#theCluster.cut(link.from, link.to);
    }
  }

  #setDisk(id: NodeId, speed: string | undefined): void {
    if (speed !== "slow" && speed !== "fast") throw new Error("a disk is slow or fast");
    this.#theCluster.node(id).slowDisk = speed === "slow";
  }

  #fsync(id: NodeId, count: string | undefined): void {
    const { writes } = this.#theCluster.node(id);
    if (writes.length === 0) this.#lines.push(`${id} has nothing to sync`);
    for (let left = Number(count ?? writes.length); left > 0 && writes.length > 0; left--) this.#theCluster.fsync(id);
  }

  #status(ids: readonly string[]): void {
    const nodes = this.#theCluster.nodes.filter(({ id }) => ids.length === 0 || ids.includes(String(id)));
    this.#lines.push(...nodes.map((node) => statusLine(node, this.#theCluster.first)));
  }

  #log(id: NodeId): void {
    const raft = this.#theCluster.raft(id);
    const { firstIndex, lastIndex } = raft;
    const entries = lastIndex < firstIndex ? [] : raft.entries(firstIndex, lastIndex + 1, Number.MAX_SAFE_INTEGER);
    this.#lines.push(`${id} ${entries.map(entryText).join(" ")}`);
  }

  #wire(): void {
    const messages = this.#theCluster.links().flatMap((link) => link.messages);
    this.#lines.push(...(messages.length === 0 ? ["nothing"] : messages.map(messageLine)));
  }
}

/** `1->2`, with `*` for any node; an empty pattern fits all links. */
function fits(pattern: string, { from, to }: Link): boolean {
  if (pattern === "") return true;
  const [a, b] = pattern.split("->");
  return (a === "*" || Number(a) === from) && (b === "*" || Number(b) === to);
}

const SWITCHES: ReadonlyMap<string, "preVote" | "checkQuorum"> = new Map([
  ["prevote", "preVote"],
  ["checkquorum", "checkQuorum"],
]);
const NUMBERS: ReadonlyMap<string, Exclude<keyof Tuning, "preVote" | "checkQuorum">> = new Map([
  ["election", "electionTimeoutTicks"],
  ["heartbeat", "heartbeatTicks"],
  ["append-bytes", "appendBytesMax"],
  ["in-flight", "appendsInFlightMax"],
  ["in-flight-bytes", "bytesInFlightMax"],
  ["catch-up-bytes", "catchUpBytesPerTick"],
  ["reads", "readsWaitingMax"],
  ["lease-drift", "leaseDriftPermille"],
]);

function tuningOf(options: readonly (readonly [string, string])[]): Tuning {
  const tuning: { -readonly [K in keyof Tuning]: Tuning[K] } = { ...TUNING };
  for (const [name, value] of options) {
    const toggle = SWITCHES.get(name);
    const number = NUMBERS.get(name);
    if (toggle !== undefined) tuning[toggle] = value === "on";
    else if (number !== undefined) tuning[number] = Number(value);
    else throw new Error(`there is no option ${name}`);
  }
  return tuning;
}

/** `1 term=7 vote=2 log=1,1,4`: what node 1 has on its disk; the term is that of its last entry unless it is said. */
function diskOf(line: string): [NodeId, Disk] {
  const { words, options } = parseWords(line);
  const terms = (options.get("log") ?? "").split(",").filter(Boolean).map(Number);
  const term = Number(options.get("term") ?? terms.at(-1) ?? 0);
  const entries = terms.map((of, index) => ({ index: index + 1, term: of, data: utf8(`old${index + 1}@${of}`) }));
  return [Number(words[0]), { hardState: { term, vote: Number(options.get("vote") ?? 0) }, entries }];
}
