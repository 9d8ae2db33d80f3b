/** `quorate sim view`: a trace as a page. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandModule } from "yargs";
import { decodeTrace } from "../../sim/trace-file.ts";
import { VIEW_MODULES, viewPage } from "../../sim/view-page.ts";
import { command } from "../command.ts";

/** Where the build puts the page's script. */
const VIEW = join(import.meta.dirname, "../../sim/view");

export const view: CommandModule = command({
  command: "view <trace>",
  describe: "write a trace as one HTML page: lanes, messages, leaders, faults, step by step",
  builder: (yargs) =>
    yargs
      .positional("trace", { type: "string", demandOption: true, describe: "what `sim replay --trace-file` wrote" })
      .option("out", { type: "string", describe: "where the page goes; the trace's name with .html, if not given" })
      .example("$0 sim view 42.trace", "writes 42.trace.html; add #step=1234 to its address to see that event"),
  handler: ({ trace: file, out = `${file}.html` }, output) => {
    const trace = decodeTrace(readFileSync(file, "utf8"));
    const modules = VIEW_MODULES.map((name) => readFileSync(join(VIEW, `${name}.js`), "utf8"));
    writeFileSync(out, viewPage(trace, modules));
    output.result({ page: out, records: trace.records.length }, `${trace.records.length} records in ${out}`);
  },
});
