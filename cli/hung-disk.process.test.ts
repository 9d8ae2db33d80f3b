/**
 * A real node whose disk hangs: the threads that write for it are held in a call to the system, as by a disk, and not by
 * anything that the node knows of.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../node/client/ask.ts";
import { QuorateClient } from "../node/client/index.ts";
import { accountBatches, TransferBatches } from "./bench/flat-batches.ts";
import { waitReady } from "./node-status.ts";
import { LocalCluster } from "./processes.ts";
import { pause } from "./waiting.test-support.ts";

const PATIENCE_MS = 120_000;
const SHAPE = { accounts: 10, ledger: 978, code: 1 };
/** Longer than a node waits for its disk (node/host/run.ts), shorter than others wait for the node (processes.ts). */
const ENDS_WITHIN_MS = 12_000;

let directory = "";
let local: LocalCluster;
let hangs = "";

/** Loaded before the node: while the file is there, a sync opens a pipe that nobody writes to, which takes for ever. */
function hangingDisk(file: string, pipe: string): string {
  const code = `
    import fs from "node:fs";
    import { syncBuiltinESMExports } from "node:module";
    const { fdatasync } = fs;
    fs.fdatasync = (fd, done) => (fs.existsSync(${JSON.stringify(file)}) ? fs.open(${JSON.stringify(pipe)}, "r", done) : fdatasync(fd, done));
    syncBuiltinESMExports();`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

async function opened(): Promise<QuorateClient> {
  await waitReady(local.cluster, local.admin, PATIENCE_MS);
  return await QuorateClient.open({ cluster: local.cluster, signer: local.admin, deadlineMs: PATIENCE_MS });
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "quorate-hung-"));
  hangs = join(directory, "hangs");
  const pipe = join(directory, "pipe");
  execFileSync("mkfifo", [pipe]);
  local = await LocalCluster.init({ directory: join(directory, "cluster"), nodes: 1, nowMs: Date.now() });
  local.nodeArguments = ["--import", hangingDisk(hangs, pipe)];
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
