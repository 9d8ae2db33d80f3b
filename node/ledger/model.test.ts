/** The ledger against a plain model of it, over random histories that reach every status. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { Counts, Pair } from "./pair.test-support.ts";
import { holds, run, scenario } from "./scenario.test-support.ts";

const RUNS = 400;
const TIMEOUT_MS = 120_000;
const SEED = 20_260_701;

describe("the ledger and its model answer the same", () => {
  const counts = new Counts();

  beforeAll(() => {
    const property = fc.property(scenario, (drawn) => run(new Pair(drawn.segmentRows, counts), drawn));
    fc.assert(property, { numRuns: RUNS, seed: SEED });
  }, TIMEOUT_MS);

  test("and every status came up", async ({ annotate }) => {
    expect(counts.missing()).toEqual([]);
    await annotate(counts.text());
  });

  test(
    "of holds that run out, too",
    () => {
      const property = fc.property(holds, (drawn) => run(new Pair(drawn.segmentRows, new Counts()), drawn));
      fc.assert(property, { numRuns: RUNS, seed: SEED });
    },
    TIMEOUT_MS,
  );

  test.each(["accountTransfers", "accountBalances", "accounts", "transfers", "changes"])(
    "and %s were found",
    (query) => {
      expect(counts.found.get(query)).toBeGreaterThan(50);
    },
  );

  test.each([
    ["single_phase"],
    ["two_phase_pending"],
    ["two_phase_posted"],
    ["two_phase_voided"],
    ["two_phase_expired"],
  ])("and %s was among the changes", (type) => {
    expect(counts.found.get(type)).toBeGreaterThan(20);
  });
});
