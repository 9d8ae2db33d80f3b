/** Reading CSV (RFC 4180), plain or gzipped, a record at a time. A quoted field may go on over several lines. */
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { CodedError, errorMessage } from "../../node/base/errors.ts";

const RECORD_CHARACTERS_MAX = 1_000_000;

export interface CsvRecord {
  /** Line of the file that it begins in, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

interface RecordText {
  readonly line: number;
  readonly text: string;
}

/** The fields of one record; undefined when a quote is left open or stands where it must not. */
export function splitCsvRecord(record: string): string[] | undefined {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    let field = "";
    if (record[at] === '"') {
      const quoted = /"((?:[^"]|"")*)"/y;
      quoted.lastIndex = at;
      const match = quoted.exec(record);
      if (match === null) return undefined;
      field = (match[1] ?? "").replaceAll('""', '"');
      at = quoted.lastIndex;
    } else {
      const end = record.indexOf(",", at);
      field = record.slice(at, end === -1 ? record.length : end);
      if (field.includes('"')) return undefined;
      at += field.length;
    }
    fields.push(field);
    if (at === record.length) return fields;
    if (record[at] !== ",") return undefined;
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
    if (rest.length > RECORD_CHARACTERS_MAX) throw new CodedError("csv_invalid", `${path} has a line without end`);
    for (const line of lines) yield line.replace(/\r$/, "");
  }
  yield rest.replace(/\r$/, "");
}

/** The records of a text file, each with the line it begins in: lines are joined while a quote is open. */
async function* readRecords(path: string): AsyncGenerator<RecordText> {
  let line = 0;
  let open: RecordText | undefined;
  const neverClosed = (): CodedError =>
    new CodedError("csv_invalid", `${path}, line ${open?.line}: a quote is never closed`);
  for await (const text of readLines(path)) {
    line += 1;
    const record: RecordText = open === undefined ? { line, text } : { ...open, text: `${open.text}\n${text}` };
    // A quote opens or closes a field; doubled ones inside change nothing.
    const quotes = text.split('"').length - 1;
    const closed = (open === undefined) === (quotes % 2 === 0);
    open = closed ? undefined : record;
    if (closed) yield record;
    else if (record.text.length > RECORD_CHARACTERS_MAX) throw neverClosed();
  }
  if (open !== undefined) throw neverClosed();
}

/** All records of a file, empty lines left out; throws `CodedError` `file_unreadable` or `csv_invalid`. */
export async function* readCsv(path: string): AsyncGenerator<CsvRecord> {
  try {
    for await (const { line, text } of readRecords(path)) {
      if (text === "") continue;
      const fields = splitCsvRecord(line === 1 ? text.replace(/^\uFEFF/, "") : text);
      if (fields === undefined) throw new CodedError("csv_invalid", `${path}, line ${line}: the quotes do not match`);
      yield { line, fields };
    }
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError("file_unreadable", `${path} cannot be read: ${errorMessage(error)}`, { path }, error);
  }
}
