/** What kind of file system a directory is on: in some of them nothing is durable, whatever is synced. */
import { statfsSync } from "node:fs";
import { CodedError } from "../../node/base/errors.ts";

/** By the magic numbers of Linux. */
const NAMES: ReadonlyMap<number, string> = new Map([
  ...([
    [0xef53, "ext4"],
    [0x58465342, "xfs"],
    [0x9123683e, "btrfs"],
    [0x2fc12fc1, "zfs"],
    [0xf2f52010, "f2fs"],
    [0x794c7630, "overlay"],
    [0x6969, "nfs"],
    [0x01021994, "tmpfs"],
    [0x858458f6, "ramfs"],
  ] as const),
]);
const IN_MEMORY: readonly string[] = ["tmpfs", "ramfs"];

/** Its name, or its number where it has none here. */
export function fileSystemOf(directory: string): string {
  const { type } = statfsSync(directory);
  return NAMES.get(type) ?? `file system 0x${type.toString(16)}`;
}

/** Throws `CodedError` `nothing_durable` where a directory lies in memory. */
export function assertOnDisk(directory: string): void {
  const fileSystem = fileSystemOf(directory);
  if (!IN_MEMORY.includes(fileSystem)) return;
  const advice = "set TMPDIR to a directory on a disk";
  throw new CodedError("nothing_durable", `${directory} is on ${fileSystem}, where nothing is durable: ${advice}`);
}
