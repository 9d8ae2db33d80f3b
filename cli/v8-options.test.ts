import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { V8_OPTIONS } from "./v8-options.ts";

test("whoever runs the command gets the options that a cluster's processes are started with", () => {
  const [first] = readFileSync(new URL("bin/quorate.ts", import.meta.url), "utf8").split("\n");
  expect(first).toBe(`#!/usr/bin/env -S node ${V8_OPTIONS.join(" ")}`);
});
