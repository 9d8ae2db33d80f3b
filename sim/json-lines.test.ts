import { expect, test } from "vitest";
import { lineOfPath } from "./json-lines.ts";

const TEXT = `{
  "seed": 1, "name": "a \\"b\\", {[",
  "options": { "nodes":
      3, "peers": {} },
  "leftOut": [[1, 2],
    [3,
     4]],
  "faults": [
    {"atMs": 5, "step": {"kind": "pause"}},
    {"atMs": 6, "step": {
      "kind": "crash"}}
  ]
}
`;

test.each([
  ["seed", 2],
  ["name", 2],
  ["options", 3],
  ["options.nodes", 4],
  ["options.peers.lossPermille", 4],
  ["options.pears", 3],
  ["leftOut[0]", 5],
  ["leftOut[1]", 6],
  ["leftOut[1][1]", 7],
  ["faults[0].step.kind", 9],
  ["faults[1].step", 10],
  ["faults[1].step.kind", 11],
  ["faults[2]", 8],
  ["mutant", 1],
  ["", 1],
])("%s is in line %d", (path, line) => {
  expect(JSON.parse(TEXT)).toBeDefined();
  expect(lineOfPath(TEXT, path)).toBe(line);
});
