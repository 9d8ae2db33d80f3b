import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { InvariantError } from "../../node/base/assert.ts";
import { NodeDisk } from "../node-disk.ts";
import { contents, DIRECTORY, describeRecord, openLog, record, records, SteppedDisk } from "./log-fixture.contract.ts";
import type { Wal, WalOptions } from "./wal.ts";

interface Fixture {
  readonly stepped: SteppedDisk;
  readonly wal: Wal;
  /** What was done, in order. */
  readonly done: string[];
  readonly append: (from: number, to: number, branch?: number) => void;
  readonly truncate: (from: number) => void;
  readonly files: () => string[];
  readonly reopened: () => string[];
}

function fixture(options: Partial<WalOptions> = {}): Fixture {
  const stepped = new SteppedDisk();
  const { wal } = openLog(stepped.disk, options);
  const done: string[] = [];
  return {
    ...{ stepped, wal, done },
    append: (from, to, branch = 1) => {
      const previous = wal.term(from - 1) ?? branch;
      const chain = records(from, to).map(({ index, payload }) =>
        record(index, payload, branch, index === from ? previous : branch),
      );
      wal.append(chain, () => done.push(`append ${from}-${to}`));
    },
    truncate: (from) => wal.truncate(from, () => done.push(`truncate ${from}`)),
    files: () => stepped.disk.list(DIRECTORY).map((name) => `${Number.parseInt(name, 16)}`),
    reopened: () => contents(openLog(stepped.disk).wal),
  };
}

const expected = (from: number, to: number): string[] => records(from, to).map(describeRecord);

describe("append", () => {
  test("an empty log", () => {
    const { wal, stepped } = fixture();
    expect([wal.firstIndex(), wal.lastIndex(), wal.durableIndex()]).toEqual([1, 0, 0]);
    expect([wal.term(1), wal.hash(1), wal.recovery]).toEqual([undefined, undefined, { records: 0, tornBytes: 0 }]);
    expect(stepped.disk.list(DIRECTORY)).toEqual([]);
  });

  test("a record can be read at once, and is durable when its completion has come", () => {
    const { wal, append, done, stepped } = fixture();
    append(1, 3);
    expect(contents(wal)).toEqual(expected(1, 3));
    expect([wal.lastIndex(), wal.durableIndex(), done]).toEqual([3, 0, []]);
    stepped.run();
    expect([wal.lastIndex(), wal.durableIndex(), done]).toEqual([3, 3, ["append 1-3"]]);
    expect(wal.term(3)).toBe(1);
    expect(wal.hash(3)).toEqual(records(3, 3)[0]?.hash);
  });

  test("a completion comes after the sync that was started behind its write, the directory's, and that of how far it reaches", () => {
    const { append, done, stepped } = fixture();
    append(1, 1);
    while (done.length === 0) stepped.run(1);
    const reaching = ["write", "sync", "write", "sync", "syncDirectory"];
    expect(stepped.started).toEqual(["truncate", "write", "sync", "syncDirectory", ...reaching, "write"]);
    stepped.run();
    stepped.started.length = 0;
    append(2, 2);
    expect(stepped.started).toEqual(["write", "sync"]);
    stepped.run(1);
    expect(done).toEqual(["append 1-1"]);
    stepped.run(1);
    expect(done).toEqual(["append 1-1", "append 2-2"]);
  });

  test("group commit: one write and one sync for all that waited", () => {
    const { append, done, stepped, wal } = fixture({ segmentBytes: 100_000 });
    append(1, 1);
    for (let index = 2; index <= 50; index++) append(index, index);
    while (done.length === 0) stepped.run(1);
    expect(wal.durableIndex()).toBe(1);
    expect(stepped.started.slice(-3)).toEqual(["syncDirectory", "write", "sync"]);
    stepped.started.length = 0;
    stepped.run();
    expect(stepped.started).toEqual(["write"]); // the mark
    expect(done).toHaveLength(50);
    expect(done.at(-1)).toBe("append 50-50");
    expect(wal.durableIndex()).toBe(50);
  });

  test("nothing to append is done when what was asked for before is", () => {
    const { append, wal, done, stepped } = fixture();
    append(1, 1);
    wal.append([], () => done.push("nothing"));
    expect(done).toEqual([]);
    stepped.run();
    expect(done).toEqual(["append 1-1", "nothing"]);
  });

  test("when nothing waits, a mark says what is durable, without a sync of its own", () => {
    const { append, stepped } = fixture();
    append(1, 1);
    stepped.run();
    stepped.started.length = 0;
    append(2, 2);
    stepped.run();
    expect(stepped.started).toEqual(["write", "sync", "write"]);
  });

  test("a record that does not follow is a bug of the caller", () => {
    const { append, wal } = fixture();
    append(1, 2);
    expect(() => append(4, 4)).toThrow(InvariantError);
    expect(() => wal.append([record(3, new Uint8Array(1), 1, 9)], () => {})).toThrow("breaks the chain");
  });
});

