/** `quorate log`: what is in a stopped node's log. */
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { command, group } from "../command.ts";
import { whole } from "../numbers.ts";
import { blocksText } from "../verify/block-text.ts";
import { type BlockView, viewLog } from "../verify/log-view.ts";
import { nodesIn } from "../verify/node-directories.ts";

const BLOCKS_MAX = 1_000;
const MAX = Number.MAX_SAFE_INTEGER;

const show: CommandModule = command({
  command: "show <dir>",
  describe:
    "blocks of a stopped node's log: headers, members where they change, and of each transaction kind, signers and size; nothing is executed",
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
    output.result({ data: node.data, blocks }, blocksText(blocks));
  },
});

export const log: CommandModule = group("log", "what is in a stopped node's log", [show]);
