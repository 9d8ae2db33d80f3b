import { expect, test } from "vitest";
import { assert, InvariantError, must, unreachable } from "./assert.ts";
import { CodedError, errorMessage } from "./errors.ts";

test("assert, must and unreachable throw InvariantError with the meaning, and only when something is broken", () => {
  expect(() => assert(false, "pages rise")).toThrow(new InvariantError("pages rise"));
  expect(() => assert(0, "zero does not hold")).toThrow(InvariantError);
  assert(true, "it holds");
  expect(() => must(undefined, "a row")).toThrow(new InvariantError("a row"));
  expect(() => must(null, "a row")).toThrow(InvariantError);
  expect([must(0, ""), must("", ""), must(false, "")]).toEqual([0, "", false]);
  expect(() => unreachable("kind" as never)).toThrow(new InvariantError("unreachable: kind"));
});

test("a coded error carries its code, facts and cause; a broken invariant is none", () => {
  const cause = new Error("EIO");
  const error = new CodedError("disk_io", "the disk failed", { path: "log/1" }, cause);
  expect(error).toMatchObject({ code: "disk_io", message: "the disk failed", facts: { path: "log/1" }, cause });
  expect(new CodedError("a", "b").facts).toEqual({});
  expect(new InvariantError("x")).not.toBeInstanceOf(CodedError);
  expect([errorMessage(error), errorMessage("thrown text")]).toEqual(["the disk failed", "thrown text"]);
});
