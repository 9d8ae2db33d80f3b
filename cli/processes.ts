/**
 * A cluster of real processes on this machine: one a node, and the sandbox acquirer. For `quorate dev`, the main job and
 * the tests that kill.
 */
import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CodedError } from "../node/base/errors.ts";
import { type ClusterFile, type KeyPair, newKey, parseClusterFile, writeKeyFile } from "../node/client/index.ts";
import { type InitOptions, initCluster } from "../node/host/init.ts";
import { endProcess } from "./end-process.ts";
import { freePorts } from "./free-ports.ts";
import { V8_OPTIONS } from "./v8-options.ts";

/** The processes run the build, also where this file is run from its source, as in tests. */
const BUILT: string = import.meta.url.endsWith(".ts") ? "../dist/cli/bin/quorate.js" : "./bin/quorate.js";
const QUORATE: string = fileURLToPath(new URL(BUILT, import.meta.url));
/** Longer than a node takes to stop by itself (cli/commands/start.ts). */
const STOP_MS = 15_000;
const CONFIG_FILE = "config.json";

export interface LocalClusterOptions {
  readonly directory: string;
  readonly nodes: number;
  /** Whether nodes encrypt their data at rest. */
  readonly encrypt?: boolean;
  /** Of the nodes; without it the default. */
  readonly timing?: InitOptions["timing"];
  readonly nowMs: number;
}

export class LocalCluster {
  readonly directory: string;
  readonly clusterFile: string;
  readonly admin: KeyPair;
  readonly acquirerPort: number;
  readonly #nodes = new Map<number, ChildProcess>();
  #acquirer: ChildProcess | undefined;
  /** All that were started and have not ended, also those that somebody is ending. */
  readonly #living = new Set<ChildProcess>();
  #closed = false;
  /** More options of Node.js for the nodes started from now on, such as those of its profiler. */
  nodeArguments: readonly string[] = [];
  /** Called when a process ends that nobody has ended. */
  onUnexpectedExit: (name: string, ending: string) => void = () => undefined;

  private constructor(fields: {
    readonly directory: string;
    readonly clusterFile: string;
    readonly admin: KeyPair;
    readonly acquirerPort: number;
  }) {
    this.directory = fields.directory;
    this.clusterFile = fields.clusterFile;
    this.admin = fields.admin;
    this.acquirerPort = fields.acquirerPort;
  }

  /** Writes a new cluster's files, with free ports on the loopback address; starts nothing. */
  static async init({ directory, nodes, encrypt = false, timing, nowMs }: LocalClusterOptions): Promise<LocalCluster> {
    const ports = await freePorts(nodes + 1);
    const acquirerPort = ports.pop() ?? 0;
    const admin = newKey();
    const { clusterFile } = initCluster({
      directory,
      adminKey: admin.publicKey,
      addresses: ports.map((port) => ({ host: "127.0.0.1", port })),
      endpoints: { card: `http://127.0.0.1:${acquirerPort}` },
      encrypt,
      ...(timing === undefined ? {} : { timing }),
      nowMs,
    });
    writeKeyFile(join(directory, "admin.key"), admin);
    return new LocalCluster({ directory, clusterFile, admin, acquirerPort });
  }

  /** A cluster that `init` has made before. */
  static open(directory: string, admin: KeyPair): LocalCluster {
    const clusterFile = join(directory, "cluster.json");
    const [first] = parseClusterFile(readFileSync(clusterFile, "utf8")).nodes;
    const card = configIn(homeOf(directory, first?.id ?? 0))?.endpoints.card;
    const acquirerPort = card === undefined ? 0 : Number(new URL(card).port);
    return new LocalCluster({ directory, clusterFile, admin, acquirerPort });
  }

  /** What the cluster file says now: members may come and go. */
  get cluster(): ClusterFile {
    return parseClusterFile(readFileSync(this.clusterFile, "utf8"));
  }

  get nodeIds(): readonly number[] {
    return this.cluster.nodes.map(({ id }) => id);
  }

