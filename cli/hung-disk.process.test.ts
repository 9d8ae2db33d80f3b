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
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
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
let local: LocalCluster;
/**
 * Files that say, while they are there, that the disk hangs, is slow, or fails, that standard error is on it, and that the node
 * is at fault.
 */
let hangs = "";
let isSlow = "";
let fails = "";
let isMute = "";
let isWrong = "";
/** What holds the syncs of a slow disk. */
let slowPipe = "";
/** How nodes have ended that nobody has ended. */
let endings: string[] = [];

/**
 * Loaded before the node: while the disk hangs, a sync opens a pipe that nobody writes to, which takes for ever, and so does
 * what is said on standard error, in the thread that says it. While it is slow, it takes until somebody does.
 */
function hangingDisk(pipe: string): string {
  const code = `
    import crypto from "node:crypto";
    import fs from "node:fs";
    import { syncBuiltinESMExports } from "node:module";
    const { fdatasync, writev } = fs;
    const { hash } = crypto;
    const say = process.stderr.write.bind(process.stderr);
    const isThere = (file) => fs.existsSync(file);
    const slowly = (fd, done) => fs.open(${JSON.stringify(slowPipe)}, "r", (_, held) => fs.close(held, () => fdatasync(fd, done)));
    fs.fdatasync = (fd, done) => {
      if (isThere(${JSON.stringify(hangs)})) fs.open(${JSON.stringify(pipe)}, "r", done);
      else if (isThere(${JSON.stringify(isSlow)})) slowly(fd, done);
      else fdatasync(fd, done);
    };
    fs.writev = (fd, buffers, position, done) => {
      if (isThere(${JSON.stringify(fails)})) setImmediate(done, Object.assign(new Error("EIO: i/o error, write"), { code: "EIO" }), 0);
      else writev(fd, buffers, position, done);
    };
    process.stderr.write = (...said) => (isThere(${JSON.stringify(isMute)}) ? fs.openSync(${JSON.stringify(pipe)}, "r") : say(...said));
    crypto.hash = (...hashed) => {
      if (isThere(${JSON.stringify(isWrong)})) throw new Error("the memory is at fault");
      return hash(...hashed);
    };
    syncBuiltinESMExports();`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

/** Whoever waits for a slow disk goes on. */
function letGo(): void {
  try {
    closeSync(openSync(slowPipe, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch {
    // Nobody waits.
  }
}

/** Flips a bit of the first block where it stands; once more, and it is as it was. */
function damageFirstBlock(): void {
  const file = openSync(join(local.directory, "node-1", "data", "log", "0000000000000001.wal"), "r+");
  const [byte, place] = [new Uint8Array(1), 200];
  readSync(file, byte, 0, 1, place);
  writeSync(file, Uint8Array.of((byte[0] ?? 0) ^ 4), 0, 1, place);
  closeSync(file);
}

async function opened(): Promise<QuorateClient> {
  await waitReady(local.cluster, local.admin, PATIENCE_MS);
  return await QuorateClient.open({ cluster: local.cluster, signer: local.admin, deadlineMs: PATIENCE_MS });
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "quorate-hung-"));
  const fileOf = (name: string): string => join(directory, name);
  [hangs, isSlow, fails] = [fileOf("hangs"), fileOf("slow"), fileOf("fails")];
  [isMute, isWrong] = [fileOf("mute"), fileOf("wrong")];
  const pipe = fileOf("pipe");
  slowPipe = fileOf("slow-pipe");
  execFileSync("mkfifo", [pipe, slowPipe]);
  local = await LocalCluster.init({ directory: join(directory, "cluster"), nodes: 1, nowMs: Date.now() });
  local.nodeArguments = ["--import", hangingDisk(pipe)];
  local.onUnexpectedExit = (_name, ending) => endings.push(ending);
});

beforeEach(async () => {
  for (const file of [hangs, isSlow, fails, isMute, isWrong]) rmSync(file, { force: true });
  await local.stopNode(1);
  endings = [];
  local.startNode(1);
});

afterAll(async () => {
  await local.stopAll();
  rmSync(directory, { recursive: true });
});

test("SIGTERM ends it all the same, with what it did not wait for, and nothing that was acknowledged is lost", {
  timeout: PATIENCE_MS,
}, async () => {
  const client = await opened();
  for (const batch of accountBatches(SHAPE)) await client.submit({ kind: "createAccounts", batch });
  writeFileSync(hangs, "");
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
  const log = readFileSync(local.logOf("node-1"), "utf8");
  expect(log).toContain('"event":"node.waits_for_disk"');
  expect(log).toContain("Not waited for: writes to the log");
  expect(isAcknowledged).toBe(false);
  client.close();
  await lost;
  rmSync(hangs);
  local.startNode(1);
  const again = await opened();
  expect(await ask(again, { type: "summary" })).toMatchObject({ accounts: SHAPE.accounts });
  again.close();
});

/** A node that has something to write, and finds then that it is at fault; how it ends, and what it has said since. */
async function endedByItself(...files: readonly string[]): Promise<{ ending: string; said: string; afterMs: number }> {
  const client = await opened();
  const { length } = readFileSync(local.logOf("node-1"), "utf8");
  for (const file of files) writeFileSync(file, "");
  const slowDisk = setInterval(letGo, SLOW_MS);
  const submits = async (): Promise<void> => {
    for (const batch of accountBatches(SHAPE)) await client.submit({ kind: "createAccounts", batch });
  };
  const lost = submits().catch(() => undefined);
  await pause(500);
  const since = performance.now();
  writeFileSync(isWrong, "");
  const later = submits().catch(() => undefined);
  const ending = await until("the node to end", () => endings[0]);
  const afterMs = performance.now() - since;
  clearInterval(slowDisk);
  client.close();
  await Promise.all([lost, later]);
  await local.stopNode(1);
  return { ending, said: readFileSync(local.logOf("node-1"), "utf8").slice(length), afterMs };
}

test("a node that stops itself ends with exit code 70", { timeout: PATIENCE_MS }, async () => {
  const { ending, said, afterMs } = await endedByItself();
  expect(ending).toBe("with code 70");
  expect(said).toContain("Quorate node 1 has stopped itself");
  expect(said).not.toContain("Not waited for");
  expect(afterMs).toBeLessThan(FATAL_WITHIN_MS);
});

test("so does one whose disk is slow: it is waited for", { timeout: PATIENCE_MS }, async () => {
  const { ending, said } = await endedByItself(isSlow);
  expect(said).toContain("the memory is at fault");
  expect([ending, said.includes("Not waited for")]).toEqual(["with code 70", false]);
});

test("one that stops itself while its disk hangs ends as if it were killed, and has said why", {
  timeout: PATIENCE_MS,
}, async () => {
  const { ending, said, afterMs } = await endedByItself(hangs);
  expect(ending).toBe("by SIGKILL");
  expect(said).toContain("Quorate node 1 has stopped itself");
  expect(said).toContain("the memory is at fault");
  expect(said).toContain("Not waited for: what is under way");
  expect(afterMs).toBeLessThan(FATAL_WITHIN_MS);
});

test("and also where not even that can be said", { timeout: PATIENCE_MS }, async () => {
  const { ending, said, afterMs } = await endedByItself(hangs, isMute);
  expect([ending, said.includes("has stopped itself")]).toEqual(["by SIGKILL", false]);
  expect(afterMs).toBeLessThan(FATAL_WITHIN_MS);
});

test("and where a disk has failed, and hangs in another call", { timeout: PATIENCE_MS }, async () => {
  const { ending, said, afterMs } = await endedByItself(fails, hangs);
  expect(ending).toBe("by SIGKILL");
  expect(said).toContain("EIO");
  expect(said).toContain("Not waited for: what is under way");
  expect(afterMs).toBeLessThan(FATAL_WITHIN_MS);
});

test("a node that is to start again to mend its log waits for its disk, says so, and ends when it is told to", {
  timeout: PATIENCE_MS,
}, async () => {
  (await opened()).close();
  await local.stopNode(1);
  local.startNode(1);
  const client = await opened();
  const { length } = readFileSync(local.logOf("node-1"), "utf8");
  const said = (): string => readFileSync(local.logOf("node-1"), "utf8").slice(length);
  // The node has not kept it in its memory.
  damageFirstBlock();
  writeFileSync(hangs, "");
  const unanswered = ask(client, { type: "blocks", from: 1 }).catch(() => undefined);
  await until("the node to say that it waits", () => said().includes('"event":"node.waits_for_disk"') || undefined);
  expect(said()).toContain('"event":"log.damaged"');
  const since = performance.now();
  await local.stopNode(1);
  expect(performance.now() - since).toBeLessThan(ENDS_WITHIN_MS);
  expect(said()).toContain("was told to stop");
  client.close();
  await unanswered;
  damageFirstBlock();
});
