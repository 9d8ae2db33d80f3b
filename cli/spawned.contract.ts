/** Running the built `quorate` as a process of its own in a test. Build first: `npm run build`. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { assert } from "../node/base/assert.ts";

const QUORATE: string = join(import.meta.dirname, "../dist/cli/bin/quorate.js");

export class Spawned {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  out = "";
  err = "";

  /** Starts the command as the head of a process group, as a shell on a terminal does. */
  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    assert(existsSync(QUORATE), "the process tests run the built command: npm run build");
    this.#child = spawn(process.execPath, [QUORATE, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      env: { ...process.env, ...env },
    });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.out += text;
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.err += text;
    });
    this.#ended = once(this.#child, "close");
  }

  /** Resolves with the exit code when the process has ended. */
  async code(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }

  /** Resolves when a text stands on standard output or error; throws when the process ends without it. */
  async says(text: string): Promise<void> {
    let ended = false;
    void this.#ended.then(() => {
      ended = true;
    });
    while (!`${this.out}\n${this.err}`.includes(text)) {
      assert(!ended, `the process has ended without "${text}": ${this.out}${this.err}`);
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
  }

  /** What Ctrl-C does on a terminal: the whole group of processes gets the signal. */
  ctrlC(): void {
    const { exitCode, signalCode, pid } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, "SIGINT");
  }

  /** What a supervisor does: the process alone gets the signal, and not what it has started. */
  send(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** Whether anybody listens on a port of this machine. */
export async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const heard = await once(socket, "connect").then(
    () => true,
    () => false,
  );
  socket.destroy();
  return heard;
}
