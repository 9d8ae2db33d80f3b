import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { toHex, utf8 } from "../base/bytes.ts";
import { NODES_MAX } from "../base/limits.ts";
import { DEMOTING_RELEASE } from "../base/release.ts";
import type { Command } from "../wire/body.ts";
import type { ChangeMembersBody, NewNode } from "../wire/kinds.ts";
import { admit } from "./admit.ts";
import { Chain, GENESIS, machine, replay, START } from "./chain.test-support.ts";

const newNode = (name: string, changes: Partial<NewNode> = {}): NewNode => ({
  ...{ publicKey: sha256(utf8(`key of ${name}`)), host: name, port: 7000, voter: true },
  ...changes,
});

function change(changes: Partial<ChangeMembersBody>): Command {
  return { kind: "changeMembers", body: { add: [], remove: [], promote: [], ...changes } };
}

/** A chain whose release knows learners that have been voters. */
function demoting(): Chain {
  const chain = new Chain();
  chain.release = DEMOTING_RELEASE;
  return chain;
}

describe("members", () => {
  test("are those of the genesis at first, and all of them vote", () => {
    const { members, configuration } = new Chain().state;
    expect(members.wanted).toEqual({ voters: [1, 2, 3], learners: [] });
    expect(configuration).toEqual({ voters: [1, 2, 3], outgoing: [], learners: [] });
  });

  test("join under the next ids, leave and are promoted, all at once", () => {
    const chain = new Chain();
    const joined = [newNode("a"), newNode("b", { voter: false })];
    expect(chain.admin.must(change({ add: joined }))).toEqual({ status: "ok", ids: [4, 5] });
    expect(chain.state.members.wanted).toEqual({ voters: [1, 2, 3, 4], learners: [5] });
    const all = { add: [newNode("c", { host: "b", port: 7001 })], remove: [1, 4], promote: [5] };
    expect(chain.admin.must(change(all))).toEqual({ status: "ok", ids: [6] });
    expect(chain.state.members.wanted).toEqual({ voters: [2, 3, 5, 6], learners: [] });
    const asked = { authority: 1, seesAll: true };
    const { members } = chain.state.query({ type: "members" }, asked) as { members: readonly { id: number }[] };
    expect(members).toMatchObject([
      ...[
        { id: 1, role: "removed", host: "" },
        { id: 2 },
        { id: 3 },
        { id: 4, role: "removed", host: "a", port: 7000 },
      ],
      ...[
        { id: 5, role: "voter", publicKey: toHex(joined[1]?.publicKey ?? new Uint8Array(0)) },
        { id: 6, host: "b" },
      ],
    ]);
  });

  test("another machine that executes the blocks, or is given a checkpoint, wants the same", () => {
    const chain = new Chain();
    chain.admin.must(change({ add: [newNode("a")], remove: [2] }));
    expect(replay(chain.blocks)).toBe(toHex(chain.state.digest));
    const copy = machine();
    for (const component of chain.state.paged) {
      const target = copy.paged.find(({ name }) => name === component.name);
      for (let page = 0; page < component.pageCount(); page++) target?.decodePage(page, component.encodePage(page));
    }
    for (const component of copy.paged) component.restored();
    copy.restored();
    expect(copy.members.wanted).toEqual({ voters: [1, 3, 4], learners: [] });
  });

  test("that are removed work until the configuration is without them; then they sign nothing any more, and never will", () => {
    const chain = new Chain();
    chain.admin.must(change({ remove: [3] }));
    const [, , third] = chain.nodes;
    expect(third?.submit({ kind: "createTransfers", batch: new Uint8Array(128) })).toMatchObject({ status: "ok" });
    chain.configuration = { voters: [1, 2], outgoing: [1, 2, 3], learners: [] };
    expect(third?.submit({ kind: "createTransfers", batch: new Uint8Array(128) })).toMatchObject({ status: "ok" });
    chain.configuration = { voters: [1, 2], outgoing: [], learners: [] };
    expect(third?.submit({ kind: "sessionOpen" })).toMatchObject({ status: "unknown_key" });
    const again = newNode("d", { publicKey: GENESIS.nodes[2]?.publicKey ?? new Uint8Array(32) });
    expect(chain.admin.submit(change({ add: [again] }))).toEqual({ status: "already_exists", what: "key" });
  });

  test.each<[string, Partial<ChangeMembersBody>, object]>([
    ["a node that there is not", { remove: [9] }, { status: "not_found", what: "node 9" }],
    ["a voter that is promoted", { promote: [1] }, { status: "wrong_state", what: "node 1 is voter" }],
    ["all voters", { remove: [1, 2, 3] }, { status: "invalid", what: "the last voter" }],
    [
      "all voters, and a learner in their place",
      { remove: [1, 2, 3], add: [newNode("a", { voter: false })] },
      { status: "invalid", what: "the last voter" },
    ],
    [
      "more than a cluster has at one time",
      { add: Array.from({ length: NODES_MAX - 2 }, (_, at) => newNode(`n${at}`)) },
      { status: "limit_reached", what: "nodes: 9 at one time" },
    ],
    [
      "a key of somebody's",
      { add: [newNode("a", { publicKey: GENESIS.adminKey })] },
      { status: "already_exists", what: "key" },
    ],
    [
      "one key for two nodes",
      { add: [newNode("a"), newNode("b", { publicKey: newNode("a").publicKey })] },
      { status: "already_exists", what: "key" },
    ],
  ])("%s: is refused, and nothing has changed", (_what, body, answer) => {
    const chain = new Chain();
    expect(chain.admin.submit(change(body))).toEqual(answer);
    expect(chain.state.members.wanted).toEqual({ voters: [1, 2, 3], learners: [] });
  });

  test("an address that is in use is refused, that of a node that is gone is not", () => {
    const chain = new Chain();
    chain.admin.must(change({ add: [newNode("a")] }));
    const same = newNode("b", { host: "a" });
    expect(chain.admin.submit(change({ add: [same] }))).toEqual({ status: "already_exists", what: "address a:7000" });
    expect(chain.admin.submit(change({ add: [same], remove: [4] }))).toMatchObject({ status: "ok", ids: [5] });
  });

  test.each<[string, Partial<ChangeMembersBody>]>([
    ["nothing", {}],
    ["a node twice", { remove: [2], promote: [2] }],
    ["an address twice", { add: [newNode("a"), newNode("b", { host: "a" })] }],
    ["a host that is none", { add: [newNode("a", { host: "a b" })] }],
  ])("%s: is no command", (_what, body) => {
    expect(new Chain().admin.submit(change(body))).toMatchObject({ status: "invalid", what: "invalid_command" });
  });

  test("become learners, keep their id and key, and may be promoted again", () => {
    const chain = demoting();
    expect(chain.admin.must(change({ demote: [1, 3] }))).toEqual({ status: "ok", ids: [] });
    expect(chain.state.members.wanted).toEqual({ voters: [2], learners: [1, 3] });
    chain.configuration = { voters: [2], outgoing: [], learners: [1, 3] };
    const [first] = chain.nodes;
    expect(first?.submit({ kind: "createTransfers", batch: new Uint8Array(128) })).toMatchObject({ status: "ok" });
    chain.admin.must(change({ promote: [3], demote: [2] }));
    expect(chain.state.members.wanted).toEqual({ voters: [3], learners: [1, 2] });
    expect(replay(chain.blocks)).toBe(toHex(chain.state.digest));
  });

  test.each<[string, Partial<ChangeMembersBody>, object]>([
    ["a node that there is not", { demote: [9] }, { status: "not_found", what: "node 9" }],
    ["a learner", { demote: [4] }, { status: "wrong_state", what: "node 4 is learner" }],
    ["a node that is removed", { demote: [5] }, { status: "wrong_state", what: "node 5 is removed" }],
    ["all voters", { demote: [1, 2, 3] }, { status: "invalid", what: "the last voter" }],
    ["all that are not removed", { demote: [2, 3], remove: [1] }, { status: "invalid", what: "the last voter" }],
    ["a node twice", { demote: [2], remove: [2] }, { status: "invalid", what: "invalid_command" }],
  ])("that vote become no learners: %s", (_what, body, answer) => {
    const chain = demoting();
    chain.admin.must(change({ add: [newNode("a", { voter: false }), newNode("b", { voter: false })] }));
    chain.admin.must(change({ remove: [5] }));
    expect(chain.admin.submit(change(body))).toEqual(answer);
    expect(chain.state.members.wanted).toEqual({ voters: [1, 2, 3], learners: [4] });
  });

  test.each<[string, Partial<ChangeMembersBody>]>([
    ["a voter", { demote: [3] }],
    ["nobody", { demote: [], remove: [3] }],
    ["who is no command later either", { demote: [3, 3] }],
  ])(
    "are demoted from release 3 on: before, %s is answered as by a program that knows no such field",
    (_what, body) => {
      const chain = new Chain();
      const signed = chain.admin.sign(change(body));
      const { transaction } = admit(chain.admin.sign(change({ demote: [3] })));
      expect(chain.submit(signed)).toEqual({ status: "invalid", what: "malformed_body" });
      expect(chain.state.admission(transaction, sha256(signed), START)).toBe("malformed_body");
      chain.release = DEMOTING_RELEASE;
      chain.block();
      expect(chain.state.admission(transaction, sha256(signed), START)).toBeUndefined();
      expect(chain.state.members.wanted.learners).toEqual([]);
    },
  );

  test("are changed by operators and admins", () => {
    const chain = new Chain();
    expect(chain.join("bank", "participant").submit(change({ remove: [3] }))).toMatchObject({
      status: "not_authorized",
    });
    expect(chain.join("ops", "operator").submit(change({ remove: [3] }))).toMatchObject({ status: "ok" });
  });
});
