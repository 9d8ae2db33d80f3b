import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { toHex, utf8 } from "../base/bytes.ts";
import { contentsOf, loadPages, succeeding } from "../replica/checkpoint.ts";
import { PageHashes } from "../replica/page-hashes.ts";
import { decodeBlock, earliestTimestamp, encodeBlock } from "../wire/block.ts";
import type { Command } from "../wire/body.ts";
import { clusterIdOf, firstConfiguration, type Genesis, genesisHash } from "../wire/genesis.ts";
import { GROUP, signTransaction } from "../wire/transaction.ts";
import {
  ALICE,
  accounts,
  BOB,
  GENESIS,
  payment,
  type Result,
  resultsOf,
  START,
  type Town,
  town,
  transfers,
} from "./chain.test-support.ts";
import { StateMachine } from "./state-machine.ts";

const EVERYTHING = { authority: 1, seesAll: true };
const keyOf = (name: string): Uint8Array => sha256(utf8(`key of ${name}`));

/** What a cluster of three new nodes, restored from this state, begins from. */
function genesisAfter({ height, blockHash, digest }: StateMachine, ids = [4, 5, 6]): Genesis {
  const nodes = ids.map((id) => ({ id, publicKey: keyOf(`new node-${id}`) }));
  const clusterId = clusterIdOf(sha256, GENESIS);
  const origin = { clusterId, firstClusterId: clusterId, height, blockHash, digest };
  return { timestamp: START, nodes, adminKey: GENESIS.adminKey, origin };
}

/** A cluster that is restored: its state, and what it answers to transactions in its first blocks. */
class Restored {
  readonly genesis: Genesis;
  readonly state: StateMachine;
  #sequence = 0;

  constructor(old: StateMachine) {
    this.genesis = genesisAfter(old);
    this.state = succeeding(old, new StateMachine({ genesis: this.genesis, sha256 }));
    this.submit(...["admin", "shop bank"].map((name) => this.sign({ kind: "sessionOpen" }, name, 0)));
  }

  sign(command: Command, name = "admin", sequence = ++this.#sequence): Uint8Array {
    const session = sha256(utf8(`session of ${name} here`)).slice(0, 16);
    const expiry = this.state.timestamp + 60_000_000_000n;
    const placement = { clusterId: clusterIdOf(sha256, this.genesis), session, sequence, expiry };
    return signTransaction(sha256, { publicKey: keyOf(name), sign: () => new Uint8Array(64) }, placement, command);
  }

  submit(...transactions: readonly Uint8Array[]): readonly Result[] {
    const { state, genesis } = this;
    const timestamp = earliestTimestamp(state.timestamp, transactions.length);
    const at = { group: GROUP, height: state.height + 1, term: state.term, timestamp };
    const links = { clusterId: clusterIdOf(sha256, genesis), previousHash: state.blockHash, state: state.at };
    const { bytes } = encodeBlock(sha256, {
      ...at,
      ...links,
      configuration: firstConfiguration(genesis),
      transactions,
    });
    const results = resultsOf(state.apply(decodeBlock(sha256, bytes)));
    state.checkInvariants();
    return results;
  }
}

const byCard = (id: bigint): Command => payment({ id, channel: "card", payer: 5n, cardToken: "tok_1" });

/** A town with a card payment whose answer has not come. */
function inTheMiddle(): Town {
  const all = town();
  all.bank.must(transfers({ id: 77n, debitAccountId: ALICE, creditAccountId: BOB, amount: 5n }));
  all.shopBank.must(byCard(500n));
  return all;
}

