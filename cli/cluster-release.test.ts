import { expect, test } from "vitest";
import { clusterRelease, releaseText } from "./cluster-release.ts";
import type { NodeStatus } from "./node-status.ts";

/** Nodes in the words of `release/releaseMax`; "-" for one that gives no answer. */
function nodes(...words: readonly string[]): readonly NodeStatus[] {
  return words.map((each, index) => {
    const [, release, releaseMax] = /^(\d)\/(\d)$/.exec(each) ?? [];
    const sections = { ledger: { release: Number(release) }, consensus: { releaseMax: Number(releaseMax) } };
    const answer = { term: 1, leader: 1, height: 1, digest: "", role: "follower" };
    return {
      id: index + 1,
      name: `node-${index + 1}`,
      reachable: each !== "-",
      ...answer,
      sections: each === "-" ? {} : sections,
    };
  });
}

test.each([
  [["2/2", "2/2", "1/2"], "release 2"],
  [["1/1", "1/1", "1/1"], "release 1"],
  [["1/2", "1/2", "1/2"], "release 1; 2 is about to begin"],
  [["1/2", "1/1", "1/2"], "release 1; 2 waits for node 2, which reads up to 1"],
  [["1/2", "-", "1/1"], "release 1; 2 waits for node 2, which gives no answer, and node 3, which reads up to 1"],
  [["2/2", "-", "-"], "release 2"],
  [["-", "-"], ""],
])("nodes at %s: %s", (words, expected) => {
  expect(releaseText(clusterRelease(nodes(...words)))).toBe(expected);
});

test("programs are told who holds it back", () => {
  expect(clusterRelease(nodes("1/2", "1/1", "-"))).toEqual({
    ...{ release: 1, newest: 2 },
    heldBackBy: [
      { node: 2, releaseMax: 1 },
      { node: 3, releaseMax: null },
    ],
  });
});
