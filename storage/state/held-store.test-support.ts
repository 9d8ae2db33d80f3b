/** A store that another process has open, as a node does that runs. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { must } from "../../node/base/assert.ts";

const HOLD = `
  const { Level } = await import("level");
  const level = new Level(process.argv[1]);
  await level.open();
  console.log("open");
  process.stdin.on("end", async () => await level.close()).resume();
`;

const TRY = `
  const { Level } = await import("level");
  const level = new Level(process.argv[1]);
  await level.open().then(() => level.close(), () => process.exit(1));
`;

/** Whether another process can open it. */
export async function openedByAnother(path: string): Promise<boolean> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", TRY, path], { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number];
  return code === 0;
}

/** Resolves when the process has it; the result lets go of it. */
export async function heldByAnother(path: string): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", HOLD, path], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(must(child.stdout, "it is a pipe"), "data");
  return async () => {
    const exited = once(child, "exit");
    child.stdin?.end();
    await exited;
  };
}
