import { describe, expect, test } from "vitest";
import { CURRENCIES_ONLY } from "../amounts.ts";
import { FRAUD_HANDBOOK_MAPPING, type Mapping, mappingFor, PLAIN_MAPPING, parseMapping, RowReader } from "./mapping.ts";

const COLUMNS = { id: "ref", time: "when", payer: "from", payee: "to", amount: "sum", cardToken: "card" };
const GOOD = { version: 1, columns: COLUMNS };

function parse(fields: object): Mapping {
  return parseMapping(JSON.stringify(fields));
}

describe("a mapping file", () => {
  test("names columns and takes defaults for the rest", () => {
    expect(parse(GOOD)).toEqual({ ...PLAIN_MAPPING, columns: COLUMNS });
  });

  test("may say everything", () => {
    const all = { ...GOOD, timeFormat: "iso8601", timeOrigin: "2020-01-01", ledger: "JPY" };
    expect(parse({ ...all, idBase: "1", payerBase: "1000", payeeBase: "2000" })).toEqual({
      columns: COLUMNS,
      timeFormat: "iso8601",
      timeOrigin: "2020-01-01",
      ledger: 392,
      ...{ idBase: 1n, payerBase: 1000n, payeeBase: 2000n },
    });
  });

  test("may leave out the ids and the cards", () => {
    const { id: _id, cardToken: _cardToken, ...columns } = COLUMNS;
    expect(parse({ ...GOOD, columns }).columns).toEqual(columns);
  });

  test.each([
    ["a typo", { ...GOOD, payerbase: "1" }, "there is no payerbase; did you mean payerBase?"],
    ["a typo in a column", { ...GOOD, columns: { ...COLUMNS, payeee: "x" } }, "no columns.payeee; did you mean payee?"],
    ["something else altogether", { ...GOOD, delimiter: ";" }, "there is no delimiter; known are version, columns,"],
    ["a column missing", { ...GOOD, columns: { ...COLUMNS, amount: undefined } }, "columns.amount is missing"],
    ["a column that is no text", { ...GOOD, columns: { ...COLUMNS, amount: 5 } }, "columns.amount must be a text"],
    ["no columns", { version: 1 }, "columns must be an object"],
    ["columns as a list", { ...GOOD, columns: ["id"] }, "there is no columns.0"],
    ["another version", { ...GOOD, version: 2 }, "version must be 1"],
    ["an unknown time format", { ...GOOD, timeFormat: "ms" }, "timeFormat must be seconds or iso8601"],
    ["an origin that is no date", { ...GOOD, timeOrigin: "yesterday" }, "timeOrigin must be a date as ISO 8601"],
    ["a currency that does not exist", { ...GOOD, ledger: "EURO" }, '"EURO" is neither a currency'],
    ["a base as a number", { ...GOOD, idBase: 5 }, "idBase must be a decimal number as text"],
    ["a base below zero", { ...GOOD, idBase: "-5" }, "idBase must be a decimal number as text"],
    ["a list", [], "version must be 1"],
    ["nothing", null, "it must be a JSON object"],
  ])("is refused for %s", (_, fields, message) => {
    const act = (): Mapping => parseMapping(JSON.stringify(fields));
    expect(act).toThrow(
      expect.objectContaining({ code: "mapping_invalid", message: expect.stringContaining(message) }),
    );
  });

  test("is refused when it is not JSON", () => {
    expect(() => parseMapping("{version: 1}")).toThrow(expect.objectContaining({ code: "mapping_invalid" }));
  });
});

describe("without a mapping file", () => {
  test.each([
    ["our own columns", "id,time,payer,payee,amount", PLAIN_MAPPING],
    ["our own columns with cards", "id,time,payer,payee,amount,card_token", PLAIN_MAPPING],
    ["our own columns without ids", "time,payer,payee,amount", PLAIN_MAPPING],
    [
      "the handbook's columns",
      "TRANSACTION_ID,TX_TIME_SECONDS,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD",
      FRAUD_HANDBOOK_MAPPING,
    ],
  ])("%s are known", (_, header, mapping) => {
    expect(mappingFor(undefined, header.split(","), CURRENCIES_ONLY)).toBe(mapping);
  });

  test("others need one", () => {
    expect(() => mappingFor(undefined, ["from", "to"], CURRENCIES_ONLY)).toThrow(
      expect.objectContaining({ code: "mapping_needed" }),
    );
  });
});

