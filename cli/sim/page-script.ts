/** The scripts of pages, linked from what the build has compiled and the packages that it imports. */
import { readFileSync } from "node:fs";
import { linkModules } from "../../sim/link.ts";

/** Where the build puts the simulator's modules. */
const SIM = new URL("../../sim/", import.meta.url);

/** What stands in for modules that only Node can run, by their addresses. */
const STAND_INS: ReadonlyMap<string, string> = new Map([
  [new URL("sha256.js", SIM).href, new URL("../node/wire/sha256.js", SIM).href],
]);
/** The file that a package has for browsers lies beside the one that it has for Node. */
const FOR_BROWSERS: ReadonlyMap<string, string> = new Map([["msgpackr", "index.js"]]);

/** The script whose first module has this name under `sim/`, such as `view/main`. */
export function pageScript(entry: string): string {
  return linkModules(new URL(`${entry}.js`, SIM).href, {
    resolve: (specifier, from) => {
      if (!specifier.startsWith(".")) return packageModule(specifier);
      const { href } = new URL(specifier, from);
      return STAND_INS.get(href) ?? href;
    },
    read: (address) => readFileSync(new URL(address), "utf8"),
  });
}

function packageModule(specifier: string): string {
  const forNode = import.meta.resolve(specifier);
  const file = FOR_BROWSERS.get(specifier);
  return file === undefined ? forNode : new URL(file, forNode).href;
}
