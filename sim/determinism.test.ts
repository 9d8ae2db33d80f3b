import { expect, test } from "vitest";
import { runSeed } from "./run.ts";

const SEED = 3;

test("one seed gives one run: the same trace, the same figures", () => {
  expect(runSeed(SEED)).toEqual(runSeed(SEED));
});

test("listening to the trace changes nothing, and two listeners hear the same lines", () => {
  const first: string[] = [];
  const second: string[] = [];
  const heard = runSeed(SEED, { trace: (line) => first.push(line) });
  runSeed(SEED, { trace: (line) => second.push(line) });
  expect(heard).toEqual(runSeed(SEED));
  expect(first.length).toBeGreaterThan(20);
  expect(second).toEqual(first);
});

test("other seeds give other runs", () => {
  const hashes = [1, 2, SEED].map((seed) => runSeed(seed).traceHash);
  expect(new Set(hashes).size).toBe(hashes.length);
});
