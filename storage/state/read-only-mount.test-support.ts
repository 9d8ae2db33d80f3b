/** A directory seen in a place where nobody can write to it, as a snapshot is. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";

function mount(...args: readonly string[]): boolean {
  return spawnSync("mount", args, { stdio: "ignore" }).status === 0;
}

/** What ends it; undefined for whoever may mount nothing (who is not root, say). */
export function mountReadOnly(from: string, to: string): (() => void) | undefined {
  mkdirSync(to);
  if (!mount("--bind", from, to)) return undefined;
  const unmount = (): void => void spawnSync("umount", [to]);
  if (mount("-o", "remount,bind,ro", to)) return unmount;
  unmount();
  return undefined;
}
