/** `quorate start`: one node in this process. */
import type { CommandModule } from "yargs";
import { endWith } from "../../node/host/end-at-once.ts";
import { EXIT_FATAL, isDamage, type RunningNode, runNode } from "../../node/host/run.ts";
import { command } from "../command.ts";
import { untilStopped } from "../interruption.ts";
import { EXIT } from "../output.ts";

export const start: CommandModule = command({
  command: "start",
  describe: "run one node until SIGTERM or Ctrl-C; logs to standard error as JSON lines",
  builder: (yargs) =>
    yargs
      .option("config", { type: "string", demandOption: true, describe: "the node's configuration file" })
      .example("$0 start --config ./cluster/node-1/config.json", "a file that init wrote"),
  handler: async ({ config }, output) => {
    let node: RunningNode;
    try {
      node = await runNode(config, (text) => endWith(EXIT_FATAL, text));
    } catch (error) {
      if (!isDamage(error)) throw error;
      output.error(error);
      return EXIT_FATAL;
    }
    await untilStopped();
    await node.stop();
    return EXIT.done;
  },
});
