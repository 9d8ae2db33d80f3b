/**
 * Module hooks of Node that take the types out of TypeScript, for Nodes that run none by themselves. Every line and column
 * stays where it was.
 */
import { readFile } from "node:fs/promises";
import type { LoadHook } from "node:module";
import { fileURLToPath } from "node:url";
import { transformSync } from "@swc/wasm-typescript";

/** What is thrown for a text that is no TypeScript, or one that would need more than its types taken out. */
interface Complaint {
  readonly message: string;
  readonly startLine?: number;
}

export const load: LoadHook = async (url, context, nextLoad) => {
  const { protocol, pathname } = new URL(url);
  if (protocol !== "file:" || !/\.m?ts$/.test(pathname)) return await nextLoad(url, context);
  const path = fileURLToPath(url);
  return { format: "module", source: withoutTypes(path, await readFile(path, "utf8")), shortCircuit: true };
};

function withoutTypes(path: string, text: string): string {
  try {
    return transformSync(text, { mode: "strip-only", module: true }).code;
  } catch (error) {
    const { message, startLine } = error as Complaint;
    throw new SyntaxError(`${path}${startLine === undefined ? "" : `, line ${startLine}`}: ${message}`);
  }
}
