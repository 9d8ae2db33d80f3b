import { Script } from "node:vm";
import { describe, expect, test } from "vitest";
import { linkModules } from "./link.ts";

/** Links modules that are given as texts, and runs them; what the entry told. */
function run(modules: Readonly<Record<string, string>>): readonly unknown[] {
  const script = linkModules("main", {
    resolve: (specifier) => specifier.replace("./", ""),
    read: (address) => modules[address] ?? "",
  });
  const told: unknown[] = [];
  new Script(script).runInNewContext({ tell: (value: unknown) => told.push(value) });
  return told;
}

describe("linking modules", () => {
  test("each runs once and behind those that it imports, with names of its own", () => {
    const modules = {
      main: 'import { hidden } from "./a";\nimport { hidden as other } from "./b";\nconst own = 3;\ntell([hidden, other, own]);',
      a: 'import "./b";\ntell("a");\nconst own = 1;\nexport const hidden = own;',
      b: 'tell("b");\nconst own = 2;\nexport { own as hidden };\n//# sourceMappingURL=b.js.map',
    };
    expect(run(modules)).toEqual(["b", "a", [1, 2, 3]]);
  });

  test("all forms of import and export that the compiler writes", () => {
    const modules = {
      main: [
        'import * as all from "./through";',
        'import { one, two as zwei,\n  Three, four, five, } from "./through";',
        "export {};",
        "tell([all.one(), one(), zwei, new Three().value, four, five, Object.keys(all).sort()]);",
      ].join("\n"),
      through: 'export * from "./forms";\nexport { value as five } from "./five";',
      forms: [
        "export function one() { return 1; }",
        "export let two = 2;",
        "export class Three { value = 3; }",
        "export const { four } = { four: 4 };",
        "export async function* later() { }",
      ].join("\n"),
      five: "export { value };\nconst value = 5;",
    };
    const names = ["Three", "five", "four", "later", "one", "two"];
    expect(run(modules)).toEqual([[1, 1, 2, 3, 4, 5, names]]);
  });

  test("an import below the code that needs it is there all the same", () => {
    expect(run({ main: 'tell(value);\nimport { value } from "./a";', a: "export const value = 7;" })).toEqual([7]);
  });

  test("what it does not understand, it refuses", () => {
    expect(() => run({ main: 'import thing from "./a";' })).toThrow("main cannot be linked: import thing");
    expect(() => run({ main: "export default 5;" })).toThrow("main cannot be linked: export default");
    expect(() => run({ main: 'import { b } from "./a";', a: "export const c = 1;" })).toThrow("exports c, and no b");
    expect(() => run({ main: 'import "./a";', a: 'import "./main";' })).toThrow("main imports itself");
  });
});