  /** Process ids of the running nodes by name. */
  processIds(): ReadonlyMap<string, number> {
    return new Map([...this.#nodes].map(([id, { pid }]) => [`node-${id}`, pid ?? 0]));
  }

  startAll(): void {
    this.startAcquirer();
    for (const id of this.nodeIds) this.startNode(id);
  }

  startNode(id: number, nodeArguments: readonly string[] = this.nodeArguments): void {
    const home = homeOf(this.directory, id);
    const args = ["start", "--config", join(home, CONFIG_FILE)];
    this.#nodes.set(id, this.#spawn(`node-${id}`, args, home, [...V8_OPTIONS, ...nodeArguments]));
  }

  /** Runs a command of an admin on this cluster; throws with what it said where it fails. */
  async run(args: readonly string[]): Promise<void> {
    const where = ["--cluster", this.clusterFile, "--key", join(this.directory, "admin.key")];
    const child = this.#started([QUORATE, ...args, ...where], ["ignore", "ignore", "pipe"]);
    const said: string[] = [];
    child.stderr?.setEncoding("utf8").on("data", (text: string) => said.push(text));
    await once(child, "close");
    if (child.exitCode !== 0)
      throw new CodedError("command_failed", `quorate ${args.join(" ")}: ${said.join("").trim()}`);
  }

  startAcquirer(): void {
    if (this.acquirerPort === 0) return;
    const journal = join(this.directory, "acquirer.jsonl");
    const args = ["acquirer", "--port", String(this.acquirerPort), "--journal", journal];
    this.#acquirer = this.#spawn("acquirer", args, this.directory);
  }

  /** SIGKILL, as the power going: nothing gets the chance to save anything. */
  async killNode(id: number): Promise<void> {
    const child = this.#nodes.get(id);
    this.#nodes.delete(id);
    if (child !== undefined) await end(child, "SIGKILL");
  }

  /** Where a process writes what it has to say. */
  logOf(name: string): string {
    const [, id] = /^node-(\d+)$/.exec(name) ?? [];
    return join(id === undefined ? this.directory : homeOf(this.directory, Number(id)), `${name}.log`);
  }

  /** SIGTERM, as an operator would: resolves with the exit code. */
  async stopNode(id: number): Promise<number | null> {
    const child = this.#nodes.get(id);
    this.#nodes.delete(id);
    if (child === undefined) return null;
    await end(child, "SIGTERM");
    return child.exitCode;
  }

  async stopAll(): Promise<void> {
    this.#nodes.clear();
    this.#acquirer = undefined;
    await Promise.all([...this.#living].map((child) => end(child, "SIGTERM")));
  }

  /** Stops everything for good: whoever would start a killed node again must not, and gets `process_ended`. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.stopAll();
  }

  #spawn(
    name: string,
    args: readonly string[],
    logDirectory: string,
    nodeArguments: readonly string[] = [],
  ): ChildProcess {
    const log = openSync(join(logDirectory, `${name}.log`), "a");
    const child = this.#started([...nodeArguments, QUORATE, ...args], ["ignore", log, log]);
    closeSync(log);
    child.on("exit", (code, signal) => {
      const known = child === this.#acquirer || [...this.#nodes.values()].includes(child);
      if (known) this.onUnexpectedExit(name, code === null ? `by ${signal}` : `with code ${code}`);
    });
    return child;
  }

  #started(args: readonly string[], stdio: StdioOptions): ChildProcess {
    if (this.#closed) throw new CodedError("process_ended", "the cluster was stopped for good");
    const child = spawn(process.execPath, args, { stdio });
    this.#living.add(child);
    child.on("exit", () => this.#living.delete(child));
    return child;
  }
}

interface NodeConfig {
  readonly id: number;
  readonly endpoints: { readonly card?: string };
}

/** The configuration in a directory, where there is one. */
function configIn(home: string): NodeConfig | undefined {
  const path = join(home, CONFIG_FILE);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as NodeConfig) : undefined;
}

/** A node's directory bears its id, or its name where it has another; its configuration says whose it is. */
function homeOf(directory: string, id: number): string {
  const usual = join(directory, `node-${id}`);
  const homes = [usual, ...readdirSync(directory).map((name) => join(directory, name))];
  return homes.find((home) => configIn(home)?.id === id) ?? usual;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  await endProcess(child, signal, STOP_MS);
}
