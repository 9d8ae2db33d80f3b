/** A directory in memory is told from one on a disk. */
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { assertRealDisk } from "./real-disk.ts";

const IN_MEMORY = "/dev/shm";

test.skipIf(!existsSync(IN_MEMORY))("a directory in memory is refused, one on a disk is not", () => {
  expect(() => assertRealDisk(IN_MEMORY)).toThrow(/TMPDIR/);
  expect(() => assertRealDisk(import.meta.dirname)).not.toThrow();
});