describe("reading rows", () => {
  const header = ["amount", "payee", "payer", "time", "id", "card_token"];
  const reader = (mapping: Mapping = PLAIN_MAPPING): RowReader => new RowReader(mapping, header);

  test("finds columns by name and trims them", () => {
    expect(reader().read(2, ["12.50", " 8", "7 ", "86400", "5", "tok_1"])).toEqual({
      id: 5n,
      seconds: 86_400n,
      payer: 7n,
      payee: 8n,
      amount: 1250n,
      ledger: 978,
      cardToken: "tok_1",
    });
  });

  test("an empty card token is none", () => {
    expect(reader().read(2, ["1", "8", "7", "0", "5", ""])).not.toHaveProperty("cardToken");
  });

  test("bases and the origin are added", () => {
    const mapping = { ...PLAIN_MAPPING, idBase: 1n, payerBase: 1000n, payeeBase: 2000n, timeOrigin: "1970-01-02" };
    expect(reader(mapping).read(2, ["1", "0", "7", "5", "0", ""])).toMatchObject({
      id: 1n,
      payer: 1007n,
      payee: 2000n,
      seconds: 86_405n,
    });
  });

  test("payments without an id column are numbered", () => {
    const rows = new RowReader(PLAIN_MAPPING, ["time", "payer", "payee", "amount"]);
    expect(rows.read(2, ["0", "7", "8", "1"]).id).toBe(1n);
    expect(rows.read(3, ["0", "7", "8", "1"]).id).toBe(2n);
  });

  test.each([
    ["2024-01-02T03:04:05Z", 1_704_164_645n],
    ["2024-01-02T03:04:05.999Z", 1_704_164_645n],
    ["2024-01-02T04:04:05+01:00", 1_704_164_645n],
    ["2024-01-02 03:04:05", 1_704_164_645n],
    ["2024-01-02T03:04", 1_704_164_640n],
    ["2024-01-02", 1_704_153_600n],
  ])("%s is a time, in UTC where it names no zone", (text, seconds) => {
    const rows = reader({ ...PLAIN_MAPPING, timeFormat: "iso8601" });
    expect(rows.read(2, ["1", "8", "7", text, "5", ""]).seconds).toBe(seconds);
  });

  test.each(["", "yesterday", "02.01.2024", "2024-13-01", "1969-12-31", "2024", "Jan 2 2024"])(
    "%j is no ISO 8601 date",
    (text) => {
      const rows = reader({ ...PLAIN_MAPPING, timeFormat: "iso8601" });
      expect(() => rows.read(2, ["1", "8", "7", text, "5", ""])).toThrow(
        expect.objectContaining({ code: "csv_invalid", message: expect.stringMatching(/^line 2: .*ISO 8601/) }),
      );
    },
  );

  test.each([
    ["an amount with too many decimals", ["1.005", "8", "7", "0", "5", ""], "at most 2 decimals"],
    ["a negative amount", ["-1", "8", "7", "0", "5", ""], '"-1" is not an amount'],
    ["no amount", ["", "8", "7", "0", "5", ""], '"" is not an amount'],
    ["a payer by name", ["1", "8", "bob", "0", "5", ""], '"bob" in column payer is not a number'],
    ["an id of 0", ["1", "8", "7", "0", "0", ""], '"0" is not an id'],
    ["an id too large", ["1", "8", "7", "0", "9".repeat(39), ""], "is not a number"],
    ["a time that is no number", ["1", "8", "7", "1e3", "5", ""], '"1e3" is not a number of seconds'],
    ["a field too few", ["1", "8", "7", "0", "5"], "there are 5 fields under 6 columns"],
    ["thousands without quotes", ["1", "234.50", "8", "7", "0", "5", ""], "there are 7 fields under 6 columns"],
  ])("%s is refused with its line", (_, fields, message) => {
    expect(() => reader().read(17, fields)).toThrow(
      expect.objectContaining({
        code: "csv_invalid",
        message: expect.stringContaining(message),
        facts: { line: 17 },
      }),
    );
  });

  test("a column that is not there, or there twice, is refused before any row", () => {
    const mapping = parse(GOOD);
    expect(() => new RowReader(mapping, ["ref", "when", "from", "to"])).toThrow("there is no column sum");
    expect(() => new RowReader(PLAIN_MAPPING, [...header, "amount"])).toThrow("there are two columns amount");
  });
});
