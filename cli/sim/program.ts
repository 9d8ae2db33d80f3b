/** Which program runs seeds, so that the runs of two are not taken for those of one. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What decides how a run goes. */
const PARTS = ["consensus", "node", "sim", "storage"];
/** The program is read as it runs: as it was built, or in tests from its source. */
const ENDING: string = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));
const DIGITS = 16;

/**
 * A hash of the modules of node, consensus, storage and simulator, by path and content: any change of them may change what
 * is drawn, and what comes of it, long before there is another version.
 */
export function programHash(root: string = ROOT, ending: string = ENDING): string {
  const hash = createHash("sha256");
  for (const part of PARTS) {
    const paths = readdirSync(join(root, part), { recursive: true, encoding: "utf8" });
    const modules = paths.filter((path) => path.endsWith(ending)).map((path) => path.replaceAll("\\", "/"));
    for (const path of modules.toSorted()) {
      const content = readFileSync(join(root, part, path));
      hash.update(`${part}/${path}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest("hex").slice(0, DIGITS);
}
