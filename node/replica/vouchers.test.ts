import { expect, test } from "vitest";
import { hasSay, mayBeQuorum } from "./standing.ts";
import { canDecide, type Hearing, type Judgement, judge, type Said, saidText } from "./vouchers.ts";

const ROOT = new Uint8Array(32).fill(1);
const OTHER = new Uint8Array(32).fill(2);

/** What peers say, a letter each. */
const SAYS: Readonly<Record<string, Said>> = {
  s: ROOT,
  o: OTHER,
  b: "behind",
  p: "passed",
  l: "lacking",
  w: "waiting",
  u: "unheard",
  x: "silent",
};

interface Votes {
  /** All peers and node 1 without it. */
  readonly voters?: readonly number[];
  readonly outgoing?: readonly number[];
}

/** Peers from 2 on; node 1 asks. */
function judged(said: string, more: Partial<Hearing> & Votes = {}): Judgement {
  const all = new Map(said.split("").map((one, at) => [at + 2, SAYS[one] as Said]));
  const { voters = [1, ...all.keys()], outgoing = [], ...rest } = more;
  const learners = [1, ...all.keys()].filter((id) => !voters.includes(id) && !outgoing.includes(id));
  const canDecide = new Map([...all].map(([id]) => [id, true]));
  const asker = { configuration: { voters, outgoing, learners }, node: 1, canDecide };
  const decides: Hearing["mayBeQuorum"] = (holds) => mayBeQuorum(asker, holds);
  return judge({
    ...{ root: ROOT, said: all, mayBeQuorum: decides, hasSay: hasSay(asker), isNeeded: false, patience: "left" },
    ...rest,
  });
}

/** What peers say; what follows while there is time, and when there is none. */
const TABLE: readonly (readonly [says: string, meanwhile: Judgement, inTheEnd: Judgement, why: string])[] = [
  ["ss", "vouched", "vouched", "both others have it"],
  ["s", "vouched", "vouched", "there is nobody else to ask"],
  ["sssu", "vouched", "vouched", "three of five, and the fourth need not be waited for"],
  ["su", "wait", "believed", "the other may still answer"],
  ["sx", "believed", "believed", "one of three is down"],
  ["ssxx", "believed", "believed", "two of five are down"],
  ["sw", "believed", "believed", "two nodes join a single voter at the same time"],
  ["x", "believed", "believed", "the only peer runs a program that does not know the question"],
  ["xxxx", "believed", "believed", "all peers do"],
  ["sb", "wait", "unvouched", "the other has not come so far, or never will"],
  ["sp", "unvouched", "unvouched", "the other has come past without a checkpoint there"],
  ["spp", "unvouched", "unvouched", "one against two"],
  ["sssppp", "unvouched", "unvouched", "as many against it as for it"],
  ["ssp", "believed", "believed", "three of four would be a quorum; nobody says otherwise"],
  ["ssb", "wait", "believed", "somebody is behind for good, such as a node that was removed unawares"],
  ["o", "contradicted", "contradicted", "the giver itself has other pages than those that came"],
  ["oo", "contradicted", "contradicted", "both others have other pages"],
  ["ooou", "contradicted", "contradicted", "a quorum has other pages"],
  ["so", "contradicted", "contradicted", "one of the two lies"],
  ["sou", "wait", "contradicted", "the third may decide it"],
  ["ssoxx", "contradicted", "contradicted", "no quorum, and somebody says otherwise"],
  ["sl", "wait", "unvouched", "of three voters two lack it: it was never committed"],
  ["slxx", "believed", "believed", "the giver and two that are down may have committed it"],
  ["sllx", "wait", "unvouched", "of five voters three lack it"],
  ["ssll", "wait", "unvouched", "the same, though two say that they have it"],
  ["lw", "wait", "unvouched", "nobody has it, and two of three voters cannot have it"],
];

test.each(TABLE)("%s: %s, and in the end %s: %s", (says, meanwhile, inTheEnd) => {
  expect([judged(says), judged(says, { patience: "over" })]).toEqual([meanwhile, inTheEnd]);
});

