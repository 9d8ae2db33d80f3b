/** The scenarios that ship: each keeps all rules, and what it is about really happens. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { runPlan } from "./run.ts";
import { scenarioOf, scenarioPlan, unmet } from "./scenario.ts";

const FOLDER = join(import.meta.dirname, "scenarios");
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith(".yaml"));

describe("scenarios", () => {
  test("there are at least twelve, and their README names each", () => {
    expect(FILES.length).toBeGreaterThanOrEqual(12);
    const text = readFileSync(join(FOLDER, "README.md"), "utf8");
    expect(FILES.filter((name) => !text.includes(name))).toEqual([]);
  });

  test.each(FILES)("%s", (name) => {
    const scenario = scenarioOf(parse(readFileSync(join(FOLDER, name), "utf8")));
    const result = runPlan(scenarioPlan(scenario, 1));
    expect(result.failed).toBeUndefined();
    expect(unmet(scenario, result)).toEqual([]);
  });
});
