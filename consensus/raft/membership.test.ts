/** Membership on one node: what scripts do not show. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { must } from "../../node/base/assert.ts";
import { sameConfiguration } from "../../node/base/configuration.ts";
import { type Configuration, isVoter } from "./configuration.ts";
import { configurationIn, configurationOf, entryData } from "./configurations.test-support.ts";
import { Membership } from "./membership.ts";
import type { Entry } from "./messages.ts";
import { OneNode, ofType } from "./one-node.test-support.ts";

const FIRST = configurationOf("1,2,3");
const HEARTBEAT = { type: "heartbeat", commit: 0, sequence: 0 } as const;

/** Entries behind position 1, each under a configuration. */
function changes(term: number, ...texts: readonly string[]): Entry[] {
  return texts.map((text, at) => ({ index: 2 + at, term, data: entryData("x", configurationOf(text), FIRST) }));
}

function hearsChanges(node: OneNode, term: number, entries: readonly Entry[], commit = 1): void {
  node.hears(2, term, { type: "append", previousIndex: 1, previousTerm: 1, entries, commit });
}

describe("a configuration counts from when it is appended (§6 of the paper)", () => {
  test("a follower stands under the last one of its log, and under that of the entry before when it is cut off", () => {
    const node = new OneNode({ log: [1] });
    hearsChanges(node, 1, changes(1, "1,2,3+4", "1,2,3+4", "1,2&1,2,3"));
    expect(node.raft.configuration).toEqual(configurationOf("1,2&1,2,3"));
    expect(node.raft.configurationIsCommitted).toBe(false);
    node.cluster.crash(1);
    node.cluster.restart(1);
    expect(node.raft.configuration).toEqual(configurationOf("1,2&1,2,3"));
    hearsChanges(node, 2, changes(2, "1,2,3+4"), 2);
    expect(node.raft.configuration).toEqual(configurationOf("1,2,3+4"));
    expect(node.raft.configurationIsCommitted).toBe(true);
  });

  test("an append whose configurations no correct leader can have proposed is not believed", () => {
    for (const texts of [["1,2"], ["1,2,3,4"], ["&1,2,3"], ["1,2&1,2"], ["1,2,3+4", "1,2,3,4"]]) {
      const node = new OneNode({ log: [1] });
      const entries = changes(1, ...texts);
      const append = { type: "append", previousIndex: 1, previousTerm: 1, entries, commit: 0 } as const;
      expect(node.raft.step({ ...append, from: 2, to: 1, term: 1 })).toBe(false);
      expect([node.log, node.raft.configuration]).toEqual([[1], FIRST]);
    }
  });

  test("a node that a change removes may campaign until that is committed, and is elected by others (§4.2.2)", () => {
    const node = new OneNode({ log: [1] });
    hearsChanges(node, 1, changes(1, "2,3&1,2,3", "2,3"), 2);
    node.campaigns();
    expect(node.raft).toMatchObject({ role: "candidate", term: 2 });
    node.hears(2, 2, { type: "voteResponse", granted: true });
    expect(node.raft.role).toBe("candidate"); // its own vote has no weight
    node.hears(3, 2, { type: "voteResponse", granted: true });
    expect(node.raft.role).toBe("leader");
    node.hears(2, 3, { ...HEARTBEAT, commit: 3 });
    expect(node.raft.configurationIsCommitted).toBe(true);
    expect(node.campaigns()).toEqual([]);
    expect(node.raft.role).toBe("follower");
  });
});

test("a node that becomes a learner may campaign until that is committed, and not as a learner", () => {
  const node = new OneNode({ log: [1] });
  hearsChanges(node, 1, changes(1, "2,3&1,2,3+1", "2,3+1"), 2);
  node.campaigns();
  expect(node.raft).toMatchObject({ role: "candidate", term: 2 });
  node.hears(2, 3, { ...HEARTBEAT, commit: 3 });
  expect(node.raft.configurationIsCommitted).toBe(true);
  expect(node.campaigns()).toEqual([]);
});

describe("messages of those who are no members", () => {
  test("their votes and acknowledgements do not count", () => {
    const node = new OneNode();
    node.campaigns();
    for (const from of [7, 8, 9]) node.hears(from, 1, { type: "voteResponse", granted: true });
    expect(node.raft.role).toBe("candidate");
    node.hears(2, 1, { type: "voteResponse", granted: true });
    node.reads(1);
    for (const from of [7, 8, 9]) {
      node.isAcknowledged(from, 1);
      node.hears(from, 1, { type: "heartbeatResponse", sequence: 0, promiseMs: 0 });
    }
    expect([node.raft.commit, node.takeReads()]).toEqual([0, []]);
  });

  test("a leader that is none is followed: it may be on its way out, or this node on its way in", () => {
    const node = new OneNode();
    node.hears(9, 1, { type: "append", previousIndex: 0, previousTerm: 0, entries: [], commit: 0 });
    expect(node.raft).toMatchObject({ role: "follower", leader: 9 });
  });
});

