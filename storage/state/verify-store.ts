/** Checking a store that no process has open, for `quorate verify`: its files first, then every value. */
import type { Cipher } from "../../node/base/ports/cipher.ts";
import type { Store } from "../../node/base/ports/store.ts";
import { StorageError } from "../errors.ts";
import { NodeDisk } from "../node-disk.ts";
import { TwoCopyFile } from "../two-copy-file.ts";
import { levelDamage } from "./level-files.ts";
import { LevelStore } from "./level-store.ts";
import { SEAL_FILE, SEAL_NUMBER_BYTES } from "./seal-file.ts";

/**
 * What is wrong with the store in a directory; one whose files are damaged is not opened. `visit` sees one that opens.
 * Throws `StorageError` `data_in_use`, and `DiskError`.
 */
export async function verifyStore(
  path: string,
  cipher: Cipher | undefined,
  visit: (store: Store) => void,
): Promise<StorageError[]> {
  const disk = new NodeDisk(path);
  const broken = [...levelDamage(disk), ...sealDamage(disk)].map(({ name, offset }) => {
    const text = `the store is damaged: ${name}, byte ${offset}; restore this node from its peers`;
    return new StorageError("store_damaged", text, { file: name, offset });
  });
  if (broken.some(({ facts }) => facts["file"] !== SEAL_FILE)) return broken;
  try {
    const store = await LevelStore.open(path, { cipher });
    try {
      broken.push(...damagedValues(store));
      if (broken.every(({ facts }) => facts["file"] === SEAL_FILE)) visit(store);
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof StorageError) || error.code === "data_in_use") throw error;
    broken.push(error);
  }
  return broken;
}

function sealDamage(disk: NodeDisk): { name: string; offset: number }[] {
  const file = TwoCopyFile.open(disk, SEAL_FILE, SEAL_NUMBER_BYTES);
  if (file === undefined) return [];
  try {
    return file.damage().map((offset) => ({ name: SEAL_FILE, offset }));
  } finally {
    file.close();
  }
}

function damagedValues(store: LevelStore): StorageError[] {
  const snapshot = store.snapshot();
  try {
    return snapshot.keys("").flatMap((key) => {
      try {
        snapshot.get(key);
        return [];
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        return [error];
      }
    });
  } finally {
    snapshot.close();
  }
}
