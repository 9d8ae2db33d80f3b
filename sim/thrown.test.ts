import { describe, expect, test } from "vitest";
import { thrownText } from "./thrown.ts";

function thrown(...frames: readonly string[]): string {
  const error = new RangeError("too far");
  error.stack = ["RangeError: too far", ...frames].join("\n");
  return thrownText(error);
}

describe("what was thrown out of a run", () => {
  test("is told by its message and its own functions, without paths and without whoever called the run", () => {
    const text = "RangeError: too far\n    at Rules.applied (rules.js:7)\n    at state-safety.js:46";
    const own = [
      "    at Rules.applied (file:///home/a/dist/sim/check/rules.js:7:11)",
      "    at Array.map (<anonymous>)",
      "    at file:///home/a/dist/sim/check/state-safety.js:46:3",
      "    at World.run (file:///home/a/dist/sim/world.js:200:10)",
    ];
    expect(thrown(...own, "    at finish (file:///home/a/dist/sim/run.js:60:15)")).toBe(text);
    const elsewhere = own.map((frame) => frame.replace("/home/a/", "/srv/b/"));
    expect(thrown(...elsewhere, "    at MessagePort.<anonymous> (file:///srv/b/dist/cli/sim/worker.js:9:1)")).toBe(
      text,
    );
  });

  test("is its message where nothing is known of the stack", () => {
    expect(thrown("applied@http://localhost/page.html:7:11")).toBe("RangeError: too far");
    expect(thrownText("a word")).toBe("a word");
  });
});
