import { describe, expect, test } from "vitest";
import { viewOf } from "../node/base/bytes.ts";
import { crc32c } from "./checksum.ts";
import { NumberedFile, type NumberedLayout } from "./numbered-file.ts";
import { DamagedLog } from "./wal/damaged-log.ts";
import { DIRECTORY, openLog, records, refusal, SteppedDisk, startAt } from "./wal/log-fixture.contract.ts";
import { reachedPath } from "./wal/reached-file.ts";
import { startPath } from "./wal/start-file.ts";
import { verifyWal } from "./wal/verify.ts";

const SECTOR_BYTES = 512;

/** A log that begins behind index 4, with a file beside it that says how far it reaches. */
function written(): SteppedDisk {
  const stepped = new SteppedDisk();
  const { wal } = openLog(stepped.disk);
  wal.reset(startAt(4), () => {});
  wal.append(records(5, 7), () => {});
  stepped.run();
  wal.close();
  return stepped;
}

/** Makes copies look as if a later version of this program had written them; `bytes` have a checksum behind them. */
function rewrite({ disk }: SteppedDisk, path: string, copies: readonly number[], bytes: number): void {
  const whole = new Uint8Array(2 * SECTOR_BYTES);
  whole.set(disk.durableBytes(path));
  for (const copy of copies) {
    const changed = whole.subarray(copy * SECTOR_BYTES);
    const view = viewOf(changed);
    view.setUint32(4, 2, true);
    view.setUint32(bytes, crc32c(changed.subarray(0, bytes)), true);
  }
  disk.open(path, { create: false }).settle(0, whole, whole.length);
}

/** Names and bytes of all that is durable. */
function everything({ disk }: SteppedDisk): string {
  const paths = [...disk.list(DIRECTORY).map((name) => `${DIRECTORY}/${name}`), reachedPath(DIRECTORY)];
  return paths.map((path) => `${path} ${Buffer.from(disk.durableBytes(path)).toString("hex")}`).join("\n");
}

describe("what a later version of this program has written beside the log", () => {
  const [START, REACHED] = [startPath(DIRECTORY), reachedPath(DIRECTORY)];
  test.each<[string, string, readonly number[], number]>([
    ["where it begins", START, [0, 1], 68],
    ["where it begins, in the first copy", START, [0], 68],
    ["where it begins, in the second copy", START, [1], 68],
    ["where it begins, and has more to say of it", START, [0, 1], 100],
    ["how far it reaches", REACHED, [0, 1], 24],
    ["how far it reaches, in one copy", REACHED, [1], 24],
    ["how far it reaches, and has more to say of it", REACHED, [0, 1], 40],
  ])("%s, is refused by all that read a log, and left as it is", (_what, path, copies, bytes) => {
    const stepped = written();
    rewrite(stepped, path, copies, bytes);
    const before = everything(stepped);
    const expected = { code: "wal_foreign_format", facts: { segment: path, version: 2 } };
    expect(refusal(stepped.disk)).toMatchObject(expected);
    expect(refusal(stepped.disk).message).toContain(`${path} has format 2, this program format 1`);
    expect(verifyWal(stepped.disk, DIRECTORY).problem).toMatchObject(expected);
    const options = { segmentBytes: 1_024, cipher: undefined, reached: 0 };
    expect(() => DamagedLog.open(stepped.disk, DIRECTORY, options)).toThrow(expect.objectContaining(expected));
    expect(everything(stepped)).toBe(before);
  });
});

test("what a later version has written beside a log that is open is not written over, and ends it", () => {
  for (const path of [startPath(DIRECTORY), reachedPath(DIRECTORY)]) {
    const stepped = written();
    const { wal, fatal } = openLog(stepped.disk);
    const heard: boolean[] = [];
    rewrite(stepped, path, [0, 1], path === startPath(DIRECTORY) ? 68 : 24);
    const before = stepped.disk.durableBytes(path);
    wal.rewriteCopies((isSound) => heard.push(isSound));
    stepped.run();
    expect(fatal).toMatchObject([{ code: "wal_foreign_format", facts: { segment: path, version: 2 } }]);
    expect([heard, stepped.disk.durableBytes(path)]).toEqual([[], before]);
  }
});

describe("a numbered file", () => {
  const LAYOUT: NumberedLayout<number> = {
    magic: 0x3132_3334,
    version: 1,
    valueBytes: 4,
    encode: (value, into) => viewOf(into).setUint32(0, value, true),
    decode: (bytes) => viewOf(bytes).getUint32(0, true),
  };

  test("whose version is flipped in one copy goes on with the other", () => {
    const { disk } = new SteppedDisk();
    const file = new NumberedFile(disk, "f", LAYOUT);
    file.settle(7);
    disk.flipBit("f", 4, 1);
    expect([file.read(), file.damage()]).toEqual([7, [0]]);
  });

  test("with garbage in both copies has no value", () => {
    const { disk } = new SteppedDisk();
    const file = new NumberedFile(disk, "f", LAYOUT);
    file.settle(7);
    for (const copy of [0, 1]) disk.flipBit("f", copy * SECTOR_BYTES + 17, 1);
    expect([file.read(), file.damage()]).toEqual([undefined, [0, SECTOR_BYTES]]);
  });
});
