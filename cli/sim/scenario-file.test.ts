import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseScenario, readScenario } from "./scenario-file.ts";

const DIRECTORY = mkdtempSync(join(tmpdir(), "quorate-scenario-"));
const GOOD = `name: good
about: nothing much
options:
  nodes: 3
  peers: { lossPermille: 10 }
timeline:
  - { atMs: 100, kind: handOver }
  - atMs: 200
    kind: crash
    target: 2
    restartAfterMs: 50
`;

afterAll(() => rmSync(DIRECTORY, { recursive: true }));

describe("scenario files", () => {
  test("are YAML, JSON or a module", async () => {
    const scenario = parseScenario(GOOD);
    expect(scenario.faults.map(({ atMs }) => atMs)).toEqual([100, 200]);
    const value = { name: "good", about: "nothing much", options: { peers: { lossPermille: 10 } } };
    const timeline = [
      { atMs: 100, kind: "handOver" },
      { atMs: 200, kind: "crash", target: 2, restartAfterMs: 50 },
    ];
    const json = join(DIRECTORY, "good.json");
    writeFileSync(json, JSON.stringify({ ...value, timeline }));
    const module = join(DIRECTORY, "good.mjs");
    writeFileSync(module, `export const scenario = ${JSON.stringify({ ...value, timeline })};`);
    expect(await readScenario(json)).toEqual(scenario);
    expect(await readScenario(module)).toEqual(scenario);
  });

  test.each([
    [
      "an unknown option",
      GOOD.replace("lossPermille", "lossPermile"),
      /^line 5: options.peers.lossPermile must be absent/,
    ],
    ["a wrong type", GOOD.replace("nodes: 3", "nodes: many"), /^line 4: options.nodes must be an integer/],
    ["an impossible fault", GOOD.replace("target: 2", "target: 9"), /^line 8: timeline\[1\]: there is no node 9/],
    ["a word that is no node", GOOD.replace("target: 2", "target: boss"), /^line 10: .*from 1 to 9, or leader/],
    ["a missing key", GOOD.replace("about: nothing much\n", ""), /^line 1: about must be present/],
    ["a fault too late", GOOD.replace("atMs: 200", "atMs: 20000"), /^line 8: timeline\[1\].atMs: must be within/],
    ["a key twice", GOOD.replace("kind: crash", "kind: crash\n    kind: pause"), /^line 10: /],
    ["no YAML", "name: [", /^line 1: /],
    ["nothing", "", /^line 1: /],
    ["an alias without an anchor", "name: *gone", /gone/],
  ])("%s is refused with the line and the reason", (_, text, why) => {
    expect(() => parseScenario(text)).toThrow(expect.objectContaining({ code: "scenario_invalid" }));
    expect(() => parseScenario(text)).toThrow(why);
  });

  test("a bomb of aliases is refused and not unfolded", () => {
    const bomb = [
      "a: &a [x, x, x, x, x, x, x, x, x]",
      ..."bcdefghi".split("").map((name, index) => {
        const before = "abcdefgh"[index];
        return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(", ")}]`;
      }),
    ].join("\n");
    expect(() => parseScenario(bomb)).toThrow(/[Aa]lias/);
  });

  test("a module may be TypeScript, where it can be run", async () => {
    const { faults } = await readScenario(join(import.meta.dirname, "../../sim/scenarios/each-node-in-turn.ts"));
    expect(faults.map(({ atMs, step }) => [atMs, step.kind])).toEqual([1, 2, 3].map((node) => [1_000 * node, "pause"]));
  });

  test("a module without a scenario, or that does not load, is refused", async () => {
    const empty = join(DIRECTORY, "empty.mjs");
    writeFileSync(empty, "export const nothing = 1;");
    await expect(readScenario(empty)).rejects.toThrow(/exports no "scenario"/);
    await expect(readScenario(join(DIRECTORY, "missing.mjs"))).rejects.toMatchObject({ code: "ENOENT" });
    const other = join(DIRECTORY, "other.yaml");
    writeFileSync(other, GOOD.replace("nodes: 3", "nodes: many"));
    await expect(readScenario(other)).rejects.toThrow(`${other}: line 4: `);
  });
});
