/** `quorate sim page`: the simulator as a page. */
import { writeFileSync } from "node:fs";
import type { CommandModule } from "yargs";
import { simulatorPage } from "../../sim/simulator-page.ts";
import { command } from "../command.ts";
import { pageScript } from "../sim/page-script.ts";

export const page: CommandModule = command({
  command: "page",
  describe: "write the simulator as one HTML page that runs seeds and plans in any browser",
  builder: (yargs) =>
    yargs
      .option("out", { type: "string", default: "simulator.html", describe: "where the page goes" })
      .example("$0 sim page", "writes simulator.html; add #seed=25 to its address to run that seed"),
  handler: ({ out }, output) => {
    const text = simulatorPage({ page: pageScript("browser/main"), worker: pageScript("browser/worker") });
    writeFileSync(out, text);
    output.result({ page: out, bytes: Buffer.byteLength(text) }, `the page is ${out}`);
  },
});
