/** Pages that checkpoints have written, one after the other, against the table as it stands. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { InvariantError } from "../base/assert.ts";
import { toHex } from "../base/bytes.ts";
import { RowTable } from "./row-table.ts";

const WIDTH = 3;
/** Two pages of the tail. */
const SEGMENT_ROWS = 2_048;

function newTable(): RowTable {
  return new RowTable({ name: "rows", width: WIDTH, segmentRows: SEGMENT_ROWS });
}

/** Appends rows as ledgers have them: a column that rises, one of few values, one that changes rarely. */
function append(table: RowTable, rows: number): void {
  for (let row = 0; row < rows; row++) {
    const slot = table.count;
    const at = table.push();
    table.tail.set([slot * 3, (slot * 7_919) % 1_000, Math.floor(slot / 100)], at);
  }
}

/** What is in a store: checkpoints write pages that have changed, and take none away. */
class Saved {
  readonly #pages: Uint8Array[] = [];
  #count = 0;

  checkpoint(table: RowTable): void {
    for (const page of table.dirtyPages()) this.#pages[page] = table.encodePage(page);
    this.#count = table.pageCount();
    table.markClean();
  }

  hexes(): string[] {
    return this.#pages.slice(0, this.#count).map(toHex);
  }

  load(): RowTable {
    const table = newTable();
    for (let page = 0; page < this.#count; page++) table.decodePage(page, this.#pages[page] as Uint8Array);
    table.restored();
    return table;
  }
}

function pagesOf(table: RowTable): string[] {
  return Array.from({ length: table.pageCount() }, (_, page) => toHex(table.encodePage(page)));
}

const step = fc.record({
  rows: fc.oneof(fc.nat(40), fc.constantFrom(1_023, 1_024, 1_025, 2_048, 5_000)),
  /** Of rows of a chain that fails. */
  undone: fc.nat(1_500),
  next: fc.constantFrom("nothing", "checkpoint", "checkpoint", "restart"),
});

test("whenever a node takes checkpoints and begins again from one, it has written the pages that all others have", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const plain = newTable();
      const saved = new Saved();
      let table = newTable();
      for (const { rows, undone, next } of steps) {
        for (const one of [plain, table]) {
          append(one, rows);
          const kept = one.count;
          append(one, undone);
          one.truncate(kept);
          one.sealAll();
        }
        if (next === "nothing") continue;
        saved.checkpoint(table);
        expect(saved.hexes()).toEqual(pagesOf(plain));
        if (next === "restart") table = saved.load();
      }
      expect(pagesOf(table)).toEqual(pagesOf(plain));
      for (let slot = 0; slot < plain.count; slot += 97) {
        for (let column = 0; column < WIDTH; column++) expect(table.get(slot, column)).toBe(plain.get(slot, column));
      }
    }),
    { numRuns: 40 },
  );
});

test("pages of the tail that do not follow each other, or are longer than one may be, are refused", () => {
  const table = newTable();
  append(table, 1_500);
  const [full, rest] = [table.encodePage(0), table.encodePage(1)];
  expect(() => newTable().decodePage(0, full.subarray(0, 6))).toThrow(InvariantError);
  const behindRest = newTable();
  behindRest.decodePage(0, rest);
  expect(() => behindRest.decodePage(1, full)).toThrow(InvariantError);
  const endless = newTable();
  const fill = (): void => {
    for (let page = 0; page < 20; page++) endless.decodePage(page, full);
  };
  expect(fill).toThrow(InvariantError);
  expect(endless.tailRows).toBeLessThanOrEqual(SEGMENT_ROWS + 8_192);
  const sealed = newTable();
  append(sealed, SEGMENT_ROWS);
  sealed.sealAll();
  expect(() => behindRest.decodePage(1, sealed.encodePage(0))).toThrow(InvariantError);
});
