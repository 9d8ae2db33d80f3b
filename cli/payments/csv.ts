/** Reading CSV (RFC 4180), plain or gzipped, a record at a time. */
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { CodedError, errorMessage } from "../../node/base/errors.ts";

const LINE_CHARACTERS_MAX = 1_000_000;

export interface CsvRecord {
  /** Line of the file, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

/** The fields of one line; undefined when a quote is left open or stands where it must not. */
export function splitCsvLine(line: string): string[] | undefined {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    let field = "";
    if (line[at] === '"') {
      const quoted = /"((?:[^"]|"")*)"/y;
      quoted.lastIndex = at;
      const match = quoted.exec(line);
      if (match === null) return undefined;
      field = (match[1] ?? "").replaceAll('""', '"');
      at = quoted.lastIndex;
    } else {
      const end = line.indexOf(",", at);
      field = line.slice(at, end === -1 ? line.length : end);
      if (field.includes('"')) return undefined;
      at += field.length;
    }
    fields.push(field);
    if (at === line.length) return fields;
    if (line[at] !== ",") return undefined;
    at += 1;
  }
}

/** The lines of a text file, without their ends. */
async function* readLines(path: string): AsyncGenerator<string> {
  const file = createReadStream(path);
  // Errors reach the reading loop below; the callback has nothing to add.
  const input = path.endsWith(".gz") ? pipeline(file, createGunzip(), () => undefined) : file;
  input.setEncoding("utf8");
  let rest = "";
  for await (const chunk of input as AsyncIterable<string>) {
    const lines = `${rest}${chunk}`.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LINE_CHARACTERS_MAX) throw new CodedError("csv_invalid", `${path} has a line without end`);
    for (const line of lines) yield line.replace(/\r$/, "");
  }
  yield rest;
}

/** All records of a file, empty lines left out; throws `CodedError` `file_unreadable` or `csv_invalid`. */
export async function* readCsv(path: string): AsyncGenerator<CsvRecord> {
  let line = 0;
  try {
    for await (const text of readLines(path)) {
      line += 1;
      if (text === "") continue;
      const fields = splitCsvLine(line === 1 ? text.replace(/^\uFEFF/, "") : text);
      if (fields === undefined) throw new CodedError("csv_invalid", `${path}, line ${line}: the quotes do not match`);
      yield { line, fields };
    }
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError("file_unreadable", `${path} cannot be read: ${errorMessage(error)}`, { path }, error);
  }
}
