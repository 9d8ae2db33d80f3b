import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { testCipher } from "../../storage/cipher.test-support.ts";
import { heldByAnother, watchedWhileRead } from "../../storage/state/held-store.test-support.ts";
import { LevelStore } from "../../storage/state/level-store.ts";
import { claimStoreIn, recordsOf, signed, writeLog } from "../verify/node-log.test-support.ts";
import { scrubData } from "./scrub-data.ts";

let data: string;
beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), "quorate-scrub-"));
  await writeLog(data, recordsOf([0, 1, 2, 3, 4].map((sequence) => signed(sequence, { kind: "sessionOpen" }))));
  await claimStoreIn(data);
  const store = await LevelStore.open(join(data, "state"));
  await new Promise<void>((resolve) => {
    store.write([{ key: "checkpoint/1/a/0", value: new Uint8Array(100) }], () => resolve());
  });
  await store.close();
});
afterEach(() => rmSync(data, { recursive: true }));

/** Changes the log's one file. */
function changeLog(change: (bytes: Buffer) => void): void {
  const [name = ""] = readdirSync(join(data, "log"));
  const bytes = readFileSync(join(data, "log", name));
  change(bytes);
  writeFileSync(join(data, "log", name), bytes);
}

function flip(offset: number): void {
  changeLog((bytes) => {
    bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  });
}

test("a stopped node's data that is sound is read, and nothing is found", async () => {
  expect(await scrubData(data, undefined)).toEqual({ data, blocks: 5, damage: [], lost: [] });
});

test("a store that is gone, or was made anew since, is damage where there is a log", async () => {
  const message = expect.stringMatching(/blocks up to height 5, .* vote is gone; .*quorate member rejoin$/);
  rmSync(join(data, "state"), { recursive: true });
  expect(await scrubData(data, undefined)).toMatchObject({ blocks: 5, damage: [{ code: "store_damaged", message }] });
  await (await LevelStore.open(join(data, "state"))).close();
  expect(await scrubData(data, undefined)).toMatchObject({ blocks: 5, damage: [{ code: "store_damaged", message }] });
  for (const part of ["log", "log.reached"]) rmSync(join(data, part), { recursive: true });
  expect(await scrubData(data, undefined)).toMatchObject({ blocks: 0, damage: [] });
});

test("every damage is told, and what is lost with it", async () => {
  flip(9); // the file's header
  flip(32 + 60); // the first record
  const { blocks, damage, lost } = await scrubData(data, undefined);
  expect([blocks, lost]).toEqual([4, [{ from: 1, to: 1 }]]);
  expect(damage.map(({ code, message }) => [code, /byte \d+, height \d+$/.exec(message)?.[0]])).toEqual([
    ["wal_damaged", "byte 0, height 1"],
    ["wal_damaged", "byte 32, height 1"],
  ]);
});

test("a store that cannot be opened, and one whose files are damaged, are damage like any other", async () => {
  const [name = ""] = readdirSync(join(data, "state")).filter((file) => file.endsWith(".log"));
  const bytes = readFileSync(join(data, "state", name));
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  writeFileSync(join(data, "state", name), bytes);
  const { blocks, damage } = await scrubData(data, undefined);
  expect([blocks, damage.map(({ code }) => code)]).toEqual([5, ["store_damaged"]]);
});

test("data that a node has open is not read", async () => {
  const letGo = await heldByAnother(join(data, "state"));
  await expect(scrubData(data, undefined)).rejects.toMatchObject({ code: "data_in_use" });
  await letGo();
});

test("no node starts on data of which the log is being read", async () => {
  const home = join(data, "encrypted");
  await writeLog(home, recordsOf([signed(0, { kind: "sessionOpen" })]), testCipher());
  await claimStoreIn(home, testCipher());
  const seen: boolean[] = [];
  const watched = watchedWhileRead(join(home, "state"), testCipher(), seen);
  expect(await scrubData(home, watched)).toMatchObject({ blocks: 1, damage: [] });
  // Of the store whose the data is, and the block behind that.
  expect(seen.length).toBeGreaterThan(1);
  expect(seen).not.toContain(true);
});
