import { describe, expect, test } from "vitest";
import { CodedError } from "../node/base/errors.ts";
import { Output, table, toJson } from "./output.ts";

interface Written {
  readonly stream: "out" | "err";
  readonly text: string;
}

function outputOf(json: boolean, terminal: boolean): { readonly output: Output; readonly written: Written[] } {
  const written: Written[] = [];
  const writer =
    (stream: Written["stream"]) =>
    (text: string): void => {
      written.push({ stream, text });
    };
  const output = new Output(json, { out: writer("out"), err: writer("err"), terminal, columns: 80 });
  return { output, written };
}

function onStream(written: readonly Written[], stream: Written["stream"]): string {
  return written
    .filter((entry) => entry.stream === stream)
    .map(({ text }) => text)
    .join("");
}

describe("output for people", () => {
  test("results go to standard output, notes and errors to standard error", () => {
    const { output, written } = outputOf(false, false);
    output.note("on the way");
    output.result({ a: 1 }, "done");
    output.error(new CodedError("not_found", "there is no such thing"));
    expect(onStream(written, "out")).toBe("done\n");
    expect(onStream(written, "err")).toBe("on the way\nerror: there is no such thing (not_found)\n");
  });

  test("progress stands on one line of a terminal, and leaves no trace behind what follows", () => {
    const { output, written } = outputOf(false, true);
    output.progress("1 of 2");
    output.progress("2 of 2");
    output.result({}, "done");
    output.note("more");
    const clear = "\r\u001b[2K";
    expect(onStream(written, "err")).toBe(`${clear}1 of 2${clear}2 of 2${clear}more\n`);
  });

  test("progress is not written where there is no terminal", () => {
    const { output, written } = outputOf(false, false);
    output.progress("1 of 2");
    output.result({}, "done");
    expect(written).toEqual([{ stream: "out", text: "done\n" }]);
  });

  test("no text of others moves a terminal's cursor, and none passes for a line of ours", () => {
    const { output, written } = outputOf(false, true);
    const hostile = "\u001b[2J\u009b1A\u202e";
    const shown = "\\u001b[2J\\u009b1A\\u202e";
    output.result({}, hostile);
    output.note(hostile);
    output.progress(`${hostile}\n`);
    output.error(new CodedError(`not_found\n${hostile}`, `no\nreceipt written${hostile}`));
    expect(onStream(written, "out")).toBe(`${shown}\n`);
    const clear = "\r\u001b[2K";
    const error = `error: no\n  receipt written${shown} (not_found\\u000a${shown})\n`;
    expect(onStream(written, "err")).toBe(`${shown}\n${clear}${shown}\\u000a${clear}${error}`);
    expect(table([["name"], [`a\nb${hostile}`]])).toBe(`name\na\\u000ab${shown}`);
  });

  test("an error without a code is a bug and comes with its stack", () => {
    const { output, written } = outputOf(false, false);
    output.error(new TypeError("x is undefined"));
    expect(onStream(written, "err")).toMatch(/^error: x is undefined \(internal\)\nTypeError: x is undefined\n +at /);
  });
});

describe("output for programs", () => {
  test("a result is one line of JSON and the text is left out", () => {
    const { output, written } = outputOf(true, false);
    output.note("on the way");
    output.result({ id: 7n, key: new Uint8Array([1, 255]), list: [1n] }, "done");
    expect(onStream(written, "out")).toBe('{"id":"7","key":"01ff","list":["1"]}\n');
  });

  test("an error is JSON on standard output and a line on standard error", () => {
    const { output, written } = outputOf(true, false);
    output.error(new CodedError("usage", "say more"));
    expect(onStream(written, "out")).toBe('{"error":{"code":"usage","message":"say more"}}\n');
    expect(onStream(written, "err")).toBe("error: say more (usage)\n");
  });

  test("a line break in a message does not break the line of JSON", () => {
    expect(toJson({ message: "a\nb" })).toBe('{"message":"a\\nb"}');
  });
});

describe("tables", () => {
  test("columns are as wide as their widest cell; numbers, amounts and shares stand to the right", () => {
    const text = table([
      ["name", "amount", "share", "note"],
      ["a", "-1,234.50 EUR", "99.0 %", "x"],
      ["longer", "0.01 EUR", "1.0 %", ""],
    ]);
    expect(text.split("\n")).toEqual([
      "name           amount   share  note",
      "a       -1,234.50 EUR  99.0 %  x",
      "longer       0.01 EUR   1.0 %",
    ]);
  });

  test("a heading alone is a table", () => {
    expect(table([["a", "b"]])).toBe("a  b");
  });
});
