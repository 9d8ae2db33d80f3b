/**
 * Real nodes on file systems that are too small, and are made larger afterwards. Whoever may mount none (who is not root,
 * say) has the same with a disk of the test's making in storage/wal/full-disk.test.ts.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask } from "../node/client/ask.ts";
import { decodeAccounts, QuorateClient } from "../node/client/index.ts";
import { accountBatches, TransferBatches } from "../node/ledger/flat-batches.ts";
import { clusterStatus, type NodeStatus, waitReady } from "./node-status.ts";
import { LocalCluster } from "./processes.ts";
import { ran } from "./run.contract.ts";
import { pause, until } from "./waiting.test-support.ts";

const PATIENCE_MS = 120_000;
const SHAPE = { accounts: 1_000, ledger: 978, code: 1 };
const EVENTS = 8_190;
/** A node keeps 64 MiB free: so a log of this may hold some thirty batches of a mebibyte. */
const SMALL = "100m";
const LARGE = "400m";
/** Too little for the log, and enough for the store. */
const LEFT_MIB = 40;

function mount(...args: readonly string[]): boolean {
  try {
    execFileSync("mount", args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function mayMount(): boolean {
  const place = mkdtempSync(join(tmpdir(), "quorate-mount-"));
  const mounted = mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", place);
  if (mounted) execFileSync("umount", [place]);
  rmSync(place, { recursive: true });
  return mounted;
}

describe.runIf(mayMount())("a disk is full", () => {
  let directory = "";
  let local: LocalCluster;
  let client: QuorateClient;
  const transfers = new TransferBatches(SHAPE, 1, 1);

  const dataOf = (id: number): string => join(local.directory, `node-${id}`, "data");
  const nodes = async (): Promise<readonly NodeStatus[]> => await clusterStatus(local.cluster, local.admin);
  const isFull = ({ sections }: NodeStatus): boolean => sections["log"]?.["diskFull"] === true;
  const batch = async (): Promise<unknown> =>
    await client.submit({ kind: "createTransfers", batch: transfers.next(EVENTS) });
  const resize = (id: number, size: string): boolean => mount("-o", `remount,size=${size}`, dataOf(id));
  const fill = (id: number): boolean => {
    const { blocks, bfree, bsize } = statfsSync(dataOf(id));
    return resize(id, `${Math.ceil(((blocks - bfree) * bsize) / 1_048_576) + LEFT_MIB}m`);
  };
  const stored = async (): Promise<number> => (await ask(client, { type: "summary" })).transfers;
  const accounts = async (consistency: "linearizable" | "local"): Promise<number> => {
    const { records } = (await ask(client, { type: "accounts", ids: [1n] }, consistency)) as {
      readonly records: Uint8Array;
    };
    return decodeAccounts(records).length;
  };

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "quorate-full-"));
    local = await LocalCluster.init({ directory: join(directory, "cluster"), nodes: 3, nowMs: Date.now() });
    for (const id of local.nodeIds) {
      const path = join(local.directory, `node-${id}`, "config.json");
      const config = JSON.parse(readFileSync(path, "utf8")) as object;
      writeFileSync(path, JSON.stringify({ ...config, segmentBytes: 8_388_608 }));
      mkdirSync(dataOf(id));
      mount("-t", "tmpfs", "-o", `size=${id === 1 ? SMALL : LARGE}`, "tmpfs", dataOf(id));
    }
    local.startAll();
    await waitReady(local.cluster, local.admin, PATIENCE_MS);
    client = await QuorateClient.open({ cluster: local.cluster, signer: local.admin, deadlineMs: PATIENCE_MS });
    for (const accounts of accountBatches(SHAPE)) await client.submit({ kind: "createAccounts", batch: accounts });
  }, PATIENCE_MS);

  afterAll(async () => {
    client.close();
    await local.stopAll();
    for (const id of local.nodeIds) execFileSync("umount", ["-l", dataOf(id)]);
    rmSync(directory, { recursive: true });
  });

  test("at one node: the others go on, and it does not lead", { timeout: PATIENCE_MS }, async () => {
    for (let i = 0; i < 50; i++) await batch();
    const found = await until("node 1 to say that its disk is full, and not to lead", async () => {
      const seen = await nodes();
      return seen[0]?.role === "follower" && isFull(seen[0]) ? seen : undefined;
    });
    expect(found.map(isFull)).toEqual([true, false, false]);
    // It says so itself that it is behind: a client whose patience with one node is longer would not be answered in time.
    const asking = { cluster: local.cluster, signer: local.admin, firstNode: 1, deadlineMs: 1_900 };
    const other = await QuorateClient.openReader(asking);
    expect(other.node).toBe(1);
    expect(await ask(other, { type: "summary" })).toMatchObject({ accounts: SHAPE.accounts });
    expect(other.node).not.toBe(1);
    other.close();
  });

  test("at a majority: nothing is acknowledged any more, and what is there is read", {
    timeout: PATIENCE_MS,
  }, async () => {
    expect(resize(2, SMALL)).toBe(true);
    let unanswered = 0;
    const waiting: Promise<void>[] = [];
    await until("node 2 to say that its disk is full, and a batch to wait", async () => {
      unanswered += 1;
      waiting.push(
        batch().then(() => {
          unanswered -= 1;
        }),
      );
      const [, second] = await nodes();
      return second !== undefined && isFull(second) && unanswered > 0 ? second : undefined;
    });
    expect(await accounts("local")).toBe(1);
    const before = unanswered;
    await pause(1_000);
    expect(unanswered).toBe(before);
    for (const id of [1, 2]) expect(resize(id, LARGE)).toBe(true);
    await Promise.all(waiting);
  });

  test("at all of them: what comes is refused, nothing comes of it, and what was acknowledged is read", {
    timeout: PATIENCE_MS,
  }, async () => {
    const before = await stored();
    const leader = (await nodes()).find(({ role }) => role === "leader")?.id ?? 0;
    for (const id of local.nodeIds) if (id !== leader) expect(fill(id)).toBe(true);
    const waiting: Promise<unknown>[] = [];
    // The followers first: a leader that alone is full hands over.
    const loadUntil = async (what: string, ids: readonly number[]): Promise<unknown> =>
      await until(what, async () => {
        waiting.push(batch());
        const seen = await nodes();
        return seen.filter(({ id }) => ids.includes(id)).every(isFull) ? seen : undefined;
      });
    await loadUntil(
      "the followers to be full",
      local.nodeIds.filter((id) => id !== leader),
    );
    expect(fill(leader)).toBe(true);
    await loadUntil("the leader to be full", [leader]);
    const refused = { kind: "createTransfers", batch: transfers.next(1) } as const;
    await expect(client.submit(refused, 2_000)).rejects.toMatchObject({ code: "disk_full" });
    const seen = await nodes();
    expect([seen.find(({ id }) => id === leader)?.role, seen.map(isFull)]).toEqual(["leader", [true, true, true]]);
    expect(await accounts("linearizable")).toBe(1);
    for (const id of local.nodeIds) expect(resize(id, LARGE)).toBe(true);
    await Promise.all(waiting);
    expect(await stored()).toBe(before + waiting.length * EVENTS);
    expect((await client.submit(refused)).result.status).toBe("ok");
    expect(await stored()).toBe(before + waiting.length * EVENTS + 1);
  });

  test("when there is room again all go on by themselves, and are the same", { timeout: PATIENCE_MS }, async () => {
    await batch();
    const level = await until("all nodes to reach one height", async () => {
      const seen = await nodes();
      return seen.every(({ height, reachable }) => reachable && height === seen[0]?.height) ? seen : undefined;
    });
    expect(level.map(isFull)).toEqual([false, false, false]);
    expect(new Set(level.map(({ digest }) => digest)).size).toBe(1);
    await Promise.all(local.nodeIds.map((id) => local.stopNode(id)));
    const { code, out } = await ran("verify", local.directory, "--json");
    expect([code, out]).toEqual([0, expect.stringContaining('"problems":[]')]);
  });
});
