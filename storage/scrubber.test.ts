import { describe, expect, test } from "vitest";
import { StorageError } from "./errors.ts";
import { Scrubber } from "./scrubber.ts";
import { MemoryStore } from "./state/memory-store.ts";
import { openLog, records, SteppedDisk } from "./wal/log-fixture.contract.ts";

function fixture(bytesPerStep = 300, restSteps = 2) {
  const stepped = new SteppedDisk();
  const { wal } = openLog(stepped.disk, { cacheBytes: 1_000_000 });
  wal.append(records(1, 20), () => {});
  stepped.run();
  const store = new Values();
  store.write(
    [
      { key: "checkpoint/a", value: new Uint8Array(250) },
      { key: "checkpoint/b", value: new Uint8Array(250) },
    ],
    () => {},
  );
  const damage: StorageError[] = [];
  const onDamage = (error: StorageError): void => void damage.push(error);
  const scrubber = new Scrubber({ log: wal, store, restSteps, onDamage });
  const step = (): void => scrubber.step(bytesPerStep);
  return { stepped, wal, store, scrubber, step, damage };
}

/** A store in which a value may be damaged. */
class Values extends MemoryStore {
  broken = "";

  constructor() {
    super((run) => run());
  }

  override get(key: string): Uint8Array | undefined {
    if (key === this.broken) throw new StorageError("store_damaged", `the value of ${key} is damaged`);
    return super.get(key);
  }
}

describe("scrubbing", () => {
  test("reads everything, so much a step, rests, and begins again", () => {
    const { scrubber, step, damage } = fixture();
    const read: number[] = [];
    for (let i = 0; i < 14; i++) {
      const before = scrubber.bytesRead;
      step();
      read.push(scrubber.bytesRead - before);
    }
    // 20 records of 128 bytes and two values of 250; three records make a step, and so do the last two with a value.
    expect(read).toEqual([...[384, 384, 384, 384, 384, 384, 506, 250], ...[0, 0], ...[384, 384, 384, 384]]);
    expect([scrubber.rounds, scrubber.damage.count, damage]).toEqual([1, 0, []]);
  });

  test("finds a flipped bit of a record that is in memory, too, and a damaged value, and goes on behind them", () => {
    const { scrubber, step, damage, stepped, store } = fixture(100_000, 0);
    stepped.disk.flipBit("log/0000000000000008.wal", 32 + 128 + 110, 3);
    store.broken = "checkpoint/a";
    step();
    expect(damage.map(({ code, facts }) => [code, facts])).toEqual([
      ["wal_damaged", { segment: "log/0000000000000008.wal", offset: 160, index: 9 }],
      ["store_damaged", {}],
    ]);
    expect(scrubber.damage).toEqual({ count: 2, errors: damage });
    expect(scrubber.bytesRead).toBe(19 * 128 + 250);
    // What has been mended is forgotten one round later.
    stepped.disk.flipBit("log/0000000000000008.wal", 32 + 128 + 110, 3);
    store.broken = "";
    step();
    expect([scrubber.damage.count, damage.length]).toEqual([0, 2]);
  });

  test("begins anew when it is asked to, also while it rests, and says when that round is over", () => {
    const { scrubber, step, stepped, damage } = fixture(100_000, 50);
    step();
    stepped.disk.flipBit("log/0000000000000008.wal", 32 + 128 + 110, 3);
    step();
    expect([scrubber.rounds, damage, scrubber.isAsked]).toEqual([1, [], false]);
    scrubber.begin();
    expect(scrubber.isAsked).toBe(true);
    step();
    expect([scrubber.rounds, scrubber.isAsked, scrubber.damage.errors.map(({ facts }) => facts["index"])]).toEqual([
      2,
      false,
      [9],
    ]);
  });

  test("a disk that does not read is damage of that record", () => {
    const { step, damage, stepped } = fixture(100_000);
    stepped.disk.failNext("read", "disk_io");
    step();
    expect(damage.map(({ code, facts }) => [code, facts["index"]])).toEqual([["wal_read_failed", 1]]);
  });

  test("does not miss what is given up under its hands, and leaves alone what is not durable", () => {
    const { scrubber, step, damage, stepped, wal } = fixture(100);
    step();
    wal.compactTo(15);
    wal.append(records(21, 22), () => {});
    for (let i = 0; i < 6; i++) step();
    expect(scrubber.bytesRead).toBe(128 + 6 * 128);
    stepped.run();
    for (let i = 0; i < 4; i++) step();
    expect([scrubber.bytesRead, damage]).toEqual([128 + 8 * 128 + 500, []]);
  });
});
