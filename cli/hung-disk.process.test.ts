/**
 * A real node whose disk hangs, or is slow: the threads that write for it are held in a call to the system, as by a disk, and
 * not by anything that the node knows of.
 */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../node/client/ask.ts";
import { QuorateClient } from "../node/client/index.ts";
import { accountBatches, TransferBatches } from "../node/ledger/flat-batches.ts";
import { waitReady } from "./node-status.ts";
import { LocalCluster } from "./processes.ts";
import { pause, until } from "./waiting.test-support.ts";

const PATIENCE_MS = 120_000;
const SHAPE = { accounts: 10, ledger: 978, code: 1 };
/** Longer than a node waits for its disk (node/host/run.ts), shorter than others wait for the node (processes.ts). */
const ENDS_WITHIN_MS = 12_000;
/** The same of a node that stops itself. */
const FATAL_WITHIN_MS = 10_000;
/** How often a slow disk gets through what it has been given. */
const SLOW_MS = 5_000;

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "quorate-hung-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Files that say, while they are there, what a node's disk does, and how else the node fares. */
interface Signs {
  readonly hangs: string;
  readonly isSlow: string;
  readonly fails: string;
  /** Standard error is on that disk. */
  readonly isMute: string;
  /** The node is at fault. */
  readonly isWrong: string;
}

/** Pipes that nobody writes to. */
interface Pipes {
  /** What holds whoever hangs. */
  readonly hung: string;
  /** What holds the syncs of a slow disk. */
  readonly slow: string;
}

/**
 * Loaded before the node: while the disk hangs, a sync opens a pipe that nobody writes to, which takes for ever, and so does
 * what is said on standard error, in the thread that says it. While it is slow, it takes until somebody does.
 */
