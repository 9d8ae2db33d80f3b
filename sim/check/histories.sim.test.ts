/**
 * The search for an order against histories whose verdicts others have given: Jepsen's test of etcd, as Porcupine keeps
 * it, and Porcupine's own key-value histories.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { linearizable, type Model, type Timed } from "./wing-gong.ts";

const NEVER = Number.POSITIVE_INFINITY;
const HISTORIES: string = join(import.meta.dirname, "../../../shared/data/linearizability");

interface RegisterOperation extends Timed {
  readonly kind: "read" | "write" | "cas";
  /** What was read, written or expected; "" for an empty register. */
  readonly value: string;
  readonly replacement?: string;
  /** Of a compare-and-swap that was answered. */
  readonly swapped?: boolean;
}

const REGISTER: Model<string, RegisterOperation> = {
  initial: "",
  step: (state, { kind, value, replacement, swapped }) => {
    if (kind === "write") return value;
    if (kind === "read") return value === state ? state : undefined;
    if (swapped !== undefined && swapped !== (value === state)) return undefined;
    return value === state ? replacement : state;
  },
  reads: ({ kind }) => kind === "read",
  key: (state) => state,
};

interface Line {
  readonly process: string;
  readonly type: string;
  readonly f: string;
  readonly key: string;
  readonly value: string;
}

/** Pairs invocations with their ends; what failed without an effect is left out, what timed out stays open. */
function pair<O extends Timed>(
  lines: readonly Line[],
  operation: (invoked: Line, ended: Line | undefined) => Omit<O, keyof Timed> | undefined,
): O[] {
  return lines.flatMap((invoked, askedUs) => {
    if (invoked.type !== "invoke") return [];
    const end = lines.findIndex((line, at) => at > askedUs && line.process === invoked.process);
    const ended = lines[end];
    const known = ended !== undefined && ended.type !== "info";
    const made = operation(invoked, known ? ended : undefined);
    return made === undefined ? [] : [{ ...made, askedUs, answeredUs: known ? end : NEVER } as O];
  });
}

function etcdHistory(text: string): RegisterOperation[] {
  const lines = [...text.matchAll(/^INFO\s+jepsen\.util - (\d+)\s+:(\w+)\s+:(\w+)\s+(.*)$/gm)].map(
    ([, process = "", type = "", f = "", value = ""]): Line => ({ process, type, f, key: "", value: value.trim() }),
  );
  const written = (value: string): string => (value === "nil" ? "" : value);
  return pair<RegisterOperation>(lines, (invoked, ended) => {
    if (invoked.f === "read") return ended?.type === "ok" ? { kind: "read", value: written(ended.value) } : undefined;
    if (invoked.f === "write") return { kind: "write", value: invoked.value };
    const [, value = "", replacement = ""] = /\[(\d+) (\d+)\]/.exec(invoked.value) ?? [];
    const cas = { kind: "cas", value, replacement } as const;
    return ended === undefined ? cas : { ...cas, swapped: ended.type === "ok" };
  });
}

interface AppendOperation extends Timed {
  readonly f: string;
  readonly key: string;
  readonly value: string;
}

/** A text that is put, appended to, and read. */
const TEXT: Model<string, AppendOperation> = {
  initial: "",
  step: (state, { f, value }) => {
    if (f === "get") return value === state ? state : undefined;
    return f === "put" ? value : state + value;
  },
  reads: ({ f }) => f === "get",
  key: (state) => state,
};

function keyValueHistories(text: string): readonly AppendOperation[][] {
  const pattern = /\{:process (\d+), :type :(\w+), :f :(\w+), :key "([^"]*)", :value (?:nil|"([^"]*)")\}/g;
  const lines = [...text.matchAll(pattern)].map(
    ([, process = "", type = "", f = "", key = "", value = ""]): Line => ({ process, type, f, key, value }),
  );
  const all = pair<AppendOperation>(lines, ({ f, key, value }, ended) => {
    if (f === "get") return ended === undefined ? undefined : { f, key, value: ended.value };
    return { f, key, value };
  });
  const byKey = new Map<string, AppendOperation[]>();
  for (const operation of all) byKey.set(operation.key, [...(byKey.get(operation.key) ?? []), operation]);
  return [...byKey.values()];
}

describe.runIf(existsSync(HISTORIES))("verdicts of others on real histories", () => {
  const expected = existsSync(HISTORIES) ? readFileSync(join(HISTORIES, "expected.csv"), "utf8") : "";
  const cases = expected
    .split("\n")
    .slice(1)
    .map((line) => line.split(","))
    .map(([file = "", model = "", valid = ""]) => ({ file, model, verdict: valid === "true" ? "ok" : "violated" }));

  test("the register of etcd, 102 times", () => {
    const logs = cases.filter(({ file }) => file.startsWith("porcupine/jepsen/"));
    expect(logs).toHaveLength(102);
    const found = logs.map(({ file, model }) => {
      const history = etcdHistory(readFileSync(join(HISTORIES, file), "utf8"));
      return { file, model, verdict: linearizable(history, REGISTER) };
    });
    expect(found).toEqual(logs);
  });

  test("texts that are appended to by ten clients at once", () => {
    const texts = cases.filter(
      ({ file }) => file.startsWith("porcupine/kv/c10") || file.startsWith("porcupine/kv/c01"),
    );
    expect(texts).toHaveLength(4);
    const found = texts.map(({ file, model }) => {
      const histories = keyValueHistories(readFileSync(join(HISTORIES, file), "utf8"));
      const verdicts = histories.map((history) => linearizable(history, TEXT));
      return { file, model, verdict: verdicts.every((verdict) => verdict === "ok") ? "ok" : "violated" };
    });
    expect(found).toEqual(texts);
  });
});