describe("segments", () => {
  test("a record that does not fit begins a new file, named after its index", () => {
    const { append, files, wal, stepped, reopened } = fixture();
    append(1, 20);
    stepped.run();
    // 1,024 bytes: a header of 32, seven records of 128, room for a mark.
    expect(files()).toEqual(["1", "8", "15"]);
    expect(contents(wal)).toEqual(expected(1, 20));
    expect(reopened()).toEqual(expected(1, 20));
  });

  test("a file grows in steps", () => {
    const { wal, stepped } = fixture({ segmentBytes: 9_100_000 });
    const sizes: number[] = [];
    for (let index = 1; index <= 9; index++) {
      wal.append([record(index, new Uint8Array(1_000_000))], () => {});
      stepped.run();
      sizes.push(stepped.disk.open(`${DIRECTORY}/0000000000000001.wal`, { create: false }).size());
    }
    const [one, two, capacity] = [4_194_304, 8_388_608, 9_100_000];
    expect(sizes).toEqual([one, one, one, one, two, two, two, two, capacity]);
    expect(stepped.disk.list(DIRECTORY)).toHaveLength(1);
  });

  test("a record larger than a segment has a file of its own size", () => {
    const { wal, stepped, files } = fixture();
    const large = record(2, new Uint8Array(5_000).fill(7));
    wal.append([...records(1, 1), large, ...records(3, 3)], () => {});
    stepped.run();
    expect(files()).toEqual(["1", "2", "3"]);
    expect(wal.read(2, 3, 0)[0]?.payload).toEqual(large.payload);
    expect(openLog(stepped.disk).wal.lastIndex()).toBe(3);
  });

  test("a file is made only when everything before it is synced", () => {
    const { append, stepped, files, wal } = fixture();
    append(1, 8);
    const seen: string[] = [];
    while (files().length < 2) {
      stepped.run(1);
      seen.push(`${wal.durableIndex()}`);
    }
    expect(seen.at(-1)).toBe("7");
  });

  test("a file is made only when the mark of the one before is synced, too", () => {
    const { append, stepped, files } = fixture();
    append(1, 7);
    stepped.run();
    stepped.started.length = 0;
    append(8, 8);
    expect([stepped.started, files()]).toEqual([["sync"], ["1"]]);
    stepped.run(1);
    expect([stepped.started, files()]).toEqual([
      ["sync", "truncate", "write", "sync"],
      ["1", "8"],
    ]);
  });
});

describe("read", () => {
  test("as many records as fit into the bytes, but at least one", () => {
    const { append, wal } = fixture();
    append(1, 10);
    const count = (bytesMax: number): number => wal.read(3, 11, bytesMax).length;
    expect([count(0), count(20), count(39), count(40), count(159), count(160), count(10_000)]).toEqual([
      1, 1, 1, 2, 7, 8, 8,
    ]);
    expect(wal.read(3, 5, 10_000).map(describeRecord)).toEqual(expected(3, 4));
    expect(() => wal.read(0, 1, 1)).toThrow(InvariantError);
    expect(() => wal.read(5, 5, 1)).toThrow(InvariantError);
    expect(() => wal.read(1, 12, 1)).toThrow(InvariantError);
  });

  test.each([0, 50, 1_000_000])("the same from disk and from a cache of %i bytes", (cacheBytes) => {
    const { append, wal, stepped } = fixture({ cacheBytes });
    for (let index = 1; index <= 30; index++) {
      append(index, index);
      if (index % 3 === 0) stepped.run();
    }
    expect(contents(wal)).toEqual(expected(1, 30));
  });
});

