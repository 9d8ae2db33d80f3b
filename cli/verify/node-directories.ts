/** Finding the data of nodes in directories that `quorate init` has written. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CodedError } from "../../node/base/errors.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import { parseConfig } from "../../node/host/config.ts";
import { openDataCipher, readNodeKey } from "../../node/host/data-key.ts";
import { NodeDisk } from "../../storage/node-disk.ts";

/** Where a node keeps what. */
export interface NodeDirectory {
  readonly id: number;
  readonly clusterFile: string;
  readonly data: string;
  readonly segmentBytes: number;
  /** What its data opens with, or undefined where it is not encrypted; throws as `openDataCipher` and `readNodeKey`. */
  readonly openCipher: () => Cipher | undefined;
}

/** A node's directory, by its configuration. */
export function nodeIn(directory: string): NodeDirectory | undefined {
  const path = join(directory, "config.json");
  if (!existsSync(path)) return undefined;
  const config = parseConfig(readFileSync(path, "utf8"));
  const home = dirname(path);
  const data = resolve(home, config.data);
  const openCipher = (): Cipher | undefined =>
    openDataCipher(new NodeDisk(data), readNodeKey(config, home), { create: false });
  const { id, segmentBytes } = config;
  return { id, clusterFile: resolve(home, config.cluster), data, segmentBytes, openCipher };
}

/** The nodes whose data is in a directory that `quorate init` has written, or in one node's part of it. */
export function nodesIn(directory: string): readonly NodeDirectory[] {
  if (!existsSync(directory)) throw new CodedError("usage", `there is no directory ${directory}`);
  const one = nodeIn(directory);
  if (one !== undefined) return [one];
  const found = readdirSync(directory)
    .sort()
    .flatMap((name) => nodeIn(join(directory, name)) ?? [])
    .filter(({ data }) => existsSync(data));
  if (found.length > 0) return found;
  throw new CodedError(
    "usage",
    `${directory} has no node's data: name what "quorate init --dir" got, or one node in it`,
  );
}
