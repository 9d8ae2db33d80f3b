/**
 * Compiled modules as one script, for pages that load nothing: each module becomes a function that is called once, behind
 * those that it imports, and gives what it exports. What the compiler writes is all that is understood; anything else is
 * refused, so that no page is written that would not run.
 */
import { InvariantError } from "../node/base/assert.ts";

/** Where modules are; addresses are whatever names a module, and one of them names it always. */
export interface ModuleSource {
  /** The address of what the module at `from` calls `specifier`. */
  resolve(specifier: string, from: string): string;
  /** The text of a module. */
  read(address: string): string;
}

/** A module whose statements of import and export are taken apart. */
interface Linked {
  readonly name: string;
  /** What it exports: the name outside, and what gives it. */
  readonly exports: ReadonlyMap<string, string>;
}

const CLAUSE = String.raw`(\*(?:\s+as\s+[\w$]+)?|\{[\w\s,$]*\})\s*`;
const IMPORT = new RegExp(String.raw`^import\s+(?:${CLAUSE}from\s*)?["']([^"']+)["'];?`, "gm");
const EXPORT_FROM = new RegExp(String.raw`^export\s+${CLAUSE}from\s*["']([^"']+)["'];?`, "gm");
const EXPORT_LIST = /^export\s+\{([\w\s,$]*)\};?/gm;
const EXPORT_PATTERN = /^export\s+((?:const|let|var)\s+\{([\w\s,$]*)\}\s*=)/gm;
const EXPORT_NAMED = /^export\s+((?:(?:async\s+)?function\b\s*\*?|class|const|let|var)\s+([\w$]+))/gm;
const SOURCE_MAP = /^\/\/# sourceMappingURL=.*$/gm;

/**
 * The script of a module and all that it imports, whose last value nobody needs. A variable that is exported has for others the
 * value that it had when its own module was done. Throws `InvariantError` for modules that import each other.
 */
export function linkModules(entry: string, source: ModuleSource): string {
  const linked = new Map<string, Linked | undefined>();
  const parts: string[] = [];

  const link = (address: string): Linked => {
    const known = linked.get(address);
    if (known !== undefined) return known;
    if (linked.has(address)) throw new InvariantError(`${address} imports itself by way of others`);
    linked.set(address, undefined);
    const { body, imports, exports } = takeApart(source.read(address), (specifier) =>
      link(source.resolve(specifier, address)),
    );
    const unknown = /^(import|export)\s.*/m.exec(body)?.[0];
    if (unknown !== undefined) throw new InvariantError(`${address} cannot be linked: ${unknown}`);
    const name = `module${parts.length + 1}`;
    const given = [...exports].map(([outside, value]) => (outside === value ? value : `${outside}: ${value}`));
    parts.push(
      [
        `const ${name} = (() => { // ${address.slice(address.lastIndexOf("/") + 1)}`,
        ...imports,
        body.trim(),
        `return { ${given.join(", ")} };`,
        "})();",
      ].join("\n"),
    );
    const done = { name, exports };
    linked.set(address, done);
    return done;
  };

  link(entry);
  return `"use strict";\n${parts.join("\n\n")}\n`;
}

interface TakenApart {
  /** The text without its imports and exports. */
  readonly body: string;
  /** Statements that give what was imported its names. */
  readonly imports: readonly string[];
  readonly exports: ReadonlyMap<string, string>;
}

function takeApart(text: string, linked: (specifier: string) => Linked): TakenApart {
  const imports: string[] = [];
  const exports = new Map<string, string>();
  const body = text
    .replaceAll(SOURCE_MAP, "")
    .replaceAll(IMPORT, (_, clause: string | undefined, specifier: string) => {
      const module = linked(specifier);
      if (clause !== undefined) imports.push(importStatement(clause, module));
      return "";
    })
    .replaceAll(EXPORT_FROM, (_, clause: string, specifier: string) => {
      const module = linked(specifier);
      const all = clause === "*" ? [...module.exports.keys()].map((name) => [name, name] as const) : renamed(clause);
      for (const [there, here] of all) exports.set(here, `${module.name}.${exported(module, there)}`);
      return "";
    })
    .replaceAll(EXPORT_LIST, (_, list: string) => {
      for (const [inside, outside] of renamed(list)) exports.set(outside, inside);
      return "";
    })
    .replaceAll(EXPORT_PATTERN, (_, statement: string, list: string) => {
      for (const [, name] of renamed(list)) exports.set(name, name);
      return statement;
    })
    .replaceAll(EXPORT_NAMED, (_, statement: string, name: string) => {
      exports.set(name, name);
      return statement;
    });
  return { body, imports, exports };
}

function importStatement(clause: string, module: Linked): string {
  if (clause.startsWith("*")) return `const ${clause.replace(/^\*\s+as\s+/, "")} = ${module.name};`;
  const names = renamed(clause).map(([there, here]) => {
    exported(module, there);
    return there === here ? here : `${there}: ${here}`;
  });
  return `const { ${names.join(", ")} } = ${module.name};`;
}

/** A name that a module must export. */
function exported({ name, exports }: Linked, wanted: string): string {
  if (exports.has(wanted)) return wanted;
  throw new InvariantError(`${name} exports ${[...exports.keys()].join(", ")}, and no ${wanted}`);
}

/** `a, b as c` as pairs of what stands before and behind `as`. */
function renamed(list: string): readonly (readonly [before: string, behind: string])[] {
  return list
    .replaceAll(/[{}]/g, "")
    .split(",")
    .map((one) => one.trim().split(/\s+as\s+/))
    .flatMap(([before = "", behind = before]) => (before === "" ? [] : [[before, behind] as const]));
}
