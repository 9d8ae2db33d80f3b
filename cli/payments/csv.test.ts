import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { type CsvRecord, readCsv, splitCsvRecord } from "./csv.ts";

const directory = mkdtempSync(join(tmpdir(), "quorate-csv-"));
afterAll(() => rmSync(directory, { recursive: true }));

function file(content: string | Uint8Array, name = "file.csv"): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

async function read(path: string): Promise<CsvRecord[]> {
  const records: CsvRecord[] = [];
  for await (const record of readCsv(path)) records.push(record);
  return records;
}

function quoted(fields: readonly string[]): string {
  return fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(",");
}

async function fieldsOf(content: string | Uint8Array, name?: string): Promise<(readonly string[])[]> {
  return (await read(file(content, name))).map(({ fields }) => fields);
}

describe("one record (RFC 4180)", () => {
  test.each([
    ["a,b,c", ["a", "b", "c"]],
    ["", [""]],
    [",", ["", ""]],
    ['"a,b",c', ["a,b", "c"]],
    ['"say ""hi""",c', ['say "hi"', "c"]],
    ['""', [""]],
    ['"",x', ["", "x"]],
    [" a , b ", [" a ", " b "]],
    ['"two\nlines",x', ["two\nlines", "x"]],
  ])("%j", (text, fields) => {
    expect(splitCsvRecord(text)).toEqual(fields);
  });

  test.each(['"a', 'a"b', '"a"b', '"a" ,b', 'a,"'])("the quotes of %j do not match", (text) => {
    expect(splitCsvRecord(text)).toBeUndefined();
  });

  test("whatever is quoted reads back as it was", () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), (fields) => {
        expect(splitCsvRecord(quoted(fields))).toEqual(fields);
      }),
    );
  });
});

describe("files", () => {
  const rows = [
    ["a", "b"],
    ["1", "2"],
  ];

  test.each([
    ["line feeds", "a,b\n1,2\n"],
    ["no line feed at the end", "a,b\n1,2"],
    ["carriage returns and line feeds", "a,b\r\n1,2\r\n"],
    ["a carriage return at the very end", "a,b\r\n1,2\r"],
    ["empty lines", "\na,b\n\n1,2\n\n"],
    ["a byte order mark", "\uFEFFa,b\n1,2\n"],
  ])("%s", async (_, content) => {
    expect(await fieldsOf(content)).toEqual(rows);
  });

  test("gzipped, by the name", async () => {
    expect(await fieldsOf(gzipSync("a,b\n1,2\n"), "file.csv.gz")).toEqual(rows);
  });

  test("records that span chunks of the file", async () => {
    const long = "x".repeat(40_000);
    const many = Array.from({ length: 10 }, (_, index) => `${index},${long}`);
    expect(await fieldsOf(many.join("\n"))).toEqual(many.map((line) => line.split(",")));
  });

  test("a quoted field may hold line ends; a record's line is the one it begins in", async () => {
    expect(await read(file('a,b\n1,"two\r\nlines ""quoted""\n"\n3,4\n'))).toEqual([
      { line: 1, fields: ["a", "b"] },
      { line: 2, fields: ["1", 'two\nlines "quoted"\n'] },
      { line: 5, fields: ["3", "4"] },
    ]);
  });

  test("an empty file has no records", async () => {
    expect(await fieldsOf("")).toEqual([]);
  });
});

describe("broken files", () => {
  test.each([
    ["quotes that do not match", 'a,b\n1,2\n3,"4" 5\n', "line 3: the quotes do not match"],
    ["a quote that is never closed", 'a,b\n1,"2\n3,4\n', "line 2: a quote is never closed"],
    ["a quote that swallows the file", `a,b\n1,"2\n${"3,4\n".repeat(300_000)}`, "line 2: a quote is never closed"],
    ["a line without end", `a,b\n${"x".repeat(1_100_000)}`, "a line without end"],
  ])("%s", async (_, content, message) => {
    const error = await read(file(content)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "csv_invalid", message: expect.stringContaining(message) });
  });

  test.each([
    ["not there", () => join(directory, "none.csv")],
    ["a directory", () => directory],
    ["called .gz and no gzip", () => file("a,b\n1,2\n", "text.csv.gz")],
    ["a gzip cut off", () => file(gzipSync(`a,b\n${"1,2\n".repeat(10_000)}`).subarray(0, -20), "cut.csv.gz")],
  ])("%s", async (_, path) => {
    await expect(read(path())).rejects.toMatchObject({ code: "file_unreadable" });
  });
});