describe("truncate", () => {
  test.each([1, 2, 5, 7, 8, 9, 14, 15, 20])("cuts 20 records from %i on, in any segment", (from) => {
    const { append, truncate, wal, stepped, done, reopened } = fixture();
    append(1, 20);
    stepped.run();
    truncate(from);
    expect([wal.lastIndex(), wal.durableIndex(), wal.term(from)]).toEqual([from - 1, from - 1, undefined]);
    stepped.run();
    expect(done).toEqual(["append 1-20", `truncate ${from}`]);
    expect(contents(wal)).toEqual(expected(1, from - 1));
    expect(reopened()).toEqual(expected(1, from - 1));
  });

  test("what is appended behind a cut replaces what was cut, and none of the old ever comes back", () => {
    const { append, truncate, wal, stepped, reopened } = fixture();
    append(1, 20);
    stepped.run();
    truncate(5);
    append(5, 5, 2);
    stepped.run();
    const [five] = wal.read(5, 6, 0);
    expect([wal.lastIndex(), five?.term]).toEqual([5, 2]);
    expect(reopened()).toEqual([...expected(1, 4), ...wal.read(5, 6, 0).map(describeRecord)]);
  });

  test("leaves an empty file that takes a record which is larger than files are", () => {
    const { append, truncate, wal, stepped, reopened, files } = fixture();
    append(1, 20);
    stepped.run();
    truncate(8); // the first of the second file
    stepped.run();
    const large = record(8, new Uint8Array(3_000));
    wal.append([large], () => {});
    stepped.run();
    expect(files()).toEqual(["1", "8"]);
    expect(reopened()).toEqual([...expected(1, 7), describeRecord(large)]);
    // The same where the file was found empty.
    const torn = fixture({ segmentBytes: 1_024 });
    torn.append(1, 7);
    torn.stepped.run();
    torn.wal.append([large], () => {});
    torn.stepped.run();
    torn.truncate(8);
    torn.stepped.run();
    const { wal: again, fatal } = openLog(torn.stepped.disk);
    again.append([large], () => {});
    torn.stepped.run();
    expect([fatal, again.lastIndex(), torn.reopened().length]).toEqual([[], 8, 8]);
  });

  test("keeps its place among appends that are on their way", () => {
    const { append, truncate, wal, stepped, done, reopened } = fixture();
    append(1, 10);
    append(11, 12);
    truncate(9);
    append(9, 9, 2);
    append(10, 10, 2);
    expect(wal.lastIndex()).toBe(10);
    stepped.run();
    expect(done).toEqual(["append 1-10", "append 11-12", "truncate 9", "append 9-9", "append 10-10"]);
    expect(wal.durableIndex()).toBe(10);
    expect([1, 8, 9, 10].map((index) => wal.term(index))).toEqual([1, 1, 2, 2]);
    expect(reopened()).toEqual(contents(wal));
  });

  test("appends that a later cut takes away make nothing durable", () => {
    const { append, truncate, wal, stepped, done } = fixture({ segmentBytes: 100_000 });
    append(1, 10);
    truncate(4);
    append(4, 12, 2);
    while (!done.includes("append 1-10")) stepped.run(1);
    expect(wal.durableIndex()).toBe(3);
    while (!done.includes("truncate 4")) stepped.run(1);
    expect(wal.durableIndex()).toBe(3);
    stepped.run();
    expect(wal.durableIndex()).toBe(12);
  });

  test("records that are not on disk yet are read from memory, however small the cache, and whatever stood there", () => {
    const { append, truncate, wal, stepped } = fixture({ cacheBytes: 0 });
    append(1, 10);
    stepped.run();
    truncate(4);
    append(4, 10, 2);
    expect(wal.read(4, 11, 1_000).map(({ term }) => term)).toEqual([2, 2, 2, 2, 2, 2, 2]);
    stepped.run();
    expect(wal.read(4, 11, 1_000).map(({ term }) => term)).toEqual([2, 2, 2, 2, 2, 2, 2]);
  });

  test("lowers how far the log reaches, then removes files from the newest on, each durably, before it cuts the one that stays", () => {
    const { append, truncate, stepped } = fixture();
    append(1, 20);
    stepped.run();
    stepped.started.length = 0;
    truncate(3);
    stepped.run();
    const lowering = ["write", "sync", "write", "sync", "syncDirectory"];
    const removing = ["syncDirectory", "syncDirectory", "truncate", "truncate", "sync", "write"];
    expect(stepped.started).toEqual([...lowering, ...removing]);
  });

  test("there must be something to cut", () => {
    const { append, wal } = fixture();
    append(1, 2);
    expect(() => wal.truncate(3, () => {})).toThrow(InvariantError);
    expect(() => wal.truncate(0, () => {})).toThrow(InvariantError);
  });
});

describe("on real files", () => {
  test("a log is written, cut, rolled and found again", async () => {
    const home = mkdtempSync(join(tmpdir(), "quorate-log-"));
    try {
      const first = openLog(new NodeDisk(home), { segmentBytes: 4_096 });
      const append = (from: number, to: number): Promise<void> =>
        new Promise((resolve) => first.wal.append(records(from, to, 500), resolve));
      await append(1, 20);
      await new Promise<void>((resolve) => first.wal.truncate(9, resolve));
      await Promise.all([append(9, 9), append(10, 30), append(31, 40)]);
      expect([first.wal.durableIndex(), first.fatal]).toEqual([40, []]);
      first.wal.close();
      const again = openLog(new NodeDisk(home), { segmentBytes: 4_096 });
      expect(again.wal.recovery).toEqual({ records: 40, tornBytes: 0 });
      expect(contents(again.wal)).toEqual(records(1, 40, 500).map(describeRecord));
      again.wal.close();
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});

describe("close", () => {
  test("nothing completes afterwards", () => {
    const { append, wal, stepped, done } = fixture();
    append(1, 1);
    append(2, 2);
    wal.close();
    stepped.run();
    expect(done).toEqual([]);
  });
});
