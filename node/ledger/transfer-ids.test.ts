/** Ids of transfers against a Map: rising, in no order, and both; with chains undone, and after a restart. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ROW_WORDS } from "./layout.ts";
import { RowTable } from "./row-table.ts";
import { TransferIds } from "./transfer-ids.ts";
import { fromBigInt } from "./words.ts";

const SEGMENT_ROWS = 8;

function newTable(): RowTable {
  return new RowTable({ name: "transfers", width: ROW_WORDS, segmentRows: SEGMENT_ROWS });
}

/** A table of ids alone. */
class IdTable {
  readonly table: RowTable = newTable();
  readonly ids: TransferIds = new TransferIds(this.table);
  readonly map: Map<bigint, number> = new Map();
  readonly #words = new Uint32Array(4);

  add(id: bigint): void {
    if (this.map.has(id)) return;
    this.map.set(id, this.table.count);
    const row = this.table.push();
    this.table.tail.fill(0, row, row + ROW_WORDS);
    fromBigInt(id, this.table.tail, row);
    this.ids.added();
  }

  /** Takes back the newest ids, as far as they are in the tail. */
  undo(count: number): void {
    for (let i = 0; i < count && this.table.tailRows > 0; i++) {
      this.ids.removing();
      this.table.truncate(this.table.count - 1);
      this.map.delete([...this.map.keys()].at(-1) ?? 0n);
    }
  }

  seal(): void {
    while (this.table.seal() !== undefined) this.ids.sealed();
  }

  expectFound(ids: TransferIds, wanted: readonly bigint[]): void {
    const found = wanted.map((id) => {
      fromBigInt(id, this.#words, 0);
      return ids.find(this.#words, 0);
    });
    expect(found).toEqual(wanted.map((id) => this.map.get(id) ?? -1));
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("rising" as const), gap: fc.constantFrom(1n, 1n, 1n, 5n) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("any" as const), id: fc.bigInt(1n, 200n) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("far" as const), id: fc.bigInt(2n ** 90n, 2n ** 91n) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("undo" as const), count: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("seal" as const) }) },
);

test("every id is found at its slot, and no other", () => {
  const property = fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
    const twin = new IdTable();
    let next = 100n;
    for (const one of steps) {
      if (one.type === "rising") {
        next += one.gap;
        twin.add(next);
      } else if (one.type === "any" || one.type === "far") twin.add(one.id);
      else if (one.type === "undo") twin.undo(one.count);
      else twin.seal();
    }
    const wanted = [...twin.map.keys(), ...Array.from({ length: 230 }, (_, id) => BigInt(id + 1)), 2n ** 90n];
    twin.expectFound(twin.ids, wanted);

    const restored = newTable();
    for (let page = 0; page < twin.table.pageCount(); page++) restored.decodePage(page, twin.table.encodePage(page));
    const ids = new TransferIds(restored);
    ids.restored();
    twin.expectFound(ids, wanted);
  });
  fc.assert(property, { numRuns: 300 });
});
