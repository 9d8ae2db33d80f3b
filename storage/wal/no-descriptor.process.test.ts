import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";

const BUILD = pathToFileURL(join(import.meta.dirname, "../../dist/storage")).href;

/** Fills a segment while the process may open nothing more, tries in vain to go on, and again when it may. */
const WRITER = `
  import { closeSync, openSync } from "node:fs";
  import { NodeDisk } from "${BUILD}/node-disk.js";
  import { Wal } from "${BUILD}/wal/wal.js";
  const onFatal = (error) => console.log("fatal", error.message);
  const wal = Wal.open(new NodeDisk(process.argv[1]), "log", { segmentBytes: 16384, cacheBytes: 65536, onFatal });
  const hash = (index) => new Uint8Array(32).fill(index);
  const append = (index) => new Promise((resolve) => {
    const payload = new Uint8Array(700);
    wal.append([{ index, term: 1, previousHash: hash(index - 1), hash: hash(index), payload }], resolve);
  });
  await append(1);
  const taken = [];
  try { for (;;) taken.push(openSync("/dev/null", "r")); } catch {}
  const rest = Promise.all(Array.from({ length: 39 }, (_, i) => append(i + 2)));
  const pause = () => new Promise((resolve) => setTimeout(resolve, 200));
  while (!wal.isFull()) await pause();
  wal.retry();
  await pause();
  console.log(wal.isFull(), wal.durableIndex() < 40);
  for (const descriptor of taken) closeSync(descriptor);
  wal.retry();
  await rest;
  console.log(wal.isFull(), wal.durableIndex());
`;

test("a log that may not open its next file waits until it may, as for a disk that is full", () => {
  const home = mkdtempSync(join(tmpdir(), "quorate-descriptors-"));
  try {
    const command = `ulimit -n 64 && exec "${process.execPath}" --input-type=module -e "$0" "${home}"`;
    const output = execFileSync("sh", ["-c", command, WRITER], { encoding: "utf8", timeout: 30_000 });
    expect(output.trim().split("\n")).toEqual(["true true", "false 40"]);
  } finally {
    rmSync(home, { recursive: true });
  }
});
