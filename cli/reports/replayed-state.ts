/**
 * The state at a past height, from a node's data directory: its log is executed again from the first block, with all that
 * `quorate verify` checks on the way. Nothing is written, and a running node is not disturbed.
 */
import { CodedError } from "../../node/base/errors.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import type { StateMachine } from "../../node/state/state-machine.ts";
import { decodeBlock } from "../../node/wire/block.ts";
import { NodeDisk } from "../../storage/node-disk.ts";
import { logStart, verifyWal } from "../../storage/wal/verify.ts";
import { parseTime } from "../amounts.ts";
import { readCluster } from "../cluster-access.ts";
import { whole } from "../numbers.ts";
import type { Output } from "../output.ts";
import { nodesIn } from "../verify/node-directories.ts";
import { replayOf } from "../verify/replay-of.ts";
import type { NodeData } from "../verify/verify-node.ts";

const PROGRESS_BLOCKS = 1_000;

/** Options of every report about a past state. */
export const PAST_OPTIONS: {
  readonly height: { readonly type: "number"; readonly coerce: (value: number) => number; readonly describe: string };
  readonly at: { readonly type: "string"; readonly describe: string };
} = {
  height: {
    type: "number",
    coerce: whole("height", 1, Number.MAX_SAFE_INTEGER),
    describe: "as after this block; without it and --at, as after the last",
  },
  at: { type: "string", describe: "as after the last block up to this log time, such as 2026-01-31" },
};

/** When: after a block, or after the last block up to a time; at the end of the log without either. */
export interface PastArguments {
  readonly height?: number | undefined;
  readonly at?: string | undefined;
}

/** Where to stop: after a block, or after the last one up to a log time; at the end of the log without either. */
interface Until {
  readonly height?: number | undefined;
  readonly time?: bigint | undefined;
}

/**
 * Executes the log in a node's directory, or in that of a cluster's first node.
 *
 * @throws CodedError `usage`, `height_not_there`, `log_unsound`, or what opening the files throws
 */
export function replayedState(directory: string, { height, at }: PastArguments, output: Output): StateMachine {
  if (height !== undefined && at !== undefined) throw new CodedError("usage", "--height and --at exclude each other");
  const until = { height, time: at === undefined ? undefined : parseTime(at) };
  const [node] = nodesIn(directory);
  if (node === undefined) throw new CodedError("usage", `${directory} has no node's data`);
  const log = { cluster: readCluster(node.clusterFile), data: node.data, cipher: node.openCipher() };
  return executedLog(log, until, (reached) => {
    if (reached % PROGRESS_BLOCKS === 0) output.progress(`${node.data}: block ${reached}`);
  });
}

/** Executes the log in a data directory; throws `CodedError` `height_not_there`, `log_compacted` or `log_unsound`. */
export function executedLog(
  { cluster, data, cipher }: NodeData,
  { height, time }: Until,
  onProgress: (height: number) => void,
): StateMachine {
  const replay = replayOf(cluster);
  const disk = new NodeDisk(data, { readOnly: true });
  const start = logStart(disk, "log")?.index ?? 0;
  if (start > 0) {
    const text = `${data}: the log begins at height ${start + 1}; ask a node that has it from the first block`;
    throw new CodedError("log_compacted", text);
  }
  let done = false;
  const { problem } = verifyWal(disk, "log", cipher, ({ index, payload }) => {
    if (done) return;
    if (time !== undefined && decodeBlock(sha256, payload).header.timestamp > time) done = true;
    else replay.apply(payload);
    if (index === height) done = true;
    onProgress(index);
  });
  const { state } = replay;
  const wrong = replay.problem ?? (done ? undefined : problem?.message);
  if (wrong !== undefined) throw new CodedError("log_unsound", `${data}: ${wrong}; "quorate verify" says more`);
  if (height !== undefined && !done) {
    throw new CodedError("height_not_there", `${data}: the log ends at height ${state.height}, not ${height}`);
  }
  return state;
}
