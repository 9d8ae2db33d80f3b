import { expect, test } from "vitest";
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

function judged(said: string, more: Partial<Hearing> = {}): Judgement {
  const all = said.split("").map((one) => SAYS[one] as Said);
  return judge({ root: ROOT, said: all, isVoter: true, isNeeded: false, patience: "left", ...more });
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
  expect([judged("sl", { isVoter: false }), judged("sll", { isVoter: false })]).toEqual(["believed", "wait"]);
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

test("who has said what is told in words", () => {
  const said = new Map<number, Said>([
    [2, ROOT],
    [3, OTHER],
    [5, "silent"],
  ]);
  expect(saidText(said, ROOT)).toBe("2 the same, 3 another root, 5 silent");
});
