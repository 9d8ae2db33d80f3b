/** Finding the data of nodes in directories that `quorate init` has written. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CodedError } from "../../node/base/errors.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import { parseConfig } from "../../node/host/config.ts";
import { openDataCipher, readNodeKey } from "../../node/host/data-key.ts";
import { StartedMark } from "../../node/host/started-mark.ts";
import { NodeDisk } from "../../storage/node-disk.ts";

/** Where a node keeps what. */
export interface NodeDirectory {
  readonly id: number;
  readonly clusterFile: string;
  readonly data: string;
  readonly segmentBytes: number;
  /** `data_missing` for a node that has run and has no data any more. */
  readonly missing: CodedError | undefined;
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
    openDataCipher(new NodeDisk(data, { readOnly: true }), readNodeKey(config, home), { create: false });
  const { id, segmentBytes } = config;
  const missing = new StartedMark(resolve(home, config.identity), data).missing();
  return { id, clusterFile: resolve(home, config.cluster), data, segmentBytes, missing, openCipher };
}

/** The nodes whose data is in a directory that `quorate init` has written, or in one node's part of it. */
export function nodesIn(directory: string): readonly NodeDirectory[] {
  return foundIn(directory, ({ data }) => existsSync(data));
}

/** The same, and those whose data should be there; not those that have never run. */
export function startedNodesIn(directory: string): readonly NodeDirectory[] {
  const started = ({ data, missing }: NodeDirectory): boolean => existsSync(data) || missing !== undefined;
  const found = foundIn(directory, started);
  if (found.every(started)) return found;
  throw new CodedError("usage", `${directory} is of a node that has never run`);
}

function foundIn(directory: string, isMeant: (node: NodeDirectory) => boolean): readonly NodeDirectory[] {
  if (!existsSync(directory)) throw new CodedError("usage", `there is no directory ${directory}`);
  const one = nodeIn(directory);
  if (one !== undefined) return [one];
  const found = readdirSync(directory)
    .sort()
    .flatMap((name) => nodeIn(join(directory, name)) ?? [])
    .filter(isMeant);
  if (found.length > 0) return found;
  throw new CodedError(
    "usage",
    `${directory} has no node's data: name what "quorate init --dir" got, or one node in it`,
  );
}
