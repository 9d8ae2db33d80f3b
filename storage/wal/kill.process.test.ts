import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { Prng } from "../../node/base/prng.ts";
import { NodeDisk } from "../node-disk.ts";
import { contents, describeRecord, openLog, records } from "./log-fixture.contract.ts";

const BUILD = pathToFileURL(join(import.meta.dirname, "../../dist/storage")).href;
const RECORD_BYTES = 700;

/** Appends records for ever, several at a time, cuts now and then, and says on its output what is durable. */
const WRITER = `
  import { NodeDisk } from "${BUILD}/node-disk.js";
  import { Wal } from "${BUILD}/wal/wal.js";
  const [home] = process.argv.slice(1);
  const onFatal = (error) => { throw error; };
  const wal = Wal.open(new NodeDisk(home), "log", { segmentBytes: 16384, cacheBytes: 0, onFatal });
  const hashOf = (index) => { const bytes = new Uint8Array(32).fill(0xa5); bytes.set([index & 0xff, index >> 8, 1]); return bytes; };
  const payloadOf = (index) => Uint8Array.from({ length: ${RECORD_BYTES} }, (_, i) => (index * 31 + i * 7 + 1) & 0xff);
  const record = (index) => ({ index, term: 1, previousHash: hashOf(index - 1), hash: hashOf(index), payload: payloadOf(index) });
  const go = () => {
    if (wal.lastIndex() % 97 === 0 && wal.lastIndex() > 30) {
      wal.truncate(wal.lastIndex() - 29, () => {});
      say();
    }
    const from = wal.lastIndex() + 1;
    const to = from + from % 5;
    wal.append(Array.from({ length: to - from + 1 }, (_, i) => record(from + i)), () => { say(); go(); });
  };
  const say = () => console.log(wal.durableIndex());
  say();
  go(); go(); go();
`;

/** Runs the writer, kills it some time after its first word, and gives what it had said was durable. */
async function runAndKill(home: string, afterLines: number): Promise<number> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", WRITER, home], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let durable = 0;
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    durable = Number(line);
    lines += 1;
    if (lines === afterLines) child.kill("SIGKILL");
  }
  const [, signal] = await exited;
  expect(signal).toBe("SIGKILL");
  return durable;
}

test("a writer killed at any moment comes back with everything it had acknowledged", async () => {
  const home = mkdtempSync(join(tmpdir(), "quorate-kill-"));
  const random = new Prng(1);
  try {
    for (let life = 0; life < 8; life++) {
      const durable = await runAndKill(home, 1 + random.below(120));
      const { wal } = openLog(new NodeDisk(home), { segmentBytes: 16_384 });
      expect(wal.lastIndex()).toBeGreaterThanOrEqual(durable);
      expect(contents(wal)).toEqual(records(1, wal.lastIndex(), RECORD_BYTES).map(describeRecord));
      wal.close();
    }
  } finally {
    rmSync(home, { recursive: true });
  }
});
