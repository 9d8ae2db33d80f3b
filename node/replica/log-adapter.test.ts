import { describe, expect, test } from "vitest";
import { MemoryDisk } from "../../storage/memory-disk.ts";
import { Wal } from "../../storage/wal/wal.ts";
import { blockHash, decodeBlock } from "../wire/block.ts";
import { chainedEntry, DurableLogView } from "./log-adapter.ts";
import { chainOf, GENESIS_HEAD, sha256 } from "./replica.test-support.ts";

const blocks = chainOf(3, [[], [Uint8Array.of(1)], []]);
const entries = blocks.map((data, index) => ({ index: index + 1, term: 3, data }));

function walWith(count: number): Wal {
  const disk = new MemoryDisk((_kind, run) => run());
  const options = { segmentBytes: 4_096, cacheBytes: 0, onFatal: () => {} };
  const wal = Wal.open(disk, "log", options);
  const records = entries.slice(0, count).map((entry) => chainedEntry(entry, decodeBlock(sha256, entry.data)));
  if (count > 0) wal.append(records, () => {});
  return wal;
}

describe("the log as Raft reads it", () => {
  test("an empty one ends before its first position, with term 0", () => {
    const view = new DurableLogView(walWith(0));
    expect([view.firstIndex(), view.lastIndex(), view.term(0), view.term(1)]).toEqual([1, 0, 0, undefined]);
  });

  test("entries come back as they went", () => {
    const view = new DurableLogView(walWith(3));
    expect(view.entries(1, 4, 1_000_000)).toEqual(entries);
    expect(view.entries(2, 4, 1)).toEqual([entries[1]]);
    expect([view.lastIndex(), view.term(3), view.term(4)]).toEqual([3, 3, undefined]);
  });
});

describe("entries as the log keeps them", () => {
  test("have the links of their blocks", () => {
    const chained = entries.map((entry) => chainedEntry(entry, decodeBlock(sha256, entry.data)));
    expect(chained[0]?.previousHash).toEqual(GENESIS_HEAD.hash);
    expect(chained[1]?.previousHash).toEqual(chained[0]?.hash);
    expect(chained[2]).toMatchObject({
      index: 3,
      term: 3,
      payload: blocks[2],
      hash: blockHash(sha256, blocks[2] as Uint8Array),
    });
  });

  test("a block at another place than its own stops the node", () => {
    const [, data = new Uint8Array(0)] = blocks;
    const block = decodeBlock(sha256, data);
    expect(() => chainedEntry({ index: 3, term: 3, data }, block)).toThrow("block of height 2 stands at index 3");
    expect(() => chainedEntry({ index: 2, term: 4, data }, block)).toThrow("stands in an entry of term 4");
  });
});
