/** Processes that do, and do not, end when they are asked to. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { endProcess } from "./end-process.ts";

const MISSING = "quorate-no-such-program";

test("a process that takes no notice is killed when patience ends", async () => {
  const child = spawn("sh", ["-c", "trap '' TERM; echo deaf; while :; do sleep 0.05; done"]);
  await once(child.stdout, "data");
  await endProcess(child, "SIGTERM", 100);
  expect(child.signalCode).toBe("SIGKILL");
});

test("a process that ends by itself is not killed, and one that never started is not waited for", async () => {
  const child = spawn("sh", ["-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"]);
  await once(child.stdout, "data");
  await endProcess(child, "SIGTERM", 60_000);
  expect(child.exitCode).toBe(3);
  const missing = spawn(MISSING);
  await once(missing, "error");
  await endProcess(missing, "SIGTERM", 60_000);
});
