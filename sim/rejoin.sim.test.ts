/**
 * A node whose disk is lost begins again by what `quorate member rejoin` and `member replace` ask of a cluster, in their order
 * (`cli/joining.ts`): no id and no key comes back, a new one enters as a learner, and gets its vote afterwards.
 */
import { expect, test } from "vitest";
import { toHex } from "../node/base/bytes.ts";
import { StateMachine } from "../node/state/state-machine.ts";
import { decodeBody } from "../node/wire/body.ts";
import { KINDS } from "../node/wire/kinds.ts";
import { decodeTransaction } from "../node/wire/transaction.ts";
import { CALM, trueClocks } from "./calm-options.ts";
import { addressOf, type Plant } from "./cluster.ts";
import type { SimOptions } from "./options.ts";
import { World } from "./world.ts";

const MIX = {
  ...{ addVoter: 0, addLearner: 0, promote: 0, demote: 0, remove: 0, replace: 0, nonsense: 0, lostDisk: 0 },
  ...{ rejoin: 1, list: 0, scrub: 0 },
};
const OPTIONS: SimOptions = {
  ...CALM,
  spares: 1,
  durationMs: 3_000,
  ...trueClocks(4),
  workload: { ...CALM.workload, operator: { thinkUs: 500_000, mix: MIX } },
};

/** What is asked of the members in a run, as its blocks have it, and what the run has come to. */
function run(seed: number) {
  const asked = new Map<string, unknown>();
  const plant: Plant = () => ({
    createStateMachine: (options) => {
      const machine = new StateMachine(options);
      const apply = machine.apply.bind(machine);
      machine.apply = (block) => {
        for (const encoded of block.transactions) {
          const { kind, body } = decodeTransaction(encoded);
          if (kind !== KINDS.changeMembers) continue;
          const { body: change } = decodeBody(kind, body) as { readonly body: { readonly add: readonly object[] } };
          asked.set(toHex(encoded), { ...change, add: change.add.map((node) => ({ ...node, publicKey: undefined })) });
        }
        return apply(block);
      };
      return machine;
    },
  });
  const world = new World(seed, { plant, adjust: () => OPTIONS, faults: [] });
  world.run();
  expect(world.verdict.failure).toBeUndefined();
  return { asked: [...asked.values()], reached: world.reached.read() };
}

test("in the place of a node that is lost a new one begins, at its address or elsewhere, and votes at last", () => {
  const ways = new Set<string>();
  for (let seed = 1; seed <= 4; seed++) {
    const { asked, reached } = run(seed);
    const isRejoin = reached["lostNodeRejoined"] === 1;
    expect([reached["lostNodeRejoined"], reached["lostNodeReplaced"]].filter((count) => count === 1)).toHaveLength(1);
    const [enters] = asked as { readonly remove: readonly number[]; readonly add: readonly { host: string }[] }[];
    const [, votes] = asked as { readonly remove: readonly number[] }[];
    const lost = (isRejoin ? enters : votes)?.remove[0] ?? 0;
    expect([1, 2, 3]).toContain(lost);
    const learner = { ...addressOf(isRejoin ? lost : 4), voter: false, publicKey: undefined };
    expect(asked).toEqual([
      expect.objectContaining({ add: [learner], promote: [], remove: isRejoin ? [lost] : [] }),
      expect.objectContaining({ add: [], promote: [4], remove: isRejoin ? [] : [lost] }),
    ]);
    ways.add(isRejoin ? "rejoin" : "replace");
  }
  expect([...ways].sort()).toEqual(["rejoin", "replace"]);
});
