import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { dataPath, needsData } from "../../node/base/data.test-support.ts";
import type { PaymentRow } from "./payment-row.ts";
import { type ReadOptions, readPayments } from "./read-payments.ts";

const HANDBOOK = dataPath("fraud-handbook/transactions_2018-06-18_2018-08-14.csv.gz");
const AMLSIM = dataPath("aml-amlsim/20K_cycle200.transactions.csv.gz");

const directory = mkdtempSync(join(tmpdir(), "quorate-payments-"));
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

async function read(rows: readonly string[], options: ReadOptions): Promise<readonly PaymentRow[]> {
  return await readPayments(write("payments.csv", ["id,time,payer,payee,amount", ...rows, ""].join("\n")), options);
}

const DAY = 86_400;
const TWO_DAYS = [`1,${DAY},7,8,1`, `2,${2 * DAY - 1},7,8,2`, `3,${2 * DAY},7,8,3`, `4,${3 * DAY},7,8,4`];

describe("which payments of a file are taken", () => {
  test.each([
    ["all", { firstDay: false }, [1n, 2n, 3n, 4n]],
    ["the first day, up to its last second", { firstDay: true }, [1n, 2n]],
    ["the first few", { firstDay: false, limit: 3 }, [1n, 2n, 3n]],
    ["the first few of the first day", { firstDay: true, limit: 1 }, [1n]],
    ["all, where there are fewer", { firstDay: false, limit: 100 }, [1n, 2n, 3n, 4n]],
  ])("%s", async (_, options, ids) => {
    expect((await read(TWO_DAYS, options)).map(({ id }) => id)).toEqual(ids);
  });

  test("a limit does not read on: what is broken behind it does no harm", async () => {
    expect(await read([TWO_DAYS[0] as string, "broken"], { firstDay: false, limit: 1 })).toHaveLength(1);
  });
});

describe("refused with the line", () => {
  test.each([
    ["a broken row", ["1,0,7,8,1", "2,0,7,8,x"], { firstDay: false }, 'line 3: "x" is not an amount'],
    ["an id twice", ["1,0,7,8,1", "1,0,7,9,1"], { firstDay: false }, "line 3: payment 1 is there already"],
    ["a day out of order", ["1,9,7,8,1", "2,8,7,8,1"], { firstDay: true }, "line 3: the payments are not sorted"],
    ["no payments at all", [], { firstDay: false }, "has no payments"],
  ])("%s", async (_, rows, options, message) => {
    await expect(read(rows, options)).rejects.toMatchObject({
      code: "csv_invalid",
      message: expect.stringContaining(message),
    });
  });

  test("order does not matter where no day is cut out", async () => {
    expect(await read(["1,9,7,8,1", "2,8,7,8,1"], { firstDay: false })).toHaveLength(2);
  });

  test("an empty file has no payments", async () => {
    const path = write("empty.csv", "");
    await expect(readPayments(path, { firstDay: true })).rejects.toMatchObject({ code: "csv_invalid" });
  });
});

describe("real files", () => {
  test("the first day of the handbook's data", async (context) => {
    needsData(context, HANDBOOK);
    const rows = await readPayments(HANDBOOK, { firstDay: true });
    // Counted with awk: day 78 of the data, 2018-06-18.
    expect(rows).toHaveLength(9_737);
    expect(rows[0]).toEqual({
      id: 748_067n,
      seconds: BigInt(Date.UTC(2018, 3, 1) / 1_000 + 6_739_215),
      payer: 1_001_263n,
      payee: 2_000_145n,
      amount: 3_227n,
      ledger: 978,
    });
    expect(new Date(Number(rows.at(-1)?.seconds) * 1_000).toISOString()).toMatch(/^2018-06-18T23:/);
  });

  test("somebody else's columns, by a mapping file and without ids", async (context) => {
    needsData(context, AMLSIM);
    const columns = { time: "time", payer: "sourceNodeId", payee: "targetNodeId", amount: "value" };
    const mapping = write("amlsim.json", JSON.stringify({ version: 1, columns, payerBase: "1", payeeBase: "1" }));
    const rows = await readPayments(AMLSIM, { mapping, firstDay: false, limit: 1_000 });
    expect(rows.slice(0, 2)).toEqual([
      { id: 1n, seconds: 1n, payer: 281n, payee: 15_350n, amount: 14_780n, ledger: 978 },
      { id: 2n, seconds: 1n, payer: 250n, payee: 9_016n, amount: 10_406n, ledger: 978 },
    ]);
  });
});
