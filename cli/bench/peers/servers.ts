/**
 * Servers of other makers, started for a comparison: in a directory and on loopback ports of their own, as a user without
 * rights, and stopped one by one by what was started, never by name.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../../../node/base/errors.ts";
import { freePorts } from "../../free-ports.ts";

/** dpkg's own placeholder. */
const STATUS_FORMAT = "$" + "{Status}";
const POLL_MS = 100;
const ROOT = 0;
const INSTALL_TIMEOUT_MS = 300_000;

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Makes sure that Debian's packages are there: installs them when run as root, else says what to install. */
export function ensureInstalled(packages: readonly string[], note: (text: string) => void): void {
  const missing = packages.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  const command = `apt-get install -y ${missing.join(" ")}`;
  if (process.getuid?.() !== ROOT) throw new CodedError("peer_missing", `for this comparison, run as root: ${command}`);
  note(`Installing ${missing.join(", ")} from Debian's packages ...`);
  const options = {
    stdio: "ignore",
    timeout: INSTALL_TIMEOUT_MS,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  } as const;
  try {
    execFileSync("apt-get", ["update", "-qq"], options);
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], options);
  } catch (error) {
    throw new CodedError("peer_missing", `"${command}" failed; install them by hand`, {}, error);
  }
}

function isInstalled(name: string): boolean {
  try {
    const status = execFileSync("dpkg-query", ["-W", "-f", STATUS_FORMAT, name], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    return status.toString().endsWith(" installed");
  } catch {
    return false;
  }
}

export class Servers {
  readonly directory: string;
  readonly ports: readonly number[];
  readonly #account: Account | undefined;
  readonly #running: { readonly child: ChildProcess; readonly signal: NodeJS.Signals }[] = [];

  private constructor(directory: string, ports: readonly number[], account: Account | undefined) {
    this.directory = directory;
    this.ports = ports;
    this.#account = account;
  }

  /** A new directory and `portCount` free ports; `user` is whom servers run as when we are root. */
  static async prepare(name: string, user: string, portCount: number): Promise<Servers> {
    const directory = mkdtempSync(join(tmpdir(), `quorate-peer-${name}-`));
    const account = process.getuid?.() === ROOT ? accountOf(user) : undefined;
    chmodSync(directory, 0o711);
    if (account !== undefined) chownSync(directory, account.uid, account.gid);
    return new Servers(directory, await freePorts(portCount), account);
  }

  /** Starts a server that runs until `stop`; its output goes into NAME.log. */
  start(name: string, command: string, args: readonly string[], signal: NodeJS.Signals = "SIGTERM"): void {
    const log = openSync(join(this.directory, `${name}.log`), "a");
    const child = spawn(command, args, { cwd: this.directory, stdio: ["ignore", log, log], ...this.#account });
    closeSync(log);
    this.#running.push({ child, signal });
  }

  /** Runs a command to its end and returns what it printed; throws `CodedError` `peer_failed`. */
  run(command: string, args: readonly string[], input = ""): string {
    try {
      const options = {
        cwd: this.directory,
        input,
        stdio: "pipe",
        maxBuffer: 64 * 1_048_576,
        ...this.#account,
      } as const;
      return execFileSync(command, args, options).toString();
    } catch (error) {
      const { stderr } = error as { readonly stderr?: Buffer };
      throw new CodedError("peer_failed", `${command} failed: ${stderr?.toString() ?? ""}`, {}, error);
    }
  }

  /** Runs a command beside this one; resolves with what it printed. */
  async runAside(command: string, args: readonly string[]): Promise<string> {
    const child = spawn(command, args, { cwd: this.directory, stdio: ["ignore", "pipe", "pipe"], ...this.#account });
    const out: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
    const [code] = (await once(child, "close")) as [number | null];
    if (code === 0) return Buffer.concat(out).toString();
    throw new CodedError("peer_failed", `${command} failed: ${Buffer.concat(errors).toString()}`);
  }

  /** Stops what was started, and removes the directory. */
  async stop(): Promise<void> {
    await Promise.all(
      this.#running.map(async ({ child, signal }) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const gone = once(child, "exit");
        child.kill(signal);
        await gone;
      }),
    );
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Waits until `ready` answers true without throwing; throws `CodedError` `peer_failed` after `timeoutMs`. */
export async function waitUntil(what: string, timeoutMs: number, ready: () => boolean): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    try {
      if (ready()) return;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
    }
    if (waitedMs > timeoutMs) throw new CodedError("peer_failed", `${what} did not get ready in ${timeoutMs} ms`);
    await sleep(POLL_MS);
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
