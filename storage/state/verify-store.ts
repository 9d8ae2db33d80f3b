/** Checking a store that no process has open, for `quorate verify`: its files first, then every value. Nothing is changed. */
import { existsSync } from "node:fs";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import type { Store } from "../../node/base/ports/store.ts";
import { StorageError } from "../errors.ts";
import { NodeDisk } from "../node-disk.ts";
import { TwoCopyFile } from "../two-copy-file.ts";
import { type FileDamage, levelCutOffs, levelDamage } from "./level-files.ts";
import { SEAL_FILE, SEAL_NUMBER_BYTES } from "./seal-file.ts";
import { UntouchedStore } from "./untouched-store.ts";

type StoreReader = Pick<Store, "get" | "snapshot">;

/** With these nothing has been said of the store. */
export const NOT_LOOKED_AT: readonly string[] = ["data_in_use", "data_not_lockable", "store_failed"];

/**
 * Does something while no node can start on the store in a directory: what lies beside it, such as the log, is not written
 * meanwhile. Where there is no store there is none to lock. Throws `StorageError` `data_in_use`,
 * `data_not_lockable` or `store_failed`.
 */
export async function whileLocked<T>(
  path: string,
  act: (locked: UntouchedStore | undefined) => T | Promise<T>,
): Promise<T> {
  if (!existsSync(path)) return await act(undefined);
  const locked = await UntouchedStore.lock(path);
  try {
    return await act(locked);
  } finally {
    await locked.close();
  }
}

/**
 * What is wrong with a store; one whose files are damaged is not opened. `visit` sees one that opens. Throws `StorageError`
 * `store_failed`, and `DiskError`.
 */
export async function verifyStore(
  locked: UntouchedStore,
  cipher: Cipher | undefined,
  visit: (store: StoreReader) => void,
): Promise<StorageError[]> {
  const disk = new NodeDisk(locked.path, { readOnly: true });
  const broken = damageIn(disk);
  if (broken.some(({ facts }) => facts["file"] !== SEAL_FILE)) return broken;
  try {
    const store = await locked.open(cipher);
    broken.push(...damagedValues(store));
    if (broken.every(({ facts }) => facts["file"] === SEAL_FILE)) visit(store);
  } catch (error) {
    if (!(error instanceof StorageError) || NOT_LOOKED_AT.includes(error.code)) throw error;
    broken.push(error.code === "store_damaged" ? withPlaces(error, levelCutOffs(disk)) : error);
  }
  return broken;
}

function damageIn(disk: NodeDisk): StorageError[] {
  return [...levelDamage(disk), ...sealDamage(disk)].map(({ name, offset }) => {
    const text = `the store is damaged: ${name}, byte ${offset}; restore this node from its peers`;
    return new StorageError("store_damaged", text, { file: name, offset });
  });
}

/** A last record that looks like a write which was cut off is no such thing where something is missing. */
function withPlaces({ code, message, cause }: StorageError, cutOffs: readonly FileDamage[]): StorageError {
  const [first] = cutOffs;
  const places = cutOffs.map(({ name, offset }) => `; ${name} is sound up to byte ${offset}`).join("");
  return new StorageError(
    code,
    message + places,
    first === undefined ? {} : { file: first.name, offset: first.offset },
    cause,
  );
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

function damagedValues(store: StoreReader): StorageError[] {
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
