import { describe, expect, test } from "vitest";
import { MemoryDisk } from "../memory-disk.ts";
import { PIECE_BYTES, patient } from "./patient-file.ts";

/** A file of ten pieces of ones. */
function fileOf() {
  const disk = new MemoryDisk(() => undefined);
  const file = disk.open("a", { create: true });
  file.settle(0, new Uint8Array(10 * PIECE_BYTES).fill(1), 10 * PIECE_BYTES);
  return { disk, file: patient(file) };
}

function zerosOf(bytes: Uint8Array): number[] {
  return [...bytes.entries()].flatMap(([at, byte]) => (byte === 0 ? at : []));
}

describe("a patient file", () => {
  test("is the file, while all of it can be read", () => {
    const { file } = fileOf();
    expect([file.read(5, 100).length, file.size(), file.unreadableAt()]).toEqual([100, 10 * PIECE_BYTES, undefined]);
  });

  test("has zeros where a piece cannot be read, there alone, and says where the last of them begins", () => {
    const { disk, file } = fileOf();
    for (const piece of [6, 2]) disk.spoil("a", piece * PIECE_BYTES + 7);
    const into = new Uint8Array(20 * PIECE_BYTES);
    const zeros = zerosOf(file.read(100, 10 * PIECE_BYTES, into));
    expect(zeros.length).toBe(2 * PIECE_BYTES);
    expect([zeros[0], zeros.at(-1)]).toEqual([2 * PIECE_BYTES - 100, 7 * PIECE_BYTES - 101]);
    expect(file.unreadableAt()).toBe(6 * PIECE_BYTES);
    expect(file.read(9 * PIECE_BYTES, 10 * PIECE_BYTES).length).toBe(PIECE_BYTES);
  });

  test("tries a read that failed once more, in pieces", () => {
    const { disk, file } = fileOf();
    disk.failNext("read", "disk_io");
    expect([zerosOf(file.read(0, 10 * PIECE_BYTES)), file.unreadableAt()]).toEqual([[], undefined]);
  });

  test("gives up on the rest of a file that fails again and again", () => {
    const disk = new MemoryDisk(() => undefined);
    const file = disk.open("a", { create: true });
    file.settle(0, new Uint8Array(100 * PIECE_BYTES).fill(1), 100 * PIECE_BYTES);
    for (let piece = 0; piece < 40; piece++) disk.spoil("a", piece * PIECE_BYTES);
    const slow = patient(file);
    expect(zerosOf(slow.read(0, 100 * PIECE_BYTES)).length).toBe(100 * PIECE_BYTES);
  });
});
