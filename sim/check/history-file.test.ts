import { describe, expect, test } from "vitest";
import { runSeed } from "../run.ts";
import { type AccountOperation, accountIsLinearizable } from "./account-search.ts";
import { historyLines, type Operations } from "./history-file.ts";

interface Line {
  readonly index: number;
  readonly time?: number;
  readonly process: number;
  readonly type: "invoke" | "ok" | "info";
  readonly f: string;
  readonly key: string;
  readonly value: unknown;
}

function linesOf(operations: Partial<Operations>): Line[] {
  return historyLines({ accounts: new Map(), transfers: new Map(), ...operations }).map((line) => JSON.parse(line));
}

const never = Number.POSITIVE_INFINITY;

describe("a history as lines", () => {
  test("has a process do one thing at a time, and never again one that was not answered", () => {
    const add = (askedUs: number, answeredUs: number): AccountOperation => {
      return { kind: "add", debits: 1, credits: 0, askedUs, answeredUs };
    };
    const lines = linesOf({ accounts: new Map([[7n, [add(1, 5), add(2, never), add(3, 4), add(5, 6)]]]) });
    expect(lines.map(({ type, process }) => `${type} ${process}`)).toEqual([
      ...["invoke 0", "invoke 1", "invoke 2", "ok 2", "invoke 2", "ok 0", "ok 2", "info 1"],
    ]);
    expect(lines.map(({ index, time }) => [index, time])).toEqual(
      [1, 2, 3, 4, 5, 5, 6].map((us, index) => [index, us * 1_000] as unknown[]).concat([[7, undefined]]),
    );
  });

  test("has what was asked and answered in one microsecond overlap, as the run's own search does", () => {
    const operations: AccountOperation[] = [
      { kind: "add", debits: 1, credits: 0, askedUs: 1, answeredUs: 5 },
      { kind: "read", debits: 0, credits: 0, askedUs: 5, answeredUs: 6 },
    ];
    expect(accountIsLinearizable(operations)).toBe("ok");
    const types = linesOf({ accounts: new Map([[7n, operations]]) }).map(({ type, f }) => `${type} ${f}`);
    expect(types).toEqual(["invoke add", "invoke read", "ok add", "ok read"]);
  });

  test("says what was asked, and what was told", () => {
    const read: AccountOperation = { kind: "read", debits: 3, credits: 4, askedUs: 1, answeredUs: 2 };
    const missing = { kind: "missing", askedUs: 3, answeredUs: 4 } as const;
    const lines = linesOf({ accounts: new Map([[7n, [read]]]), transfers: new Map([[8n, [missing]]]) });
    expect(lines.map(({ f, key, value }) => [f, key, value])).toEqual([
      ["read", "account 7", null],
      ["read", "account 7", { debits: 3, credits: 4 }],
      ["lookup", "transfer 8", null],
      ["lookup", "transfer 8", false],
    ]);
  });

  test("of a run is all that the run's own search has judged, and can be judged again", () => {
    let lines: Line[] = [];
    let counted = 0;
    const result = runSeed(3, {
      history: (operations) => {
        lines = linesOf(operations);
        counted = [...operations.accounts.values(), ...operations.transfers.values()].flatMap((all) => [...all]).length;
      },
    });
    expect([result.failed, lines.length]).toEqual([undefined, 2 * counted]);
    expect(counted).toBeGreaterThan(50);
    const busy = new Map<number, Line>();
    const operations = new Map<string, AccountOperation[]>();
    for (const line of lines) {
      if (line.type === "invoke") {
        expect(busy.has(line.process)).toBe(false);
        busy.set(line.process, line);
        continue;
      }
      const asked = busy.get(line.process);
      if (asked === undefined) throw new Error("what ends has begun");
      expect([asked.f, asked.key]).toEqual([line.f, line.key]);
      if (line.type === "ok") busy.delete(line.process);
      if (line.f !== "add" && line.f !== "read") continue;
      const balances = line.value as { debits: number; credits: number };
      const answeredUs = line.type === "ok" ? (line.time ?? 0) / 1_000 : never;
      const operation = { kind: line.f, ...balances, askedUs: (asked.time ?? 0) / 1_000, answeredUs } as const;
      operations.set(line.key, [...(operations.get(line.key) ?? []), operation]);
    }
    for (const history of operations.values()) expect(accountIsLinearizable(history)).toBe("ok");
  });
});
