import { expect, test } from "vitest";
import { printable, printableLine } from "./printable.ts";

test.each([
  ["an escape sequence", "a\u001b[2Kb", "a\\u001b[2Kb"],
  ["C0 and DEL", "\u0000\t\r\u0007\u007f", "\\u0000\\u0009\\u000d\\u0007\\u007f"],
  ["C1, with which a sequence begins as well", "\u009b2K\u0085", "\\u009b2K\\u0085"],
  [
    "what turns the direction of writing",
    "\u202egnp\u2066\u2069\u200f\u061c",
    "\\u202egnp\\u2066\\u2069\\u200f\\u061c",
  ],
  ["separators of lines", "a\u2028b\u2029c", "a\\u2028b\\u2029c"],
])("%s is shown, not carried out", (_, text, shown) => {
  expect([printable(text), printableLine(text)]).toEqual([shown, shown]);
});

test("lines are kept where they are the program's own", () => {
  expect(printable("one\ntwo")).toBe("one\ntwo");
  expect(printableLine("one\ntwo")).toBe("one\\u000atwo");
});

test("other text stays as it is", () => {
  const text = "Zoë zahlt 5 € für 東京, שלום 🙂 \\ \u00a0";
  expect(printableLine(text)).toBe(text);
});

test("JSON says what it said", () => {
  const value = { text: "\u0085\u202e\u2028\u007f\u001b\n" };
  expect(JSON.parse(printable(JSON.stringify(value)))).toEqual(value);
});
