/**
 * Rules about the code that no compiler holds: who may import whom, what must not be called, and that the documents name
 * what the code has. Each checker is shown something bad first, so that none passes by seeing nothing.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { AccountStatus, accountStatusName, TransferStatus, transferStatusName } from "../node/ledger/status.ts";
import { REASONS } from "../node/state/risk/rules.ts";
import { REFUSALS } from "../node/wire/results.ts";

const ROOT = join(import.meta.dirname, "..");
const FOLDERS = ["node", "consensus", "storage", "sim", "cli"];

interface Unit {
  /** Units it may import. */
  readonly units: readonly string[];
  /** Packages and Node modules it may import. */
  readonly packages: readonly string[];
}

const ACTOR = ["node/actor", "node/base", "node/messages", "node/state", "node/wire"];
const NODE_FILES = ["node:fs", "node:path"];

/** Who may import whom. The tsconfig of each unit refers to exactly these. */
const UNITS: Readonly<Record<string, Unit>> = {
  "node/base": { units: [], packages: [] },
  "node/actor": { units: ["node/base"], packages: [] },
  "node/assets": { units: ["node/base"], packages: [] },
  "node/wire": { units: ["node/base"], packages: ["msgpackr", "@noble/hashes/sha2.js"] },
  "node/ledger": { units: ["node/base"], packages: [] },
  consensus: { units: ["node/base"], packages: [] },
  storage: { units: ["node/base"], packages: ["level", "node:os", ...NODE_FILES] },
  "node/state": { units: ["node/assets", "node/base", "node/ledger", "node/wire"], packages: [] },
  "node/messages": { units: ["node/base", "node/state", "node/wire"], packages: [] },
  "node/gateway": { units: ACTOR, packages: [] },
  "node/channels": { units: ACTOR, packages: [] },
  "node/gossip": { units: without(ACTOR, "node/state"), packages: [] },
  "node/risk": { units: without(ACTOR, "node/wire"), packages: [] },
  "node/settlement": { units: without(ACTOR, "node/wire"), packages: [] },
  "node/replica": { units: [...ACTOR, "consensus", "storage"], packages: [] },
  node: {
    units: [
      ...ACTOR,
      ...["consensus", "storage", "node/channels", "node/gateway", "node/gossip", "node/ledger", "node/replica"],
      ...["node/risk", "node/settlement"],
    ],
    packages: [],
  },
  "node/transport": {
    units: ["node/base", "node/wire"],
    packages: ["ws", "node:crypto", "node:http", "node:https", "node:net", "node:stream", "node:tls"],
  },
  "node/client": {
    units: ["node/assets", "node/base", "node/ledger", "node/state", "node/transport", "node/wire"],
    packages: [
      ...["ws", "@noble/curves/ed25519.js", "@noble/curves/utils.js"],
      ...["@noble/hashes/sha2.js", "@noble/hashes/utils.js"],
      ...["node:fs", "node:perf_hooks", "node:timers/promises"],
    ],
  },
  "node/host": {
    units: ["node", "node/actor", "node/base", "node/transport", "node/wire", "storage"],
    packages: [
      ...["pino", "sodium-native", "node:crypto", "node:http", "node:https", "node:perf_hooks", "node:timers/promises"],
      "node:worker_threads",
      ...NODE_FILES,
    ],
  },
  sim: {
    units: [
      ...["consensus", "node", "node/actor", "node/base", "node/gossip", "node/ledger", "node/replica", "node/state"],
      ...["node/wire", "storage"],
    ],
    // Sockets and files are for the acquirer's process only: see the ban below.
    packages: ["@noble/hashes/sha2.js", "node:crypto", "node:fs", "node:http", "node:net", "node:timers"],
  },
  // A page's script: the browser's names, and little of the project but types.
  "sim/view": { units: ["sim"], packages: [] },
  // The page that simulates: its script, and its worker with all that runs in it.
  "sim/browser": { units: ["node/base", "sim", "sim/view"], packages: [] },
  cli: {
    units: [
      ...["node", "node/assets", "node/base", "node/client", "node/host", "node/ledger", "node/replica", "node/state"],
      ...["node/transport", "node/wire", "sim", "storage"],
    ],
    packages: ["@swc/wasm-typescript", "hyparquet-writer", "yaml", "yargs", "yargs/helpers", "node:*"],
  },
};

/** Units whose behaviour must follow from their inputs alone. */
const PURE = ["consensus", ...Object.keys(UNITS).filter((unit) => unit.startsWith("node") && !isHost(unit))];

function isHost(unit: string): boolean {
  return ["node/host", "node/transport", "node/client"].includes(unit);
}

function without(units: readonly string[], unit: string): string[] {
  return units.filter((candidate) => candidate !== unit);
}

