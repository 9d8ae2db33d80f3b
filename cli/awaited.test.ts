import { expect, test } from "vitest";
import { awaitedIn } from "./awaited.ts";
import type { MembersAnswer } from "./members.ts";
import type { NodeStatus } from "./node-status.ts";

function node(id: number, role: string, height: number, awaited: readonly number[] = []): NodeStatus {
  const sections = { consensus: { awaited } };
  return { id, name: `node-${id}`, reachable: role !== "down", role, term: 2, leader: 1, height, digest: "", sections };
}

/** What the cluster says where these are to leave and have not yet; node 9 has. */
function answer(leaving: readonly number[]): Pick<MembersAnswer, "members" | "configuration"> {
  const place = { publicKey: "", host: "", port: 0, name: "" };
  const members = [1, 2, 3, 9].map((id) => ({
    ...place,
    id,
    role: leaving.includes(id) || id === 9 ? ("removed" as const) : ("voter" as const),
  }));
  return { members, configuration: { voters: [1, 2, 3], outgoing: [], learners: [4] } };
}

test.each<[string, readonly NodeStatus[], readonly string[], (readonly number[])?]>([
  [
    "who is down is to be started",
    [node(1, "leader", 90, [4]), node(4, "down", 0)],
    [
      'voters change when node 4 is there, which gives no answer: start it, or have it leave ("quorate member remove 4")',
    ],
  ],
  [
    "who lags is to go on",
    [node(1, "leader", 900, [4]), node(4, "follower", 100)],
    [
      'voters change when node 4 has caught up (800 blocks behind): let it run, or have it leave ("quorate member remove 4")',
    ],
  ],
  [
    "a node that the cluster file does not name is one that gives no answer",
    [node(1, "leader", 90, [5])],
    [
      'voters change when node 5 is there, which gives no answer: start it, or have it leave ("quorate member remove 5")',
    ],
  ],
  [
    "of who is on the way out already, no more than to be there",
    [
      { ...node(1, "leader", 90, [2, 4]), configuration: { voters: [1, 4], outgoing: [1, 2], learners: [] } },
      node(2, "down", 0),
      node(4, "follower", 80),
    ],
    [
      "voters change when node 2 is there, which gives no answer: start it",
      "voters change when node 4 has caught up (10 blocks behind): let it run",
    ],
  ],
  [
    "who is waited for by one that leaves then had better not leave itself",
    [node(1, "leader", 90, [4]), node(3, "follower", 90), node(4, "down", 0)],
    [
      'voters change when node 4 is there, which gives no answer: start it, or enter another in its place ("quorate member replace 4"): were it to leave, so would node 3 at once',
    ],
    [3],
  ],
  ["nobody", [node(1, "leader", 90), node(2, "follower", 90)], []],
  ["nobody says it", [node(2, "follower", 90, [4])], []],
])("%s", (_, nodes, text, leaving) => {
  expect(awaitedIn(nodes, answer(leaving ?? [])).map((one) => one.text)).toEqual(text);
});