describe("a restored cluster", () => {
  test("has the accounts, transfers, payments and authorities of its origin, at the same height", () => {
    const { chain } = inTheMiddle();
    const genesis = genesisAfter(chain.state);
    const state = succeeding(chain.state, new StateMachine({ genesis, sha256 }));
    state.checkInvariants();
    for (const query of [
      { type: "accounts", ids: [ALICE, BOB] },
      { type: "transfers", ids: [77n] },
      { type: "payment", id: 500n },
      { type: "authority", key: keyOf("bank") },
    ] as const) {
      expect(state.query(query, EVERYTHING)).toEqual(chain.state.query(query, EVERYTHING));
    }
    const { digest: _before, sessions: _of, ...sums } = summaryOf(chain.state);
    expect(summaryOf(state)).toMatchObject({ ...sums, sessions: 0 });
    expect([state.height, state.timestamp]).toEqual([chain.state.height, chain.state.timestamp]);
    expect(state.history.root()).toEqual(chain.state.history.root());
  });

  test("begins its chain with the hash of its genesis, which names block and digest of the origin", () => {
    const { chain } = inTheMiddle();
    const { state, genesis } = new Restored(chain.state);
    const begun = succeeding(chain.state, new StateMachine({ genesis, sha256 }));
    expect(begun.attested()).toMatchObject({
      digest: genesisHash(sha256, genesis),
      blockHash: genesisHash(sha256, genesis),
    });
    expect(begun.configuration).toEqual({ voters: [4, 5, 6], outgoing: [], learners: [] });
    expect(state.height).toBe(chain.state.height + 1);
    chain.block();
    expect(() => succeeding(chain.state, new StateMachine({ genesis, sha256 }))).toThrow(
      "the state is that of the origin",
    );
  });

  test("has other nodes: the old ones' keys are revoked and their ids are not given again", () => {
    const { chain } = inTheMiddle();
    const { state } = new Restored(chain.state);
    expect(state.members.all.map(({ id, role }) => [id, role])).toEqual([
      ...[1, 2, 3].map((id) => [id, "removed"]),
      ...[4, 5, 6].map((id) => [id, "voter"]),
    ]);
    expect(state.members.present.map(({ id }) => id)).toEqual([4, 5, 6]);
    expect(state.readerOf(keyOf("node-1"))).toBeUndefined();
    expect(state.readerOf(keyOf("new node-4"))).toBeDefined();
    const wrongIds = genesisAfter(chain.state, [1, 2, 3]);
    expect(() => succeeding(chain.state, new StateMachine({ genesis: wrongIds, sha256 }))).toThrow(
      "is number 4 of all",
    );
  });

  test("takes none of the origin's blocks and knows none of its sessions", () => {
    const { chain, bank } = inTheMiddle();
    const restored = new Restored(chain.state);
    const again = bank.sign(transfers({ id: 78n, debitAccountId: ALICE, creditAccountId: BOB, amount: 5n }));
    expect(restored.submit(again)).toMatchObject([{ status: "session_unknown" }]);
    chain.block();
    const foreign = chain.blocks.at(-1) ?? new Uint8Array(0);
    const begun = succeeding(inTheMiddle().chain.state, new StateMachine({ genesis: restored.genesis, sha256 }));
    expect(() => begun.apply(decodeBlock(sha256, foreign))).toThrow("does not follow");
  });

  test("knows by their ids what was done before, and goes on with what was not", () => {
    const restored = new Restored(inTheMiddle().chain.state);
    const done = restored.sign(transfers({ id: 1n, debitAccountId: 1n, creditAccountId: ALICE, amount: 10_000n }));
    const next = restored.sign(accounts({ id: 9_000n }));
    const [first, second] = restored.submit(done, next);
    expect([first?.status, second?.status]).toEqual(["ok", "ok"]);
    expect(restored.state.query({ type: "accounts", ids: [9_000n] }, EVERYTHING)).toMatchObject({ type: "accounts" });
    expect(summaryOf(restored.state).transfers).toBe(summaryOf(inTheMiddle().chain.state).transfers);
  });

  test("asks the card network about a payment under the keys that its origin asks under, before the backup and after it", () => {
    const { chain } = inTheMiddle();
    const restored = new Restored(chain.state);
    const open = chain.state.openIntents();
    expect(open).toHaveLength(1);
    expect(restored.state.openIntents()).toEqual(open);
    const { chain: goneOn, shopBank } = inTheMiddle();
    shopBank.must(byCard(501n));
    expect(restored.submit(restored.sign(byCard(501n), "shop bank"))).toMatchObject([{ status: "ok" }]);
    const [there, here] = [goneOn.state, restored.state].map((state) => state.openIntents()[1]);
    expect([there?.id, here?.id]).toEqual([2n, 2n]);
    expect(here?.idempotencyKey).toBe(there?.idempotencyKey);
  });

  test("begins with the same pages on every node, and goes on from them", () => {
    const { chain } = inTheMiddle();
    const genesis = genesisAfter(chain.state);
    const roots = [1, 2].map(() => {
      const state = succeeding(chain.state, new StateMachine({ genesis, sha256 }));
      const back = new StateMachine({ genesis, sha256 });
      loadPages(back, contentsOf(state).components, (name, page) =>
        state.paged.find((part) => part.name === name)?.encodePage(page),
      );
      expect(back.attested()).toEqual(state.attested());
      expect(back.members.present).toEqual(state.members.present);
      return rootOf(back);
    });
    expect(roots[0]).toBe(roots[1]);
  });
});

function summaryOf(state: StateMachine) {
  const answer = state.query({ type: "summary" }, EVERYTHING);
  if (answer.type !== "summary") throw new Error("a summary is answered with one");
  return answer;
}

function rootOf(state: StateMachine): string {
  const hashes = new PageHashes(sha256);
  for (const part of state.paged) {
    for (let page = 0; page < part.pageCount(); page++) hashes.take(part.name, page, part.encodePage(page));
  }
  return toHex(hashes.root(contentsOf(state).components));
}
