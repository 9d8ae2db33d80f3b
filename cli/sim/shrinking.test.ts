import { expect, test } from "vitest";
import { runSeed } from "../../sim/run.ts";
import { Output } from "../output.ts";
import { runHere } from "./pool.ts";
import { shrink } from "./shrinking.ts";

const FAILED = runSeed(1, { mutant: "receiptOfAnotherPast" });
const silent = new Output(false, { out: () => undefined, err: () => undefined, terminal: false, columns: 80 });

const NEVER = new AbortController().signal;
const within = (runsMax: number, stop = NEVER): Parameters<typeof shrink>[1] => ({
  runsMax,
  run: runHere,
  output: silent,
  stop,
});

test("a search says whether it came to its end; one that was stopped goes on with what it has found", async () => {
  const stopped = await shrink(FAILED, within(3));
  expect(stopped).toMatchObject({ runs: 3, complete: false, stopped: false });
  const whole = await shrink(FAILED, within(1_000));
  expect(whole.complete).toBe(true);
  expect(await shrink(FAILED, within(whole.runs - 1))).toMatchObject({ complete: false });
  const further = await shrink(stopped.best, within(1_000));
  expect(further).toMatchObject({ complete: true, stopped: false });
  expect(await shrink(FAILED, within(9, AbortSignal.abort()))).toMatchObject({
    runs: 0,
    complete: false,
    stopped: true,
  });
  expect(further.best.plan).toEqual(whole.best.plan);
});