describe("an only voter", () => {
  const alone = { count: 3, configuration: configurationOf("1+2,3") };

  test("leads once its own vote is durable, for it could lead that term twice", () => {
    const node = new OneNode(alone);
    node.cluster.node(1).slowDisk = true;
    expect(node.campaigns()).toEqual([]);
    expect(node.raft.role).toBe("candidate");
    expect(node.proposes("x")).toEqual([]);
    node.cluster.fsync(1);
    expect(node.raft).toMatchObject({ role: "leader", term: 1 });
    const sent = node.cluster.links().flatMap(({ messages }) => messages);
    expect(ofType("append", sent).map(({ to }) => to)).toEqual([2, 3]);
  });

  test("that has lost its vote in a crash leads that term for the first time", () => {
    const node = new OneNode(alone);
    node.cluster.node(1).slowDisk = true;
    node.campaigns();
    node.cluster.crash(1);
    node.cluster.restart(1);
    expect(node.raft).toMatchObject({ role: "follower", term: 0 });
    node.campaigns();
    node.cluster.fsync(1);
    expect(node.raft).toMatchObject({ role: "leader", term: 1 });
  });

  test("needs nobody for a read", () => {
    const node = new OneNode(alone);
    node.campaigns();
    node.reads(7);
    expect(node.takeReads()).toEqual([{ requestId: 7, index: 1 }]);
  });
});

/** A log as a list, and the rules as they are told: the last entry's configuration is in force, committed or not. */
class ModelLog {
  readonly #list: Entry[] = [];
  #commit = 0;
  #membership = this.#open();
  /** Whether positions of changes are known: a node that starts has not looked for them. */
  #knows = true;

  append(text: string, count: number): void {
    const added = Array.from({ length: count }, (_, at) => {
      return { index: this.#list.length + 1 + at, term: 1, data: entryData("x", configurationOf(text), FIRST) };
    });
    this.#list.push(...added);
    this.#membership.appended(added);
  }

  cut(detail: number): void {
    const left = this.#commit + (detail % (this.#list.length - this.#commit + 1));
    this.#list.length = left;
    this.#membership.cut(left, this.#list.at(-1));
    if (this.#changedAt() !== this.#membership.since) this.#knows = false;
  }

  commit(detail: number): void {
    this.#commit += detail % (this.#list.length - this.#commit + 1);
    this.#membership.committed(this.#commit);
  }

  restart(): void {
    this.#membership = this.#open();
    this.#knows = false;
  }

  compare(): void {
    const { configuration, since } = this.#membership;
    expect(configuration).toEqual(this.#at(this.#list.length));
    const isOpen = this.#changedAt() > this.#commit;
    if (this.#knows) expect(since).toBe(this.#changedAt());
    if (isOpen) expect(since).toBeGreaterThan(this.#commit);
    for (const id of [1, 2, 3, 4, 5]) {
      const replaced = isOpen && isVoter(this.#at(this.#changedAt() - 1), id);
      expect(this.#membership.mayCampaign(id, this.#commit)).toBe(isVoter(configuration, id) || replaced);
    }
  }

  /** The position of the last change; 0 where there was none. */
  #changedAt(): number {
    let at = this.#list.length;
    while (at > 0 && sameConfiguration(this.#at(at), this.#at(at - 1))) at -= 1;
    return at;
  }

  #at(index: number): Configuration {
    return index === 0 ? FIRST : configurationIn(must(this.#list[index - 1], "it is in the list").data, FIRST);
  }

  #open(): Membership {
    return new Membership(this.#at(this.#commit), {
      lastIndex: this.#list.length,
      configurationOf: (data) => configurationIn(data, FIRST),
      entryAt: (index) => this.#list[index - 1],
    });
  }
}

test("whatever is appended, cut off, committed and started again, a list knows the same of who votes", () => {
  const texts = [
    "1,2,3",
    "1,2,3+4",
    "1,2,3,4&1,2,3",
    "1,2,3,4",
    "2,3&1,2,3",
    "2,3",
    "4,5&1,2,3",
    "1,2&1,2,3+3",
    "1,2+3",
  ];
  const step = fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 1_000 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const log = new ModelLog();
      for (const [kind, detail] of steps) {
        if (kind < 5) log.append(must(texts[detail % texts.length], "there is a text"), 1 + (detail % 3));
        else if (kind < 7) log.cut(detail);
        else if (kind < 9) log.commit(detail);
        else log.restart();
        log.compare();
      }
    }),
    { numRuns: 2_000 },
  );
});
