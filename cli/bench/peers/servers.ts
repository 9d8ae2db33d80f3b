/**
 * Servers of other makers, started for a comparison: in a directory and on loopback ports of their own, as a user without
 * rights, and stopped one by one by what was started, never by name.
 */
import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError, errorMessage } from "../../../node/base/errors.ts";
import { endProcess } from "../../end-process.ts";
import { freePorts } from "../../free-ports.ts";

const POLL_MS = 100;
const READY_MS = 30_000;
const STOP_MS = 10_000;
const ROOT = 0;
/** How much of its log is told of a server that has ended. */
const LOG_END_CHARACTERS = 500;

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** What each comparison is measured with. */
export interface PeerOptions {
  readonly seconds: number;
  /** Resolves when the user wants all this to end. */
  readonly stopped: Promise<void>;
  readonly note: (text: string) => void;
}

export interface ServersOptions extends Pick<PeerOptions, "stopped"> {
  readonly name: string;
  /** Whom servers run as when we are root; nobody, where there is no such user. */
  readonly user: string;
  readonly ports: number;
}

/** What a promise gives, or `CodedError` `interrupted` when the user wants an end first. */
export async function unlessStopped<T>(work: Promise<T>, stopped: Promise<void>): Promise<T> {
  const interrupted = async (): Promise<never> => {
    await stopped;
    throw new CodedError("interrupted", "stopped before it was done");
  };
  return await Promise.race([work, interrupted()]);
}

export class Servers {
  readonly directory: string;
  readonly ports: readonly number[];
  readonly #account: Account | undefined;
  readonly #children = new Map<ChildProcess, NodeJS.Signals>();
  /** Why nothing more can come of this: a server has ended, or all were stopped. */
  #failure: CodedError | undefined;

  private constructor(directory: string, ports: readonly number[], account: Account | undefined) {
    this.directory = directory;
    this.ports = ports;
    this.#account = account;
  }

  /** Runs `act` with a new directory and free ports; afterwards, however it ends, stops what was started and removes the directory. */
  static async use<T>(
    { name, user, ports, stopped }: ServersOptions,
    act: (servers: Servers) => Promise<T>,
  ): Promise<T> {
    const account = process.getuid?.() === ROOT ? accountOf(user) : undefined;
    const free = await freePorts(ports);
    const directory = mkdtempSync(join(tmpdir(), `quorate-peer-${name}-`));
    const servers = new Servers(directory, free, account);
    try {
      chmodSync(directory, 0o711);
      if (account !== undefined) chownSync(directory, account.uid, account.gid);
      return await unlessStopped(act(servers), stopped);
    } finally {
      await servers.#stop();
    }
  }

  /** Starts a server that runs until the end; its output goes into NAME.log. */
  start(name: string, command: string, args: readonly string[], signal: NodeJS.Signals = "SIGTERM"): void {
    this.#assertUsable();
    const path = join(this.directory, `${name}.log`);
    const log = openSync(path, "a");
    const child = this.#spawn(command, args, ["ignore", log, log], signal);
    closeSync(log);
    const fail = (reason: string): void => {
      this.#failure ??= new CodedError("peer_failed", `${command} ${reason}`);
    };
    child.on("error", (error) => fail(`did not start: ${errorMessage(error)}`));
    child.on("exit", () => {
      if (this.#failure === undefined) fail(`has ended: ${readFileSync(path, "utf8").slice(-LOG_END_CHARACTERS)}`);
    });
  }

  /** Runs a command to its end beside this program and resolves with what it printed; rejects with `CodedError` `peer_failed`. */
  async run(command: string, args: readonly string[], input = ""): Promise<string> {
    this.#assertUsable();
    const child = this.#spawn(command, args, ["pipe", "pipe", "pipe"], "SIGTERM");
    const { stdin, stdout, stderr } = child;
    if (stdin === null || stdout === null || stderr === null)
      throw new CodedError("peer_failed", `${command}: no pipes`);
    try {
      // One that ends without having read everything says why in another way.
      stdin.on("error", () => undefined);
      stdin.end(input);
      const [out, errors] = await Promise.all([text(stdout), text(stderr), once(child, "close")]);
      if (child.exitCode === 0) return out;
      throw new CodedError("peer_failed", `${command} failed: ${errors}`);
    } catch (error) {
      if (error instanceof CodedError) throw error;
      throw new CodedError("peer_failed", `${command} cannot be run: ${errorMessage(error)}`, {}, error);
    } finally {
      this.#children.delete(child);
    }
  }

  /** Waits until `ready` answers true; what it cannot ask yet, it asks again. Rejects with `CodedError` `peer_failed`. */
  async until(what: string, ready: () => Promise<boolean>): Promise<void> {
    let reason = "";
    for (let waitedMs = 0; waitedMs <= READY_MS; waitedMs += POLL_MS) {
      this.#assertUsable();
      try {
        if (await ready()) return;
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        reason = `: ${error.message}`;
      }
      await sleep(POLL_MS);
    }
    throw new CodedError("peer_failed", `${what} did not come about in ${READY_MS} ms${reason}`);
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** In a process group of its own: Ctrl-C is for us, and what we have started we stop, in our order. */
  #spawn(command: string, args: readonly string[], stdio: SpawnOptions["stdio"], signal: NodeJS.Signals): ChildProcess {
    const env = { ...process.env, LC_ALL: "C.UTF-8" };
    const child = spawn(command, args, { cwd: this.directory, detached: true, env, stdio, ...this.#account });
    this.#children.set(child, signal);
    return child;
  }

  async #stop(): Promise<void> {
    this.#failure ??= new CodedError("peer_failed", "the servers were stopped");
    await Promise.all([...this.#children].map(([child, signal]) => endProcess(child, signal, STOP_MS)));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function accountOf(user: string): Account {
  const id = (option: string, name: string): number =>
    Number(execFileSync("id", [option, name], { stdio: ["ignore", "pipe", "ignore"] }).toString());
  try {
    return { uid: id("-u", user), gid: id("-g", user) };
  } catch {
    return { uid: id("-u", "nobody"), gid: id("-g", "nobody") };
  }
}
