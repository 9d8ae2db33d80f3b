import { expect, test } from "vitest";
import { runSeed } from "../../sim/run.ts";
import { Output } from "../output.ts";
import { shrink } from "./shrinking.ts";

const FAILED = runSeed(1, { mutant: "receiptOfAnotherPast" });
const silent = new Output(false, { out: () => undefined, err: () => undefined, terminal: false, columns: 80 });

test("a search says whether it came to its end; one that was stopped goes on with what it has found", async () => {
  const stopped = await shrink(FAILED, 3, silent);
  expect(stopped).toMatchObject({ runs: 3, complete: false });
  const whole = await shrink(FAILED, 1_000, silent);
  expect(whole.complete).toBe(true);
  expect(await shrink(FAILED, whole.runs - 1, silent)).toMatchObject({ complete: false });
  const further = await shrink(stopped.best, 1_000, silent);
  expect(further.complete).toBe(true);
  expect(further.best.plan).toEqual(whole.best.plan);
});
