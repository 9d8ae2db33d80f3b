/** A headless Chromium in a test, by its own protocol: opens a page and evaluates expressions in it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestContext } from "vitest";
import { WebSocket } from "ws";
import { errorMessage } from "../../node/base/errors.ts";
import { ensureInstalled } from "../bench/peers/packages.ts";

/** Where Debian's package `chromium` puts it, or where QUORATE_CHROMIUM says. */
const CHROMIUM = process.env["QUORATE_CHROMIUM"] ?? "/usr/bin/chromium";
const LOOK_MS = 20;

/** Installs Chromium where there is none; where that may not be, skips the test and says so. */
export function needsChromium(context: TestContext): void {
  if (existsSync(CHROMIUM)) return;
  try {
    ensureInstalled(["chromium"], (text) => process.stderr.write(`${text}\n`));
    return;
  } catch (error) {
    process.stderr.write(`skipped: "${context.task.name}"; there is no ${CHROMIUM}: ${errorMessage(error)}\n`);
  }
  context.skip("there is no Chromium");
}

interface Reply {
  readonly id?: number;
  readonly method?: string;
  readonly result?: { readonly result?: { readonly value?: unknown }; readonly exceptionDetails?: object };
  readonly params?: { readonly exceptionDetails?: { readonly exception?: { readonly description?: string } } };
}

export class BrowserPage {
  /** What the page threw and nobody caught. */
  readonly errors: string[] = [];
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #next = 1;

  private constructor(process: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.on("message", (data: Buffer) => this.#hear(JSON.parse(data.toString("utf8")) as Reply));
  }

  /** Opens an address in a window of a person's size. */
  static async open(url: string): Promise<BrowserPage> {
    const profile = mkdtempSync(join(tmpdir(), "quorate-chromium-"));
    const flags = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      // A machine without a way out would have it try for long.
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"],
      "--no-first-run",
      "--window-size=1500,900",
      "--remote-debugging-port=0",
    ];
    const browser = spawn(CHROMIUM, [...flags, `--user-data-dir=${profile}`, "about:blank"], { stdio: "ignore" });
    const portFile = join(profile, "DevToolsActivePort");
    while (!existsSync(portFile) || readFileSync(portFile, "utf8") === "") await sleep(LOOK_MS);
    const [port = ""] = readFileSync(portFile, "utf8").split("\n");
    const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as readonly {
      readonly type: string;
      readonly webSocketDebuggerUrl: string;
    }[];
    const socket = new WebSocket(targets.find(({ type }) => type === "page")?.webSocketDebuggerUrl ?? "");
    await once(socket, "open");
    const page = new BrowserPage(browser, profile, socket);
    await page.#send("Runtime.enable", {});
    await page.#send("Page.navigate", { url });
    return page;
  }

  /** The value of an expression in the page. */
  async value(expression: string): Promise<unknown> {
    const { result } = await this.#send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (result?.exceptionDetails !== undefined) throw new Error(JSON.stringify(result.exceptionDetails));
    return result?.result?.value;
  }

  /** Waits until an expression is true in the page. */
  async until(expression: string): Promise<void> {
    while ((await this.value(expression)) !== true) await sleep(LOOK_MS);
  }

  /** Files that the page saves go into this directory. */
  async saveTo(directory: string): Promise<void> {
    await this.#send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: directory });
  }

  async press(key: string): Promise<void> {
    await this.#send("Input.dispatchKeyEvent", { type: "keyDown", key });
    await this.#send("Input.dispatchKeyEvent", { type: "keyUp", key });
  }

  async close(): Promise<void> {
    const exit = once(this.#process, "exit");
    // It ends its own processes, too, which would go on to write into the profile for a while.
    void this.#send("Browser.close", {});
    await exit;
    this.#socket.close();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #send(method: string, params: object): Promise<Reply> {
    const id = this.#next++;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
    });
  }

  #hear(reply: Reply): void {
    if (reply.method === "Runtime.exceptionThrown")
      this.errors.push(reply.params?.exceptionDetails?.exception?.description ?? "an exception");
    if (reply.id !== undefined) this.#waiting.get(reply.id)?.(reply);
  }
}