function heldDisk(signs: Signs, pipes: Pipes): string {
  const code = `
    import crypto from "node:crypto";
    import fs from "node:fs";
    import { syncBuiltinESMExports } from "node:module";
    const { fdatasync, writev } = fs;
    const { hash } = crypto;
    const say = process.stderr.write.bind(process.stderr);
    const signs = ${JSON.stringify(signs)};
    const pipes = ${JSON.stringify(pipes)};
    const isThere = (file) => fs.existsSync(file);
    const slowly = (fd, done) => fs.open(pipes.slow, "r", (_, held) => fs.close(held, () => fdatasync(fd, done)));
    fs.fdatasync = (fd, done) => {
      if (isThere(signs.hangs)) fs.open(pipes.hung, "r", done);
      else if (isThere(signs.isSlow)) slowly(fd, done);
      else fdatasync(fd, done);
    };
    fs.writev = (fd, buffers, position, done) => {
      if (isThere(signs.fails)) setImmediate(done, Object.assign(new Error("EIO: i/o error, write"), { code: "EIO" }), 0);
      else writev(fd, buffers, position, done);
    };
    process.stderr.write = (...said) => (isThere(signs.isMute) ? fs.openSync(pipes.hung, "r") : say(...said));
    crypto.hash = (...hashed) => {
      if (isThere(signs.isWrong)) throw new Error("the memory is at fault");
      return hash(...hashed);
    };
    syncBuiltinESMExports();`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

/** A cluster of one node on such a disk. */
class HeldNode {
  readonly signs: Signs;
  readonly local: LocalCluster;
  /** How the node has ended when nobody has ended it. */
  readonly endings: string[] = [];
  readonly #pipes: Pipes;

  private constructor(home: string, local: LocalCluster) {
    const at = (name: string): string => join(home, name);
    this.signs = {
      hangs: at("hangs"),
      isSlow: at("slow"),
      fails: at("fails"),
      isMute: at("mute"),
      isWrong: at("wrong"),
    };
    this.#pipes = { hung: at("hung-pipe"), slow: at("slow-pipe") };
    this.local = local;
    execFileSync("mkfifo", [this.#pipes.hung, this.#pipes.slow]);
    local.nodeArguments = ["--import", heldDisk(this.signs, this.#pipes)];
    local.onUnexpectedExit = (_name, ending) => this.endings.push(ending);
    local.startNode(1);
  }

  static async start(): Promise<HeldNode> {
    const home = mkdtempSync(join(directory, "node-"));
    return new HeldNode(
      home,
      await LocalCluster.init({ directory: join(home, "cluster"), nodes: 1, nowMs: Date.now() }),
    );
  }

  async opened(): Promise<QuorateClient> {
    const { cluster, admin } = this.local;
    await waitReady(cluster, admin, PATIENCE_MS);
    return await QuorateClient.open({ cluster, signer: admin, deadlineMs: PATIENCE_MS });
  }

  /** All that it has said. */
  get said(): string {
    return readFileSync(this.local.logOf("node-1"), "utf8");
  }

  /** Whoever waits for a slow disk goes on. */
  letGo(): void {
    try {
      closeSync(openSync(this.#pipes.slow, constants.O_WRONLY | constants.O_NONBLOCK));
    } catch {
      // Nobody waits.
    }
  }

  /** Flips a bit of the first block where it stands; once more, and it is as it was. */
  damageFirstBlock(): void {
    const file = openSync(join(this.local.directory, "node-1", "data", "log", "0000000000000001.wal"), "r+");
    const [byte, place] = [new Uint8Array(1), 200];
    readSync(file, byte, 0, 1, place);
    writeSync(file, Uint8Array.of((byte[0] ?? 0) ^ 4), 0, 1, place);
    closeSync(file);
  }
}

/** Each has a node of its own, and they wait most of the time: they do so side by side. */
function testHeld(what: string, act: (node: HeldNode) => Promise<void>): void {
  test.concurrent(what, { timeout: PATIENCE_MS }, async () => {
    const node = await HeldNode.start();
    try {
      await act(node);
    } finally {
      await node.local.stopAll();
    }
  });
}

testHeld(
  "SIGTERM ends it all the same, with what it did not wait for, and nothing that was acknowledged is lost",
  async (node) => {
    const { local, signs } = node;
    const client = await node.opened();
    for (const batch of accountBatches(SHAPE)) await client.submit({ kind: "createAccounts", batch });
    writeFileSync(signs.hangs, "");
    const batch = new TransferBatches(SHAPE, 1, 1).next(10);
    let isAcknowledged = false;
    const lost = client.submit({ kind: "createTransfers", batch }).then(
      () => {
        isAcknowledged = true;
      },
      () => undefined,
    );
    await pause(500);
    const since = performance.now();
    await local.stopNode(1);
    expect(performance.now() - since).toBeLessThan(ENDS_WITHIN_MS);
    expect(node.said).toContain('"event":"node.waits_for_disk"');
    expect(node.said).toContain("Not waited for: writes to the log");
    expect(isAcknowledged).toBe(false);
    client.close();
    await lost;
    rmSync(signs.hangs);
    local.startNode(1);
    const again = await node.opened();
    expect(await ask(again, { type: "summary" })).toMatchObject({ accounts: SHAPE.accounts });
    again.close();
  },
);

/** A node that has something to write, and finds then that it is at fault; how it ends, and what it has said. */
async function endedByItself(
  node: HeldNode,
  ...kinds: readonly (keyof Signs)[]
): Promise<{ ending: string; said: string; afterMs: number }> {
  const { local, signs } = node;
  const client = await node.opened();
  for (const kind of kinds) writeFileSync(signs[kind], "");
  const slowDisk = setInterval(() => node.letGo(), SLOW_MS);
  const submits = async (): Promise<void> => {
    for (const batch of accountBatches(SHAPE)) await client.submit({ kind: "createAccounts", batch });
  };
  const lost = submits().catch(() => undefined);
  await pause(500);
  const since = performance.now();
  writeFileSync(signs.isWrong, "");
  const later = submits().catch(() => undefined);
  const ending = await until("the node to end", () => node.endings[0]);
  const afterMs = performance.now() - since;
  clearInterval(slowDisk);
  client.close();
  await Promise.all([lost, later]);
  await local.stopNode(1);
  return { ending, said: node.said, afterMs };
}

testHeld("a node that stops itself ends with exit code 70", async (node) => {
  const { ending, said, afterMs } = await endedByItself(node);
  expect(ending).toBe("with code 70");
  expect(said).toContain("Quorate node 1 has stopped itself");
  expect(said).not.toContain("Not waited for");
  expect(afterMs).toBeLessThan(FATAL_WITHIN_MS);
});

testHeld("so does one whose disk is slow: it is waited for", async (node) => {
  const { ending, said } = await endedByItself(node, "isSlow");
  expect(said).toContain("the memory is at fault");
  expect([ending, said.includes("Not waited for")]).toEqual(["with code 70", false]);
});

testHeld("one that stops itself while its disk hangs ends as if it were killed, and has said why", async (node) => {
  const { ending, said, afterMs } = await endedByItself(node, "hangs");
  expect(ending).toBe("by SIGKILL");
  expect(said).toContain("Quorate node 1 has stopped itself");
  expect(said).toContain("the memory is at fault");
  expect(said).toContain("Not waited for: what is under way");
  expect(afterMs).toBeLessThan(FATAL_WITHIN_MS);
});

testHeld("and also where not even that can be said", async (node) => {
  const { ending, said, afterMs } = await endedByItself(node, "hangs", "isMute");
  expect([ending, said.includes("has stopped itself")]).toEqual(["by SIGKILL", false]);
  expect(afterMs).toBeLessThan(FATAL_WITHIN_MS);
});

testHeld("and where a disk has failed, and hangs in another call", async (node) => {
  const { ending, said, afterMs } = await endedByItself(node, "fails", "hangs");
  expect(ending).toBe("by SIGKILL");
  expect(said).toContain("EIO");
  expect(said).toContain("Not waited for: what is under way");
  expect(afterMs).toBeLessThan(FATAL_WITHIN_MS);
});

testHeld(
  "a node that is to start again to mend its log waits for its disk, says so, and ends when it is told to",
  async (node) => {
    const { local, signs } = node;
    (await node.opened()).close();
    await local.stopNode(1);
    local.startNode(1);
    const client = await node.opened();
    const { length } = node.said;
    const said = (): string => node.said.slice(length);
    // The node has not kept it in its memory.
    node.damageFirstBlock();
    writeFileSync(signs.hangs, "");
    const unanswered = ask(client, { type: "blocks", from: 1 }).catch(() => undefined);
    await until("the node to say that it waits", () => said().includes('"event":"node.waits_for_disk"') || undefined);
    expect(said()).toContain('"event":"log.damaged"');
    const since = performance.now();
    await local.stopNode(1);
    expect(performance.now() - since).toBeLessThan(ENDS_WITHIN_MS);
    expect(said()).toContain("was told to stop");
    client.close();
    await unanswered;
    node.damageFirstBlock();
  },
);
