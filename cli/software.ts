/** Which version of this software runs. */
import { readFileSync } from "node:fs";

/** Above the build as above the source, which lie at different depths. */
const PACKAGE: string = import.meta.url.endsWith(".ts") ? "../package.json" : "../../package.json";

export function softwareVersion(): string {
  const text = readFileSync(new URL(PACKAGE, import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
