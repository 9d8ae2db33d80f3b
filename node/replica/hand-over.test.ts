import { describe, expect, test } from "vitest";
import { handOverFault } from "./hand-over.ts";
import { peerAt } from "./progress.test-support.ts";

/** Node 1 leads; the others' logs match up to `matches`, and only `voters` vote. */
function leader(matches: readonly number[], voters: readonly number[]): Parameters<typeof handOverFault>[0] {
  const peers = matches.map((match, index) => peerAt(index + 2, match));
  const learners = peers.map(({ peer }) => peer).filter((peer) => !voters.includes(peer));
  const configuration = { voters, outgoing: [], learners };
  return { id: 1, role: "leader", leader: 1, peerProgress: () => peers, configuration };
}

describe("who may be handed over to", () => {
  test("no learner, though it is asked for", () => {
    expect(handOverFault(leader([5, 7, 9], [1, 2, 3]), 4)).toBe("there is no node 4 that could lead: name one of 2, 3");
    expect(handOverFault(leader([5, 7, 9], [1, 2, 3]), 2)).toBeUndefined();
  });
});
