/**
 * A node's configuration file: JSON, read strictly. A typo is refused with the place, and with what was probably meant.
 */
import { closest } from "../base/closest.ts";
import { CodedError, errorMessage } from "../base/errors.ts";
import { NODE_ID_MAX, SEGMENT_BYTES } from "../base/limits.ts";
import { FIRST_RELEASE, NEWEST_RELEASE } from "../base/release.ts";
import type { NodeTiming } from "../compose.ts";
import { LOG_LEVELS, type LogLevel } from "./pino-log.ts";

export interface NodeConfig {
  readonly version: 1;
  /** This node's id in the cluster file. */
  readonly id: number;
  /** Paths, relative to the configuration file. */
  readonly cluster: string;
  readonly identity: string;
  readonly data: string;
  /** Base addresses of external networks by name; `card` is the acquirer. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** Where the key for data at rest is; without it, and without one in the environment, data is not encrypted. */
  readonly encryption?: { readonly keyFile: string };
  readonly logLevel: LogLevel;
  readonly timing: NodeTiming;
  /** Ids of nodes that shall rather lead, the most wanted first; without it, nobody is wanted more than others. */
  readonly preferredLeaders?: readonly number[];
  /** The newest release that the node reads and lets the cluster go on to; without it the newest that the program knows. */
  readonly releaseMax?: number;
  /** Blocks between checkpoints. */
  readonly checkpointBlocks: number;
  /** Blocks that the log keeps before a checkpoint; without it, all. */
  readonly retainBlocks?: number;
  readonly segmentBytes: number;
  /** Bytes of the log's tail kept in memory. */
  readonly cacheBytes: number;
}

/** What `quorate init` writes where nothing else is asked for. */
export const CONFIG_DEFAULTS: Omit<
  NodeConfig,
  "version" | "id" | "cluster" | "identity" | "data" | "encryption" | "retainBlocks" | "preferredLeaders" | "releaseMax"
> = {
  endpoints: {},
  logLevel: "info",
  timing: { tickMs: 20, electionTimeoutTicks: 15, heartbeatTicks: 3 },
  checkpointBlocks: 1_000,
  segmentBytes: SEGMENT_BYTES,
  cacheBytes: 64 * 1_048_576,
};

/** For nodes close to each other, whose operator prefers a leader too many to a pause: see docs/operating.md. */
export const FAST_TIMING: NodeTiming = { tickMs: 10, electionTimeoutTicks: 10, heartbeatTicks: 2 };

type Field = (value: unknown, path: string) => unknown;

function invalid(path: string, reason: string): CodedError {
  return new CodedError("config_invalid", `${path}: ${reason}`, { path });
}

function integer(min: number, max: number): Field {
  return (value, path) => {
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
      throw invalid(path, `must be an integer from ${min} to ${max}`);
    }
    return value;
  };
}

const text: Field = (value, path) => {
  if (typeof value !== "string" || value === "") throw invalid(path, "must be a text");
  return value;
};

const level: Field = (value, path) => {
  if (!LOG_LEVELS.some((known) => known === value)) throw invalid(path, `must be one of ${LOG_LEVELS.join(", ")}`);
  return value;
};

const address: Field = (value, path) => {
  if (typeof value === "string" && /^https?:\/\//.test(value) && URL.canParse(value)) return value;
  throw invalid(path, "must be an http or https address");
};

/** Each network may be configured or not; a name that no channel knows would be a channel that is silently off. */
const endpoints: Field = (value, path) => readObject(value, path, { card: address }, ["card"]);

const encryption: Field = (value, path) => readObject(value, path, { keyFile: text });

const timing: Field = (value, path) =>
  readObject(
    { ...CONFIG_DEFAULTS.timing, ...asObject(value, path) },
    path,
    {
      tickMs: integer(1, 1_000),
      electionTimeoutTicks: integer(2, 1_000),
      heartbeatTicks: integer(1, 500),
      leaseDriftPermille: integer(1, 500),
    },
    ["leaseDriftPermille"],
  );

const nodeId = integer(1, NODE_ID_MAX);

const preferredLeaders: Field = (value, path) => {
  if (!Array.isArray(value)) throw invalid(path, "must be a list of node ids");
  const ids = value.map((id, index) => nodeId(id, `${path}[${index}]`));
  if (new Set(ids).size < ids.length) throw invalid(path, "names a node twice");
  return ids;
};

const FIELDS: Readonly<Record<keyof NodeConfig, Field>> = {
  version: integer(1, 1),
  id: nodeId,
  cluster: text,
  identity: text,
  data: text,
  endpoints,
  encryption,
  logLevel: level,
  timing,
  preferredLeaders,
  releaseMax: integer(FIRST_RELEASE, NEWEST_RELEASE),
  checkpointBlocks: integer(1, 1_000_000),
  retainBlocks: integer(0, 1_000_000_000),
  segmentBytes: integer(8 * 1_048_576, 1_073_741_824),
  cacheBytes: integer(1_048_576, 4_294_967_296),
};

/** Parses a configuration file's text; throws `CodedError` `config_invalid` that names the place. */
export function parseConfig(source: string): NodeConfig {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw new CodedError("config_invalid", `the configuration is not JSON: ${errorMessage(error)}`, {}, error);
  }
  const config = readObject({ ...CONFIG_DEFAULTS, ...asObject(value, "config") }, "config", FIELDS, [
    "encryption",
    "preferredLeaders",
    "releaseMax",
    "retainBlocks",
  ]) as unknown as NodeConfig;
  if (config.timing.heartbeatTicks * 2 > config.timing.electionTimeoutTicks) {
    throw invalid("config.timing.heartbeatTicks", "must be at most half of electionTimeoutTicks");
  }
  return config;
}

function asObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(path, "must be an object");
  return value as Record<string, unknown>;
}

/** Reads an object with exactly these fields; those in `optional` may be missing. */
function readObject(
  value: unknown,
  path: string,
  fields: Readonly<Record<string, Field>>,
  optional: readonly string[] = [],
): Record<string, unknown> {
  const given = asObject(value, path);
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(fields, name)) continue;
    const meant = closest(name, Object.keys(fields));
    throw invalid(
      `${path}.${name}`,
      `there is no such setting${meant === undefined ? "" : `; did you mean ${meant}?`}`,
    );
  }
  const result: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    if (Object.hasOwn(given, name)) result[name] = field(given[name], `${path}.${name}`);
    else if (!optional.includes(name)) throw invalid(`${path}.${name}`, "is missing");
  }
  return result;
}
