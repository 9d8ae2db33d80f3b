/** Scenarios out of files: YAML (or JSON, which is YAML, too), or a module that exports one. */
import { readFileSync } from "node:fs";
import { register } from "node:module";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isNode, LineCounter, parseDocument } from "yaml";
import { CodedError, errorMessage } from "../../node/base/errors.ts";
import { type Scenario, scenarioOf } from "../../sim/scenario.ts";
import { naming } from "./naming.ts";

const TEXTS: ReadonlySet<string> = new Set([".yaml", ".yml", ".json"]);
const CHARACTERS_MAX = 1_000_000;

/** Reads a scenario. Throws `CodedError` `scenario_invalid` with the line, or in a module the place, and the reason. */
export async function readScenario(file: string): Promise<Scenario> {
  const text = readFileSync(file, "utf8");
  if (TEXTS.has(extname(file))) return naming(file, () => parseScenario(text));
  const value = await imported(file);
  return naming(file, () => scenarioOf(value));
}

/** A scenario in YAML. Throws as `readScenario` does. */
export function parseScenario(text: string): Scenario {
  if (text.length > CHARACTERS_MAX) throw invalid(`more than ${CHARACTERS_MAX} characters`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken !== undefined) throw invalid(`line ${lines.linePos(broken.pos[0]).line}: ${broken.message}`);
  try {
    return scenarioOf(document.toJS());
  } catch (error) {
    if (!(error instanceof CodedError)) throw invalid(errorMessage(error));
    const offset = offsetOf(document, String(error.facts["path"] ?? ""));
    throw invalid(`line ${lines.linePos(offset).line}: ${error.message}`);
  }
}

/** Where in the text a path leads, or as much of it as there is. */
function offsetOf(document: ReturnType<typeof parseDocument>, path: string): number {
  const keys = path
    .split(/[.[\]]+/)
    .filter(Boolean)
    .map((key) => (/^\d+$/.test(key) ? Number(key) : key));
  for (let length = keys.length; length >= 0; length--) {
    const node = document.getIn(keys.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

async function imported(file: string): Promise<unknown> {
  const { scenario } = await moduleOf(file);
  if (scenario === undefined) throw invalid(`${file} exports no "scenario"`);
  return scenario;
}

async function moduleOf(file: string): Promise<{ readonly scenario?: unknown }> {
  const { href } = pathToFileURL(resolve(file));
  try {
    return await load(href);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_UNKNOWN_FILE_EXTENSION") throw invalid(errorMessage(error));
  }
  if (!/\.m?ts$/.test(file))
    throw invalid(`${file}: a scenario is YAML, JSON, or a module in JavaScript or TypeScript`);
  // By another address: this Node runs no TypeScript by itself, and remembers what it could not load.
  register(new URL("typescript-loader.js", import.meta.url));
  return await load(`${href}?types=none`).catch((error: unknown) => {
    throw invalid(errorMessage(error));
  });
}

async function load(href: string): Promise<{ readonly scenario?: unknown }> {
  return (await import(href)) as { readonly scenario?: unknown };
}

function invalid(message: string): CodedError {
  return new CodedError("scenario_invalid", message);
}
