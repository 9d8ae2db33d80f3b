/** Servers that are started for a comparison leave nothing behind, however it ends. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Servers, type ServersOptions } from "./servers.ts";

const NEVER = new Promise<void>(() => undefined);
const SLEEPER = ["-c", "trap 'exit 0' TERM; echo $$ > pid; while :; do sleep 0.05; done"] as const;

function options(stopped: Promise<void> = NEVER): ServersOptions {
  return { name: "test", user: "nobody", ports: 1, stopped };
}

/** Starts a server that runs for ever, and tells its process id. */
async function startSleeper(servers: Servers): Promise<number> {
  servers.start("sleeper", "sh", SLEEPER);
  await servers.until("a process id", () => Promise.resolve(existsSync(join(servers.directory, "pid"))));
  return Number(await servers.run("cat", [join(servers.directory, "pid")]));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("what was started ends, and the directory goes, when all is done", async () => {
  const left = await Servers.use(options(), async (servers) => {
    const pid = await startSleeper(servers);
    expect(isRunning(pid)).toBe(true);
    return { pid, directory: servers.directory };
  });
  expect([isRunning(left.pid), existsSync(left.directory)]).toEqual([false, false]);
});

test("and when the user wants an end first, also of what runs beside; nothing is started any more", async () => {
  let stop = (): void => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const left = { pid: 0, directory: "", beside: Promise.resolve("") };
  let servers: Servers | undefined;
  const used = Servers.use(options(stopped), async (given) => {
    servers = given;
    left.directory = given.directory;
    left.pid = await startSleeper(given);
    left.beside = given.run("sleep", ["1000"]);
    stop();
    await left.beside;
  });
  await expect(used).rejects.toMatchObject({ code: "interrupted" });
  await expect(left.beside).rejects.toMatchObject({ code: "peer_failed" });
  expect([isRunning(left.pid), existsSync(left.directory)]).toEqual([false, false]);
  expect(() => servers?.start("late", "sleep", ["1000"])).toThrow("stopped");
  await expect(servers?.run("true", [])).rejects.toThrow("stopped");
});

test.each([
  ["does not exist", "quorate-no-such-server", [], "did not start"],
  ["ends at once", "sh", ["-c", "echo the port is taken; exit 1"], "the port is taken"],
])("nobody waits long for a server that %s", async (_, command, args, reason) => {
  const used = Servers.use(options(), async (servers) => {
    servers.start("server", command, args);
    await servers.until("an answer", () => Promise.resolve(false));
  });
  await expect(used).rejects.toMatchObject({ code: "peer_failed", message: expect.stringContaining(reason) });
});

test("a command gets its input, and what it printed or said comes back", async () => {
  await Servers.use(options(), async (servers) => {
    expect(await servers.run("cat", [], "SELECT 1")).toBe("SELECT 1");
    await expect(servers.run("sh", ["-c", "echo no such table >&2; exit 3"])).rejects.toThrow("no such table");
    await expect(servers.run("quorate-no-such-command", [], "x".repeat(1_000_000))).rejects.toMatchObject({
      code: "peer_failed",
    });
  });
});
