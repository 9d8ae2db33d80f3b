import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { afterAll, describe, expect, test } from "vitest";
import { U64_MAX, U128_MAX } from "../../node/base/bytes.ts";
import type { Transfer } from "../../node/ledger/records.ts";
import { Assets } from "../amounts.ts";
import { readCsv } from "../payments/csv.ts";
import { type Column, integer, text, time, transferColumns } from "./columns.ts";
import { writeTable } from "./table-file.ts";

const directory = mkdtempSync(join(tmpdir(), "quorate-table-"));
afterAll(() => rmSync(directory, { recursive: true }));
const path = join(directory, "table");

interface Row {
  readonly name: string;
  readonly id: bigint;
  readonly count: number;
  readonly at: bigint;
}

const COLUMNS: readonly Column<Row>[] = [
  text("name", (row) => row.name),
  text("id", (row) => row.id),
  integer("count", (row) => row.count),
  time("at", (row) => row.at),
];

const row: fc.Arbitrary<Row> = fc.record({
  name: fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('"', ",", "\r", "\n", "a", "€") })),
  id: fc.oneof(fc.constant(U128_MAX), fc.bigInt({ min: 0n, max: U128_MAX })),
  count: fc.integer({ min: 0, max: 0xffff_ffff }),
  at: fc.bigInt({ min: 0n, max: (1n << 63n) - 1n }),
});

function bytesOf(file: string): ArrayBuffer {
  const bytes = readFileSync(file);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
}

async function parquetRows(file: string): Promise<Record<string, unknown>[]> {
  return await parquetReadObjects({
    file: bytesOf(file),
    parsers: { timestampFromNanoseconds: (ns: bigint) => ns },
  });
}

describe("CSV", () => {
  test("has a header and lines that end in CR LF, with quotes where they must be", () => {
    const rows = [
      { name: 'a "b", c', id: 1n, count: 2, at: 3n },
      { name: "two\nlines", id: U128_MAX, count: 0, at: 0n },
    ];
    expect(writeTable("csv", path, COLUMNS, rows)).toBe(2);
    expect(readFileSync(path, "utf8")).toBe(
      `name,id,count,at\r\n"a ""b"", c",1,2,3\r\n"two\nlines",${U128_MAX},0,0\r\n`,
    );
  });

  test("is read back as it was written", async () => {
    // Our reader takes CR LF inside of quotes for a plain line end; RFC 4180 leaves it open.
    const plain = row.filter(({ name }) => !name.includes("\r") && !name.includes("\u0000"));
    await fc.assert(
      fc.asyncProperty(fc.array(plain, { maxLength: 10 }), async (rows) => {
        writeTable("csv", path, COLUMNS, rows);
        const read: string[][] = [];
        for await (const { fields } of readCsv(path)) read.push([...fields]);
        const expected = rows.map(({ name, id, count, at }) => [name, `${id}`, `${count}`, `${at}`]);
        expect(read.slice(1)).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });
});

describe("Parquet", () => {
  test("is read back as it was written: text, whole numbers and nanoseconds", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 20 }), async (rows) => {
        expect(writeTable("parquet", path, COLUMNS, rows)).toBe(rows.length);
        const read = await parquetRows(path);
        expect(read).toEqual(rows.map(({ name, id, count, at }) => ({ name, id: `${id}`, count: BigInt(count), at })));
      }),
      { numRuns: 50 },
    );
  });

  test("says which columns are times, and has no optional ones", () => {
    writeTable("parquet", path, COLUMNS, []);
    const [, ...schema] = parquetMetadata(bytesOf(path)).schema;
    expect(schema.map(({ name, type, repetition_type }) => [name, type, repetition_type])).toEqual([
      ...["name", "id"].map((name) => [name, "BYTE_ARRAY", "REQUIRED"]),
      ...["count", "at"].map((name) => [name, "INT64", "REQUIRED"]),
    ]);
    expect(schema[3]?.logical_type).toEqual({ type: "TIMESTAMP", isAdjustedToUTC: true, unit: "NANOS" });
  });

  test("of many rows has several row groups, and all rows in their order", async () => {
    const rows = Array.from({ length: 120_000 }, (_, count): Row => ({ name: "x", id: 1n, count, at: 0n }));
    writeTable("parquet", path, COLUMNS, rows);
    expect(parquetMetadata(bytesOf(path)).row_groups.map(({ num_rows }) => num_rows)).toEqual([
      50_000n,
      50_000n,
      20_000n,
    ]);
    const read = await parquetRows(path);
    expect(read.map(({ count }) => count)).toEqual(rows.map(({ count }) => BigInt(count)));
  });
});

test("amounts have the decimals of their asset, and ids all their digits", async () => {
  const assets = new Assets([{ ledger: 1_000, code: "GOLD", decimals: 18 }]);
  const transfer: Transfer = {
    ...{ id: U128_MAX - 1n, debitAccountId: 1n, creditAccountId: 2n, amount: U128_MAX, pendingId: 0n, timeout: 0 },
    ...{ userData128: U128_MAX, userData64: U64_MAX, userData32: 1, ledger: 1_000, code: 1, flags: 0, timestamp: 5n },
  };
  writeTable("parquet", path, transferColumns(assets), [transfer, { ...transfer, ledger: 978, amount: 1_250n }]);
  expect(await parquetRows(path)).toMatchObject([
    {
      ...{ id: `${U128_MAX - 1n}`, amount: "340282366920938463463.374607431768211455", asset: "GOLD" },
      ...{ minor_units: `${U128_MAX}`, user_data_64: `${U64_MAX}`, ledger: 1_000n, timestamp: 5n },
    },
    { amount: "12.50", minor_units: "1250", asset: "EUR", ledger: 978n },
  ]);
});
