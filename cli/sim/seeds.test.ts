import { describe, expect, test } from "vitest";
import { ran } from "../run.contract.ts";
import { parseSeeds } from "./seeds.ts";

describe("seeds on the command line", () => {
  test.each([
    ["1..200", { first: 1, last: 200 }],
    ["7", { first: 7, last: 7 }],
    ["0..0", { first: 0, last: 0 }],
    ["4294967295", { first: 4_294_967_295, last: 4_294_967_295 }],
  ])("%s are a range", (text, range) => {
    expect(parseSeeds(text)).toEqual(range);
  });

  test.each(["", "x", "5..1", "1..2..3", "-1", "1.5", "4294967296", "1..x"])("%j is wrong use", async (text) => {
    const { code, out, err } = await ran("sim", "run", `--seeds=${text}`);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain("(usage)");
  });
});
