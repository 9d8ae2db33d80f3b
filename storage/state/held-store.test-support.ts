/** A store that another process has open, as a node does that runs. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { must } from "../../node/base/assert.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";

const HOLD = `
  const { Level } = await import("level");
  const { randomBytes } = await import("node:crypto");
  const level = new Level(process.argv[1], { valueEncoding: "view" });
  await level.open();
  console.log("open");
  let isHeld = true;
  process.stdin.on("end", () => { isHeld = false; }).resume();
  const value = randomBytes(30_000);
  for (let round = 0; isHeld; round++) {
    const keys = Array.from({ length: 20 }, (_, place) => String((round * 7919 + place * 131) % 400));
    if (process.argv[2] === "writes") await level.batch(keys.map((key) => ({ type: "put", key, value })));
    else await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await level.close();
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

/**
 * A cipher that passes on to another and notes, whenever something is read, whether another process can open the store.
 */
export function watchedWhileRead(path: string, inner: Cipher, seen: boolean[]): Cipher {
  return {
    keyId: inner.keyId,
    seal: (text, associated) => inner.seal(text, associated),
    open: (sealed, associated) => {
      const { status } = spawnSync(process.execPath, ["--input-type=module", "-e", TRY, path], { stdio: "inherit" });
      seen.push(status === 0);
      return inner.open(sealed, associated);
    },
  };
}

/** Resolves when the process has it, and writes into it all the time where it is told to; the result lets go of it. */
export async function heldByAnother(path: string, { writes = false } = {}): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", HOLD, path, writes ? "writes" : ""], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(must(child.stdout, "it is a pipe"), "data");
  return async () => {
    const exited = once(child, "exit");
    child.stdin?.end();
    await exited;
  };
}
