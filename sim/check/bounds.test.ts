/** The rule about bounds, shown nodes that hold too much, or do not say how much. */
import { describe, expect, test } from "vitest";
import {
  BLOCKS_UNCOMMITTED_MAX,
  CLIENT_REQUESTS_IN_FLIGHT_MAX,
  MAILBOX_DEPTH,
  QUESTIONS_OPEN_MAX,
  SESSIONS_MAX,
  STATES_GIVEN_MAX,
} from "../../node/base/limits.ts";
import { FIRST_RELEASE, NEWEST_RELEASE } from "../../node/base/release.ts";
import type { NodeStatus } from "../cluster.ts";
import { Bounds } from "./bounds.ts";
import { raft, verdictOf } from "./raft-view.test-support.ts";

const APPENDS_IN_FLIGHT_MAX = 2;
const CACHE_BYTES = 65_536;
/** A change of members, and each release above the first. */
const OWN_BLOCKS_MAX = BLOCKS_UNCOMMITTED_MAX + 1 + NEWEST_RELEASE - FIRST_RELEASE;
const PEER = { peer: 2, inFlight: APPENDS_IN_FLIGHT_MAX, inFlightBytes: 100 };
const STATUS: NodeStatus = {
  consensus: { transactionBytesWaiting: 0, readsWaiting: 0, peers: [PEER] },
  gateway: { connections: QUESTIONS_OPEN_MAX / CLIENT_REQUESTS_IN_FLIGHT_MAX, questionsOpen: QUESTIONS_OPEN_MAX },
  ledger: { questionsWaiting: 0, statesGiven: STATES_GIVEN_MAX, sessions: 12, openIntents: 0 },
  log: { cachedBytes: CACHE_BYTES },
  mailboxes: { gateway: 17, ledger: MAILBOX_DEPTH },
};

/** A node's status in which only this much is special. */
function look(special: NodeStatus = {}, core = raft({}), status = STATUS): string | undefined {
  return verdictOf((verdict) => {
    new Bounds(verdict, { appendsInFlightMax: APPENDS_IN_FLIGHT_MAX, cacheBytes: CACHE_BYTES }).look(1, core, {
      ...status,
      ...special,
    });
  });
}

/** A leader of term 2 that came with three blocks and has added so many. */
function leader(own: number, commit: number) {
  const log = [1, 1, 1, ...Array.from({ length: own }, () => 2)];
  return raft({ term: 2, role: "leader", commit, log });
}

describe("bounds", () => {
  test("a node that keeps them is let be", () => {
    expect(look()).toBeUndefined();
    expect(look({}, leader(OWN_BLOCKS_MAX, 0))).toBeUndefined();
    expect(look({}, leader(100, 103 - BLOCKS_UNCOMMITTED_MAX))).toBeUndefined();
  });

  test.each<[string, NodeStatus]>([
    ["too many questions", { gateway: { ...STATUS["gateway"], questionsOpen: QUESTIONS_OPEN_MAX + 1 } }],
    ["questions of nobody who is connected", { gateway: { connections: 0, questionsOpen: 1 } }],
    ["too many checkpoints", { ledger: { ...STATUS["ledger"], statesGiven: STATES_GIVEN_MAX + 1 } }],
    ["too many messages", { mailboxes: { ledger: MAILBOX_DEPTH + 1 } }],
    ["mailboxes of nobody", { mailboxes: {} }],
    ["no word about its questions", { gateway: { connections: 3 } }],
    ["no status", { ledger: {} }],
    ["too many sessions", { ledger: { ...STATUS["ledger"], sessions: SESSIONS_MAX + 1 } }],
    ["more old blocks in memory than it may", { log: { cachedBytes: CACHE_BYTES + 1 } }],
  ])("%s", (_what, special) => {
    expect(look(special)).toBe("bounds");
  });

  test.each(Object.keys(STATUS))("a status without the section %s", (section) => {
    const status = Object.fromEntries(Object.entries(STATUS).filter(([name]) => name !== section));
    expect(look({}, raft({}), status)).toBe("bounds");
  });

  test("a leader's own blocks that are not committed", () => {
    expect(look({}, leader(OWN_BLOCKS_MAX + 1, 0))).toBe("bounds");
    expect(look({}, leader(100, 103 - OWN_BLOCKS_MAX - 1))).toBe("bounds");
  });

  test.each([
    { inFlight: APPENDS_IN_FLIGHT_MAX + 1, inFlightBytes: 100 },
    { inFlight: 1, inFlightBytes: 1e9 },
    { inFlight: 1 },
  ])("a leader's pipeline: %j", (peer) => {
    const consensus = { ...STATUS["consensus"], peers: [PEER, { peer: 3, ...peer }] };
    expect(look({ consensus }, leader(1, 0))).toBe("bounds");
    expect(look({ consensus })).toBeUndefined();
  });
});
