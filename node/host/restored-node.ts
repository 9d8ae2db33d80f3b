/** Writing the data that a node of a restored cluster starts with. */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { NodeDisk } from "../../storage/node-disk.ts";
import { LevelStore } from "../../storage/state/level-store.ts";
import type { LogStart } from "../../storage/wal/log-store.ts";
import { Wal } from "../../storage/wal/wal.ts";
import type { Cipher } from "../base/ports/cipher.ts";
import type { StoreChange } from "../base/ports/store.ts";
import { ownerChange } from "../data-owner.ts";
import { parseConfig } from "./config.ts";
import { openDataCipher, readNodeKey } from "./data-key.ts";

/** Pages in one write. */
const PAGES_AT_A_TIME = 256;

export interface RestoredData {
  readonly clusterId: Uint8Array;
  /** A whole checkpoint; what makes its pages count is the last change. */
  readonly checkpoint: readonly StoreChange[];
  /** The block that the checkpoint stands behind: where the log goes on. */
  readonly start: LogStart;
}

/**
 * Writes a checkpoint, and a log that goes on behind it, into the new data directory of a node that has its configuration.
 * What makes it count comes last: a node does not start on half of it.
 */
export async function writeRestoredNode(configPath: string, data: RestoredData): Promise<void> {
  const config = parseConfig(readFileSync(configPath, "utf8"));
  const home = dirname(resolve(configPath));
  const directory = resolve(home, config.data);
  const disk = new NodeDisk(directory);
  const cipher = openDataCipher(disk, readNodeKey(config, home), { create: true });
  const store = await LevelStore.open(join(directory, "state"), { cipher });
  try {
    const pages = data.checkpoint.slice(0, -1);
    for (let at = 0; at < pages.length; at += PAGES_AT_A_TIME)
      await write(store, pages.slice(at, at + PAGES_AT_A_TIME));
    await beginLog(disk, config.segmentBytes, cipher, data.start);
    await write(store, [...data.checkpoint.slice(-1), ownerChange({ clusterId: data.clusterId, node: config.id })]);
  } finally {
    await store.close();
  }
}

async function beginLog(
  disk: NodeDisk,
  segmentBytes: number,
  cipher: Cipher | undefined,
  start: LogStart,
): Promise<void> {
  await new Promise<void>((succeed, fail) => {
    const log = Wal.open(disk, "log", { segmentBytes, cacheBytes: 0, cipher, onFatal: fail });
    log.reset(start, () => {
      log.close();
      succeed();
    });
  });
}

async function write(store: LevelStore, changes: readonly StoreChange[]): Promise<void> {
  await new Promise<void>((succeed, fail) => {
    store.write(changes, (error) => (error === undefined ? succeed() : fail(error)));
  });
}
