import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { dataPath, needsData } from "../../node/base/data.test-support.ts";
import { ran, ranJson } from "../run.contract.ts";
import { isListening, Spawned } from "../spawned.contract.ts";
import type { DayResult } from "./report.ts";

const HANDBOOK = dataPath("fraud-handbook/transactions_2018-06-18_2018-08-14.csv.gz");

const directory = mkdtempSync(join(tmpdir(), "quorate-day-test-"));
afterAll(() => rmSync(directory, { recursive: true }));

function lastLine(text: string): DayResult {
  return JSON.parse(text.trimEnd().split("\n").at(-1) ?? "") as DayResult;
}

/** What must hold on every day, however large. */
function expectGood(day: DayResult, payments: number): void {
  const { nodes, netPositions, accepted, reviewed, declined, failed } = day;
  expect(day).toMatchObject({
    ...{ payments, lost: 0, doubled: 0, invented: 0, refused: 0, debitsEqualCredits: true, settlement: "settled" },
  });
  expect(accepted + reviewed + declined + failed).toBe(payments);
  expect(accepted).toBeGreaterThan(0.95 * payments);
  expect(nodes.map(({ id }) => id)).toEqual([1, 2, 3]);
  expect(new Set(nodes.map(({ height, digest }) => `${height} ${digest}`)).size).toBe(1);
  expect(nodes[0]).toMatchObject({ height: expect.any(Number), digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(netPositions.length).toBeGreaterThan(0);
  expect(netPositions.reduce((sum, { net }) => sum + BigInt(net), 0n)).toBe(0n);
  expect(day.paymentsPerSecond).toBeGreaterThan(0);
  expect(day.failoverMs).toBeGreaterThan(0);
}

function portsOf(cluster: string): number[] {
  const { nodes } = JSON.parse(readFileSync(join(cluster, "cluster.json"), "utf8")) as { nodes: { port: number }[] };
  return nodes.map(({ port }) => port);
}

/** The process that runs a node, found by its configuration file. */
function processOf(node: string): number {
  const processes = execFileSync("ps", ["-A", "-ww", "-o", "pid=,args="], { encoding: "utf8" }).split("\n");
  return Number.parseInt(processes.find((line) => line.endsWith(`start --config ${node}/config.json`)) ?? "", 10);
}

async function listening(cluster: string): Promise<boolean[]> {
  return await Promise.all(portsOf(cluster).map(isListening));
}

describe("the main job", () => {
  test("on the handbook's payments: the leader is killed under load, nothing is lost, doubled or invented", async (context) => {
    needsData(context, HANDBOOK);
    const day = new Spawned(["day", "--once", "--json", "--input", HANDBOOK, "--limit", "10000"]);
    expect(await day.code(), day.err).toBe(0);
    expectGood(lastLine(day.out), 10_000);
    expect(day.err).toMatch(/Node \d, the leader, has been killed with SIGKILL/);
    const directoryOf = /acquirer, in (\S+)/.exec(day.err)?.[1] ?? "";
    expect(existsSync(directoryOf), "a good day cleans up").toBe(false);
  });

  test("on generated payments: stays up until Ctrl-C, ends with 0 and leaves data that verify", async () => {
    const dir = join(directory, "generated");
    const day = new Spawned(["day", "--json", "--limit", "600", "--seed", "7", "--dir", dir]);
    await day.says("Ctrl-C stops it.");
    await day.says("}\n");
    expectGood(lastLine(day.out), 600);
    expect(await ranJson("status", "--cluster", join(dir, "cluster.json"))).toMatchObject({ healthy: true });
    expect(await listening(dir)).toEqual([true, true, true]);
    day.ctrlC();
    expect(await day.code(), day.err).toBe(0);
    expect(day.err).not.toContain("has ended");
    expect(await listening(dir)).toEqual([false, false, false]);
    const verified = await ranJson("verify", dir);
    expect(verified).toMatchObject({ sound: true, problems: [] });
    expect(verified["agreedHeight"]).toBe(lastLine(day.out).nodes[0]?.height);
  });

  test("on somebody's own file, where accounts pay and are paid and have the smallest ids", async () => {
    const rows = Array.from({ length: 60 }, (_, index) => `${60 * index},${1 + (index % 5)},${2 + (index % 3)},7.5`);
    const own = rows.filter((row) => row.split(",")[1] !== row.split(",")[2]);
    const input = join(directory, "own.csv");
    writeFileSync(input, ["when,from,to,sum", ...own, ""].join("\n"));
    const columns = { time: "when", payer: "from", payee: "to", amount: "sum" };
    const mapping = join(directory, "own.json");
    writeFileSync(mapping, JSON.stringify({ version: 1, columns, ledger: "USD" }));
    const day = new Spawned(["day", "--once", "--input", input, "--mapping", mapping]);
    expect(await day.code(), day.err).toBe(0);
    expect(day.out).toContain(`${own.length} payments`);
    expect(day.out).toContain(" USD");
    expect(day.out).toContain("Every payment was answered; none was lost, doubled or invented");
  });

  test("broken off by Ctrl-C while the leader is down: exit code 1, and no process is left", async () => {
    const dir = join(directory, "broken-off");
    const day = new Spawned(["day", "--limit", "1500", "--dir", dir]);
    await day.says("has been killed with SIGKILL");
    day.ctrlC();
    expect(await day.code(), day.err).toBe(1);
    expect(day.err).toContain("Stopping the cluster");
    expect(day.err).toContain(`The data stays in ${dir}`);
    expect(day.err).not.toContain("has been started again");
    expect(await listening(dir)).toEqual([false, false, false]);
    expect(await ranJson("verify", dir)).toMatchObject({ sound: true });
  });

  test("that loses a node it did not kill fails at once, and leaves no process", async () => {
    const dir = join(directory, "node-lost");
    const day = new Spawned(["day", "--limit", "1500", "--dir", dir]);
    await day.says("Importing");
    process.kill(processOf(join(dir, "node-2")), "SIGKILL");
    expect(await day.code()).toBe(1);
    expect(day.err).toMatch(/error: node-2 ended by SIGKILL: .*\(process_ended\)/);
    expect(day.err).toContain(`The data stays in ${dir}`);
    expect(await listening(dir)).toEqual([false, false, false]);
  });

  test("where there is something already: nothing is touched", async () => {
    expect(await ran("day", "--once", "--dir", directory)).toMatchObject({
      code: 1,
      err: expect.stringContaining("(dir_not_empty)"),
    });
  });
});

test("a port that somebody has taken is named at once", async () => {
  const dir = join(directory, "taken");
  const first = new Spawned(["dev", "--dir", dir, "--nodes", "1"]);
  await first.says("Ctrl-C stops");
  first.ctrlC();
  expect(await first.code(), first.err).toBe(0);
  const [port = 0] = portsOf(dir);
  const holder = createServer();
  await new Promise<void>((resolve) => {
    holder.listen(port, "127.0.0.1", resolve);
  });
  const second = new Spawned(["dev", "--dir", dir]);
  expect(await second.code()).toBe(1);
  expect(second.err).toMatch(/^error: node-1 ended with code 1: .*address_in_use.* \(process_ended\)\n$/);
  holder.close();
});