function sourcesUnder(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name}`);
}

const SOURCES: readonly string[] = FOLDERS.flatMap(sourcesUnder).sort();

function isTest(path: string): boolean {
  return /\.(test|test-support|contract)\.ts$/.test(path);
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** The unit a file belongs to: the longest name that its path begins with. */
function unitOf(path: string): string {
  const fitting = Object.keys(UNITS).filter((unit) => path.startsWith(`${unit}/`));
  return fitting.sort((a, b) => b.length - a.length)[0] ?? "";
}

const IMPORT = /^(?:import|export)\s+(?:[\w\s{},*$]+\s+from\s+)?"([^"]+)"/gm;

/** What a file must not import, as sentences. */
function importFaults(path: string, source: string): string[] {
  const unit = UNITS[unitOf(path)];
  if (unit === undefined) return [`${path} belongs to no unit of the table`];
  const faults: string[] = [];
  for (const [, specifier = ""] of source.matchAll(IMPORT)) {
    if (specifier.startsWith(".")) {
      const target = unitOf(normalize(join(dirname(path), specifier)));
      if (target !== unitOf(path) && !unit.units.includes(target)) faults.push(`${path} imports ${target}`);
    } else if (
      !unit.packages.includes(specifier) &&
      !(unit.packages.includes("node:*") && specifier.startsWith("node:"))
    ) {
      faults.push(`${path} imports ${specifier}`);
    }
  }
  return faults;
}

const BANNED: readonly (readonly [RegExp, string])[] = [
  [/\bvi\.(mock|spyOn|stubGlobal|useFakeTimers)\(/, "modules are not patched: pass a fake in"],
  [/\b(test|describe|it)\.(only|skip|todo)\b/, "every test runs"],
  [/\bas any\b/, "say which type it is"],
  [/^export default/m, "exports have names"],
];

const BANNED_IN_COMMENTS: readonly (readonly [RegExp, string])[] = [
  [/\b(TODO|FIXME|HACK)\b/, "do it, or write an issue"],
  [/@ts-(ignore|nocheck|expect-error)/, "the types must hold"],
];

/** What must stay in pure units' hands: the world comes in through ports. */
const IMPURE: readonly (readonly [RegExp, string])[] = [
  [/\b(Date\.|new Date\b|performance\.)/, "use the Clock port"],
  [/\bMath\.random\b/, "use the Random port"],
  [/\b(setTimeout|setInterval|setImmediate|queueMicrotask)\(/, "use the Clock port"],
  [/\b(await|async)\b|\bnew Promise\b/, "actors do not await: answers come as messages"],
  [/\bMath\.(sin|cos|tan|exp|log|pow|log2|log10|cbrt|hypot)\b/, "its last bits depend on the machine"],
  [/\btoLocale|\bIntl\.|localeCompare/, "it depends on the machine's language"],
];

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/\/\/.*$/gm, "");
}

function banFaults(path: string, source: string, bans: readonly (readonly [RegExp, string])[]): string[] {
  return bans.filter(([pattern]) => pattern.test(source)).map(([pattern, why]) => `${path} has ${pattern}: ${why}`);
}

describe("imports", () => {
  test("the checker sees a forbidden import", () => {
    const bad = 'import { Raft } from "../../consensus/raft/raft.ts";\nimport type { Level } from "level";\n';
    expect(importFaults("node/ledger/x.ts", bad)).toEqual([
      "node/ledger/x.ts imports consensus",
      "node/ledger/x.ts imports level",
    ]);
    expect(importFaults("node/gateway/x.ts", 'export { a } from "../channels/a.ts";')).toHaveLength(1);
  });

  test("every file imports only what its unit may", () => {
    const files = SOURCES.filter((path) => !isTest(path));
    expect(files.length).toBeGreaterThan(150);
    expect(files.flatMap((path) => importFaults(path, read(path)))).toEqual([]);
  });

  test.each(Object.entries(UNITS))("the tsconfig of %s refers to what the table says", (unit, { units }) => {
    const config = JSON.parse(read(`${unit}/tsconfig.json`)) as { references?: readonly { path: string }[] };
    const references = (config.references ?? []).map(({ path }) => normalize(join(unit, path)));
    expect(references.sort()).toEqual([...units].sort());
  });

  test("planted bugs are reached from the simulator's runs only", () => {
    const importers = SOURCES.filter((path) => /from "[^"]*mutants\//.test(read(path)));
    expect(importers.filter((path) => !path.startsWith("sim/"))).toEqual([]);
    expect(importers.filter((path) => !isTest(path) && !path.startsWith("sim/mutants/"))).toEqual(["sim/run.ts"]);
    const runners = SOURCES.filter((path) => !path.startsWith("sim/") && /from "[^"]*sim\/run\.ts"/.test(read(path)));
    expect(runners.length).toBeGreaterThan(0);
    expect(runners.filter((path) => !/^cli\/(sim\/|commands\/sim-)/.test(path))).toEqual([]);
  });
});

describe("bans", () => {
  test("the checkers see what is banned", () => {
    expect(banFaults("x.ts", "vi.mock('a')\ntest.skip('b')", BANNED)).toHaveLength(2);
    expect(banFaults("x.ts", "const now = Date.now(); await sleep(1);", IMPURE)).toHaveLength(2);
  });

  test("nothing banned stands anywhere", () => {
    const files = SOURCES.filter((path) => path !== "sim/tidy.test.ts");
    expect(files.flatMap((path) => banFaults(path, read(path), BANNED_IN_COMMENTS))).toEqual([]);
    expect(files.flatMap((path) => banFaults(path, withoutComments(read(path)), BANNED))).toEqual([]);
  });

  test("pure units touch no clock, chance, timer or promise", () => {
    const files = SOURCES.filter((path) => !isTest(path) && PURE.includes(unitOf(path)));
    expect(files.length).toBeGreaterThan(80);
    expect(files.flatMap((path) => banFaults(path, withoutComments(read(path)), IMPURE))).toEqual([]);
  });

  test("the simulator reaches the real world in the acquirer's process only", () => {
    const files = SOURCES.filter((path) => path.startsWith("sim/") && !isTest(path));
    const real = files.filter((path) => /from "node:(fs|http|net|timers)"/.test(read(path)));
    expect(real).toEqual(["sim/acquirer/journal.ts", "sim/acquirer/server.ts"]);
  });

  test("every file says at its top what it is", () => {
    const silent = SOURCES.filter((path) => !isTest(path) && !/^(#!.*\n)?\/\*\*/.test(read(path)));
    expect(silent).toEqual([]);
  });
});

describe("documents", () => {
  /** Codes that errors are made with, from their constructors and from the lists of refusals. */
  function codesInSources(): string[] {
    const pattern = /\b(?:CodedError|WireError|ClientError|StorageError)\(\s*"([a-z_]+)"/g;
    const codes = SOURCES.filter((path) => !isTest(path)).flatMap((path) =>
      [...read(path).matchAll(pattern)].map(([, code = ""]) => code),
    );
    const statuses = [
      ...Object.values(AccountStatus).map(accountStatusName),
      ...Object.values(TransferStatus).map(transferStatusName),
    ];
    return [...new Set([...codes, ...REFUSALS, ...REASONS, ...statuses])].sort();
  }

  test("docs/errors.md names every code", () => {
    const codes = codesInSources();
    expect(codes.length).toBeGreaterThan(100);
    const text = read("docs/errors.md");
    expect(codes.filter((code) => !text.includes(`\`${code}\``))).toEqual([]);
  });

  test("docs/operating.md names every limit", () => {
    const limits = [...read("node/base/limits.ts").matchAll(/^export const ([A-Z_]+)/gm)].map(([, name = ""]) => name);
    expect(limits.length).toBeGreaterThan(20);
    const text = read("docs/operating.md");
    expect(limits.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });

  test("sim/README.md has a row for each rule, and each rule stands in a test", () => {
    const call = /\.fail\(\s*"(\w+)"|\bRULE = "(\w+)"|,\s*"(\w+)",\s*(?:\(\) =>|why\b)/g;
    const files = SOURCES.filter((path) => /^sim\/(check|workload|world)/.test(path));
    const broken = files
      .filter((path) => !isTest(path))
      .flatMap((path) => [...read(path).matchAll(call)].map(([, ...names]) => names.find(Boolean) ?? ""));
    const rules = [...new Set(broken)];
    expect(rules.length).toBeGreaterThan(30);
    const [, table = ""] = read("sim/README.md").split("## What must hold");
    expect(rules.filter((rule) => !table.includes(`\`${rule}\``))).toEqual([]);
    const tests = [...files, "sim/mutants/mutants.sim.test.ts"].filter(isTest).map(read).join("\n");
    expect(rules.filter((rule) => !tests.includes(`"${rule}"`))).toEqual([]);
  });

  test("links between documents lead somewhere", () => {
    const documents = [
      "README.md",
      "CONTRIBUTING.md",
      ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`),
    ];
    const broken = documents.flatMap((document) =>
      [...read(document).matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
        .map(([, target = ""]) => normalize(join(dirname(document), target)))
        .filter((target) => !existsSync(join(ROOT, target)))
        .map((target) => `${document} -> ${target}`),
    );
    expect(broken).toEqual([]);
  });
});
