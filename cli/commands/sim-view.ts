/** `quorate sim view`: a trace as a page. */
import { readFileSync, writeFileSync } from "node:fs";
import type { CommandModule } from "yargs";
import { decodeTrace } from "../../sim/trace-file.ts";
import { viewPage } from "../../sim/view-page.ts";
import { command } from "../command.ts";
import { naming } from "../sim/naming.ts";
import { pageScript } from "../sim/page-script.ts";

export const view: CommandModule = command({
  command: "view <trace>",
  describe: "write a trace as one HTML page: lanes, messages, leaders, faults, step by step",
  builder: (yargs) =>
    yargs
      .positional("trace", { type: "string", demandOption: true, describe: "what `sim replay --trace-file` wrote" })
      .option("out", { type: "string", describe: "where the page goes; the trace's name with .html, if not given" })
      .example("$0 sim view 42.trace", "writes 42.trace.html; add #step=1234 to its address to see that event"),
  handler: ({ trace: file, out = `${file}.html` }, output) => {
    const text = readFileSync(file, "utf8");
    const trace = naming(file, () => decodeTrace(text));
    writeFileSync(out, viewPage(trace, pageScript("view/main")));
    output.result({ page: out, records: trace.records.length }, `${trace.records.length} records in ${out}`);
  },
});
