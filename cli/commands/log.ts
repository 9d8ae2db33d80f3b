/** `quorate log`: what is in a stopped node's log. */
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { formatTime } from "../amounts.ts";
import { command, group } from "../command.ts";
import { whole } from "../numbers.ts";
import { type BlockView, type TransactionView, viewLog } from "../verify/log-view.ts";
import { nodesIn } from "../verify/node-directories.ts";

const KEY_DIGITS = 16;
const BLOCKS_MAX = 1_000;
const MAX = Number.MAX_SAFE_INTEGER;

function transactionLine({ kind, session, sequence, signers, bodyBytes, records }: TransactionView): string {
  const what = records === undefined ? `${bodyBytes} bytes` : `${records} records`;
  const keys = signers.map((key) => key.slice(0, KEY_DIGITS)).join(" ");
  return `  ${kind} (${what}), session ${session.slice(0, KEY_DIGITS)} number ${sequence}, signed by ${keys}`;
}

function describe({ height, builder, term, timestamp, hash, state, transactions, bytes }: BlockView): string {
  const said = `state ${state.digest.slice(0, KEY_DIGITS)} after ${state.height}`;
  const by = builder === 0 ? "" : ` by node ${builder}`;
  const heading = `${height} ${hash} term ${term}${by}, ${formatTime(timestamp)}, ${bytes} bytes, leader's ${said}`;
  return [heading, ...transactions.map(transactionLine)].join("\n");
}

const show: CommandModule = command({
  command: "show <dir>",
  describe:
    "blocks of a stopped node's log: headers, and of each transaction kind, signers and size; nothing is executed",
  builder: (yargs) =>
    yargs
      .positional("dir", { type: "string", demandOption: true, describe: "directory of one node" })
      .option("from", {
        type: "number",
        default: 1,
        describe: "height of the first block",
        coerce: whole("from", 1, MAX),
      })
      .option("to", {
        type: "number",
        describe: `height of the last; without it ${BLOCKS_MAX} blocks are shown`,
        coerce: whole("to", 1, MAX),
      })
      .example("$0 log show ./cluster/node-1 --from 7 --to 9", "three blocks")
      .example("$0 log show ./cluster/node-1 --from 7 --json", "for programs: all of each header"),
  handler: (args, output) => {
    const { from, to = from + BLOCKS_MAX - 1 } = args;
    if (to < from) throw new CodedError("usage", `--to ${to} is before --from ${from}`);
    const [node, ...others] = nodesIn(args.dir);
    if (node === undefined || others.length > 0) {
      throw new CodedError("usage", `name one node's directory, such as ${args.dir}/node-1`);
    }
    const blocks: BlockView[] = [];
    viewLog(node, { from, to }, (block) => blocks.push(block));
    if (blocks.length === 0) throw new CodedError("height_not_there", `${node.data}: the log has no block ${from}`);
    output.result({ data: node.data, blocks }, blocks.map(describe).join("\n"));
  },
});

export const log: CommandModule = group("log", "what is in a stopped node's log", [show]);
