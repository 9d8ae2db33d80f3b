import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Random } from "./ports/random.ts";
import { Prng } from "./prng.ts";

const draws = (random: Random, count: number): number[] => Array.from({ length: count }, () => random.u32());

describe("prng", () => {
  test("a seed's sequence never changes: recorded seeds must replay for ever", () => {
    expect(draws(new Prng(1), 4)).toEqual([2420951833, 2513034076, 3847892949, 4064752930]);
    expect(draws(new Prng(0xffff_ffff), 2)).toEqual([2300869303, 3917632794]);
    expect(draws(new Prng(1).fork("net"), 2)).toEqual([3138328711, 1235162301]);
  });

  test("different seeds give different sequences, and so do different labels", () => {
    const firsts = new Set(Array.from({ length: 1_000 }, (_, seed) => draws(new Prng(seed), 2).join()));
    expect(firsts.size).toBe(1_000);
    const labels = Array.from({ length: 1_000 }, (_, i) => draws(new Prng(7).fork(`node ${i}`), 2).join());
    expect(new Set(labels).size).toBe(1_000);
    expect(draws(new Prng(7).fork("a"), 2)).not.toEqual(draws(new Prng(7), 2));
  });

  test("draws of a fork shift neither its parent nor its siblings", () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(50), (seed, extra) => {
        const run = (drawn: number): number[][] => {
          const parent = new Prng(seed);
          const child = parent.fork("child");
          draws(child, drawn);
          const sibling = parent.fork("sibling");
          draws(child, drawn);
          return [draws(parent, 5), draws(sibling, 5)];
        };
        expect(run(extra)).toEqual(run(0));
      }),
    );
  });

  test("two forks of one label are two sources", () => {
    const parent = new Prng(3);
    expect(draws(parent.fork("x"), 3)).not.toEqual(draws(parent.fork("x"), 3));
  });

  test("below draws every number below the bound about equally often, and none else", () => {
    const random = new Prng(5);
    const counts = Array.from({ length: 7 }, () => 0);
    for (let i = 0; i < 70_000; i++) counts[random.below(7)]! += 1;
    expect(counts).toHaveLength(7);
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (bound) => {
        const drawn = random.below(bound);
        expect(Number.isInteger(drawn) && drawn >= 0 && drawn < bound).toBe(true);
      }),
    );
  });

  test("fill sets every byte to every value", () => {
    const bytes = new Uint8Array(20_000);
    new Prng(9).fill(bytes);
    expect(new Set(bytes).size).toBe(256);
  });

  test("each bit of a draw is set about half of the time", () => {
    const ones = Array.from({ length: 32 }, () => 0);
    for (const drawn of draws(new Prng(11), 20_000))
      for (let bit = 0; bit < 32; bit++) ones[bit]! += (drawn >>> bit) & 1;
    for (const count of ones) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });
});
