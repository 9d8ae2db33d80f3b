import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "../base/bytes.ts";
import { FIRST_RELEASE } from "../base/release.ts";
import { safeInteger, text, tuple } from "../wire/schema.ts";
import { Moment } from "./moment.ts";
import { type RowFormat, Table } from "./table.ts";

interface Row {
  readonly name: string;
  readonly count: number;
}

const FORMAT: RowFormat<Row> = {
  encode: ({ name, count }) => [name, count],
  decode: (value, path) => {
    const [name, count] = tuple(text(8), safeInteger)(value, path);
    return { name, count };
  },
};

function table(): Table<Row> {
  return new Table("rows", 4, FORMAT);
}

describe("a table", () => {
  const change = fc.record({ slot: fc.option(fc.nat(30)), count: fc.nat(1_000), checkpoint: fc.boolean() });

  test("brings its rows back from the pages that changed", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const it = table();
        const rows: Row[] = [];
        const pages = new Map<number, Uint8Array>();
        const save = (): void => {
          for (const page of it.dirtyPages()) pages.set(page, it.encodePage(page));
          it.markClean();
        };
        for (const { slot, count, checkpoint } of changes) {
          const row = { name: "r", count };
          if (slot === null || slot >= rows.length) {
            expect(it.add(row)).toBe(rows.length);
            rows.push(row);
          } else {
            it.replace(slot, row);
            rows[slot] = row;
          }
          if (checkpoint) save();
        }
        save();
        const again = table();
        for (let page = 0; page < it.pageCount(); page++) again.decodePage(page, pages.get(page) as Uint8Array);
        expect(again.rows()).toEqual(rows);
        expect(again.dirtyPages()).toEqual([]);
        expect(again.takeEffects()).toBeUndefined();
      }),
    );
  });

  test("tells each changed row once, as it is at last, in the order of slots", () => {
    const one = table();
    for (const count of [1, 2, 3]) one.add({ name: "r", count });
    one.takeEffects();
    one.replace(2, { name: "r", count: 9 });
    one.replace(0, { name: "r", count: 7 });
    one.replace(0, { name: "r", count: 8 });
    const other = table();
    for (const count of [1, 2, 3]) other.add({ name: "r", count });
    other.takeEffects();
    other.replace(0, { name: "r", count: 8 });
    other.replace(2, { name: "r", count: 9 });
    const effects = one.takeEffects() as Uint8Array;
    expect(toHex(effects)).toBe(toHex(other.takeEffects() as Uint8Array));
    expect(one.takeEffects()).toBeUndefined();
    one.replace(0, { name: "r", count: 9 });
    expect(toHex(one.takeEffects() as Uint8Array)).not.toBe(toHex(effects));
  });

  test("refuses a page that is none of its own", () => {
    expect(() => table().decodePage(0, new Uint8Array([0x91, 0x91, 0x01]))).toThrow("must be a list of 2");
    expect(() => table().row(0)).toThrow("rows has no slot 0");
    expect(() => table().replace(0, { name: "r", count: 1 })).toThrow("rows has no slot 0");
  });
});

describe("a moment", () => {
  test("hands out each of its timestamps once, the last being its own", () => {
    const moment = new Moment(1_000_000n, { release: FIRST_RELEASE, salt: new Uint8Array(32), events: [] });
    expect(moment.slotsLeft).toBe(8_192);
    expect(moment.takeSlots(1)).toBe(1_000_000n - 8_191n);
    expect(moment.takeSlots(8_191)).toBe(1_000_000n);
    expect(moment.slotsLeft).toBe(0);
    expect(() => moment.takeSlots(1)).toThrow("no timestamps left");
  });
});
