import { expect, test } from "vitest";
import { MemoryStore } from "../storage/state/memory-store.ts";
import type { FatalReport } from "./actor/system.ts";
import { mendFirst } from "./mend.ts";
import { recordingLog } from "./replica/replica.test-support.ts";
import { FORGET_RESTART } from "./replica/restart-note.ts";

test("a node starts again to mend what it found damaged, and stops where that has not mended it", () => {
  const host = { log: recordingLog().log, store: new MemoryStore((run) => run()) };
  const done: string[] = [];
  const options = {
    onRestart: () => done.push("restart"),
    onFatal: ({ reason }: FatalReport) => done.push(reason),
  };
  const find = (reason: string): void => {
    mendFirst(host, options, { actor: "ledger", code: "wal_damaged", reason, stack: "" });
  };
  find("block 7");
  find("block 7");
  find("block 9");
  expect(done).toEqual(["restart", "block 7", "restart"]);
  host.store.write([FORGET_RESTART], () => undefined);
  find("block 9");
  find("x".repeat(5_000));
  find("x".repeat(5_000));
  expect(done.slice(3)).toEqual(["restart", "restart", "x".repeat(5_000)]);
});