test("where nothing is decided without the node that asks, others may have come to rest anywhere, but not with another root", () => {
  const needed = (said: string): Judgement[] =>
    (["left", "over"] as const).map((patience) => judged(said, { isNeeded: true, patience }));
  for (const said of ["spxx", "sbxx"]) expect([said, ...needed(said)]).toEqual([said, "wait", "believed"]);
  expect([needed("soxx"), needed("ssxx")]).toEqual([
    ["contradicted", "contradicted"],
    ["believed", "believed"],
  ]);
  expect(needed("slxx")).toEqual(["believed", "believed"]);
});

test("who can decide has come as far, or is on its way", () => {
  const those = Object.keys(SAYS).filter((one) => canDecide(SAYS[one] as Said));
  expect(those.join("")).toBe("sobpu");
});

test("who has no vote does not count among those who cannot have committed it", () => {
  const without = ["slx", "sl", "sll"].map((said) => judged(said, { voters: [2, 3, 4].slice(0, said.length) }));
  expect([judged("slx"), ...without]).toEqual(["wait", "believed", "wait", "wait"]);
});

test("who is on the way out counts among the voters that give way, and lacks it as they may", () => {
  // Of the voters 1, 2 and 3 that give way 1 asks and 3 lacks it; all others may have it.
  const joint = { voters: [2, 4, 5], outgoing: [1, 2, 3] };
  const end = { ...joint, patience: "over" } as const;
  expect([judged("slxx", joint), judged("slxx", end), judged("slxx", { voters: [2, 4, 5] })]).toEqual([
    "wait",
    "unvouched",
    "believed",
  ]);
  // Three of all five nodes lack it, itself among them.
  expect(judged("sllx", { voters: [2, 5], outgoing: [1, 2, 5] })).toBe("wait");
});

test("who lacks it and was asked often enough may have been removed unawares; who has it must be there", () => {
  const last = { patience: "spent" } as const;
  expect([judged("sll", last), judged("lw", last), judged("slo", last)]).toEqual([
    "believed",
    "unvouched",
    "contradicted",
  ]);
  expect(judged("sll", { patience: "over" })).toBe("unvouched");
});

test("a liar alone is not believed while an honest voter is heard, but where those who cannot be asked may have been a quorum", () => {
  const believed: string[] = [];
  for (const honest of ["o", "b", "p", "l"]) {
    for (const rest of ["", "x", "w", "xx", "xw", "bx", "px", "lx"]) {
      const end = judged(`s${honest}${rest}`, { patience: "over" });
      expect(end).not.toBe("vouched");
      if (end === "believed") believed.push(`s${honest}${rest}`);
    }
  }
  expect(believed).toEqual(["slxx", "slxw"]);
});

test.each<[says: string, voters: readonly number[], meanwhile: Judgement, inTheEnd: Judgement, why: string]>([
  ["ssxxx", [1, 2, 3], "believed", "believed", "two of three voters have it, and the learners are down"],
  ["slxxx", [1, 2, 3], "wait", "unvouched", "of three voters two lack it, however many learners may have it"],
  ["bbssss", [1, 2, 3], "wait", "believed", "four learners alone vouch for nothing"],
  ["bossss", [1, 2, 3], "wait", "contradicted", "and not against a voter"],
  ["sssxxx", [1, 2, 3, 4], "believed", "believed", "learners are down, and may vote by now"],
  ["ssssx", [1, 2, 3, 4], "vouched", "vouched", "three of four voters, and four of all six nodes"],
])("%s with voters %j: %s, and in the end %s: %s", (says, voters, meanwhile, inTheEnd) => {
  expect([judged(says, { voters }), judged(says, { voters, patience: "over" })]).toEqual([meanwhile, inTheEnd]);
});

test("where the voters are others by now than the log says, a majority of all nodes is a quorum", () => {
  expect([judged("sss", { voters: [9, 10] }), judged("sssu", { voters: [9, 10] })]).toEqual(["vouched", "vouched"]);
});

test("who has said what is told in words", () => {
  const said = new Map<number, Said>([
    [2, ROOT],
    [3, OTHER],
    [5, "silent"],
  ]);
  expect(saidText(said, ROOT)).toBe("2 the same, 3 another root, 5 silent");
});
