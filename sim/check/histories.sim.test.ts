/**
 * The search for an order against histories whose verdicts others have given: Jepsen's test of etcd, as Porcupine keeps
 * it, and Porcupine's own key-value histories.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { dataPath, needsData } from "../../node/base/data.test-support.ts";
import { REGISTER, type RegisterOperation } from "./register.test-support.ts";
import { linearizable, type Model, type Timed } from "./wing-gong.ts";

const NEVER = Number.POSITIVE_INFINITY;
const HISTORIES = dataPath("linearizability");

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

interface Verdict {
  readonly file: string;
  readonly verdict: string;
}

/** The published verdicts on the files whose names begin so. */
function verdictsOf(...prefixes: readonly string[]): Verdict[] {
  const [, ...lines] = readFileSync(join(HISTORIES, "expected.csv"), "utf8").split("\n");
  return lines
    .map((line) => line.split(","))
    .map(([file = "", , valid = ""]) => ({ file, verdict: valid === "true" ? "ok" : "violated" }))
    .filter(({ file }) => prefixes.some((prefix) => file.startsWith(prefix)));
}

describe("verdicts of others on real histories", () => {
  test("the register of etcd, 102 times", (context) => {
    needsData(context, HISTORIES);
    const logs = verdictsOf("porcupine/jepsen/");
    expect(logs).toHaveLength(102);
    const found = logs.map(({ file }) => {
      const history = etcdHistory(readFileSync(join(HISTORIES, file), "utf8"));
      return { file, verdict: linearizable(history, REGISTER) };
    });
    expect(found).toEqual(logs);
  });

  test("texts that are appended to by ten clients at once", (context) => {
    needsData(context, HISTORIES);
    const texts = verdictsOf("porcupine/kv/c10", "porcupine/kv/c01");
    expect(texts).toHaveLength(4);
    const found = texts.map(({ file }) => {
      const histories = keyValueHistories(readFileSync(join(HISTORIES, file), "utf8"));
      const verdicts = histories.map((history) => linearizable(history, TEXT));
      return { file, verdict: verdicts.every((verdict) => verdict === "ok") ? "ok" : "violated" };
    });
    expect(found).toEqual(texts);
  });
});
