/** Queries over many packed rows against a filter over all of them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Prng } from "../base/prng.ts";
import { ROW_WORDS } from "./layout.ts";
import { RowTable } from "./row-table.ts";
import { FIELDS, type FieldName } from "./segment-order.ts";
import { type Clause, TransferIndex, type TransferQuery } from "./transfer-query.ts";

const SEGMENT_ROWS = 256;

/** How a field's values are spread over the rows. */
const spread = fc.constantFrom("constant", "two", "few", "skewed", "many", "rising", "extremes");
type Spread = "constant" | "two" | "few" | "skewed" | "many" | "rising" | "extremes";

function draw(random: Prng, kind: Spread, row: number): number {
  switch (kind) {
    case "constant":
      return 7;
    case "two":
      return random.below(2);
    case "few":
      return random.below(10);
    case "skewed":
      return Math.floor(2 ** (random.below(3_200) / 100)) % 2 ** 32;
    case "many":
      return random.u32();
    case "rising":
      return row;
    case "extremes":
      return random.below(20) === 0 ? 0xffff_ffff : random.below(3);
  }
}

const names: readonly FieldName[] = ["debit", "credit", "userData128", "userData64", "userData32", "ledger", "code"];

const setting = fc.record({
  seed: fc.nat(),
  rows: fc.constantFrom(0, 100, SEGMENT_ROWS, 1_000, 2_000),
  spreads: fc.tuple(...names.map(() => spread)),
});

/** A table whose rows hold drawn values. */
function tableOf(random: Prng, rows: number, spreads: readonly Spread[]): RowTable {
  const table = new RowTable({ name: "transfers", width: ROW_WORDS, segmentRows: SEGMENT_ROWS });
  for (let row = 0; row < rows; row++) {
    const at = table.push();
    table.tail.fill(0, at, at + ROW_WORDS);
    names.forEach((name, index) => {
      const { column, width } = FIELDS[name];
      // Wide fields differ in their highest word only now and then.
      for (let word = 0; word < width; word++) {
        const kind = word === 0 ? spreads[index] : "two";
        table.tail[at + column + word] = draw(random, kind as Spread, row);
      }
    });
    while (table.seal() !== undefined);
  }
  return table;
}

function valueAt(table: RowTable, name: FieldName, slot: number): Uint32Array {
  const { column, width, mask } = FIELDS[name];
  return Uint32Array.from({ length: width }, (_, word) => table.get(slot, column + word) & mask);
}

/** Mostly what some row has; sometimes what none has. */
function clauseOf(random: Prng, table: RowTable): Clause {
  const name = names[random.below(names.length)] as FieldName;
  const other = name === "debit" ? (["credit"] as const) : [];
  const slot = random.below(Math.max(1, table.count));
  const value = table.count === 0 || random.below(8) === 0 ? Uint32Array.of(5, 5, 5, 5) : valueAt(table, name, slot);
  return [name, ...other].map((field) => ({ field, value: value.subarray(0, FIELDS[field].width) }));
}

test("find what a look at every row finds", () => {
  let hits = 0;
  const property = fc.property(setting, ({ seed, rows, spreads }) => {
    const random = new Prng(seed);
    const table = tableOf(random, rows, spreads);
    const index = new TransferIndex(table);
    index.update();
    for (let i = 0; i < 12; i++) {
      const clauses = Array.from({ length: random.below(4) }, () => clauseOf(random, table));
      const from = random.below(3) === 0 ? random.below(rows + 1) : 0;
      const to = random.below(3) === 0 ? from + random.below(rows + 1 - from) : table.count;
      const limit = [1, 5, 100, 5_000][random.below(4)] as number;
      const reversed = random.below(2) === 0;
      const slots = Array.from({ length: to - from }, (_, offset) => from + offset).filter((slot) =>
        clauses.every((clause) =>
          clause.some(({ field, value }) => valueAt(table, field, slot).every((word, at) => word === value[at])),
        ),
      );
      const expected = (reversed ? slots.toReversed() : slots).slice(0, limit);
      // A transfer does not debit and credit one account: the rows of both sides may not meet in this test either.
      const both = clauses.some((clause) => clause.length > 1 && slots.some((slot) => holdsBoth(table, clause, slot)));
      if (both) continue;
      const query = { clauses, from, to, limit, reversed };
      expect(index.find({ ...query, triesMax: Number.POSITIVE_INFINITY }).slots).toEqual(expected);
      expect(inPieces(index, query, 1 + random.below(200))).toEqual(reversed ? slots.toReversed() : slots);
      hits += expected.length;
    }
  });
  fc.assert(property, { numRuns: 150, seed: 3 });
  expect(hits).toBeGreaterThan(10_000);
});

/** All that a query finds, a few rows looked at and a few found at a time. */
function inPieces(index: TransferIndex, query: Omit<TransferQuery, "triesMax">, triesMax: number): number[] {
  const found: number[] = [];
  for (let { from, to } = query; ; ) {
    // A segment costs something before its first row.
    const { slots, rest } = index.find({ ...query, from, to, triesMax: 33 + triesMax });
    found.push(...slots);
    if (rest === undefined) return found;
    if (query.reversed) to = rest + 1;
    else from = rest;
  }
}

function holdsBoth(table: RowTable, clause: Clause, slot: number): boolean {
  return clause.every(({ field, value }) => valueAt(table, field, slot)[0] === value[0]);
}
