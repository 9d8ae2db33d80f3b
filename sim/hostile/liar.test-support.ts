/**
 * One who has the key of a node and knows the protocol: says whatever suits where its victim stands. It leads whatever term
 * it likes, makes blocks that follow the victim's log, votes for it, and acknowledges what it has never seen.
 */
import type { Entry, MessageBody } from "../../consensus/raft/messages.ts";
import type { Raft } from "../../consensus/raft/raft.ts";
import { concatBytes, U64_MAX } from "../../node/base/bytes.ts";
import type { NodeId } from "../../node/base/ids.ts";
import type { Random } from "../../node/base/ports/random.ts";
import { FIRST_RELEASE } from "../../node/base/release.ts";
import { headOf } from "../../node/replica/chain.ts";
import { encodeRaftMessage } from "../../node/replica/raft-codec.ts";
import { earliestTimestamp, encodeBlock } from "../../node/wire/block.ts";
import { clusterIdOf, type Genesis, genesisHash } from "../../node/wire/genesis.ts";
import { LANES } from "../../node/wire/peer-frames.ts";
import { GROUP } from "../../node/wire/transaction.ts";
import { chance, pick } from "../draw.ts";
import { sha256 } from "../virtual-crypto.ts";
import { alteredEntries } from "./altered-raft.test-support.ts";

const BLOCKS_MAX = 3;
const TRANSACTIONS_MAX = 3;

export interface LiarOptions {
  readonly random: Random;
  readonly genesis: Genesis;
  readonly self: NodeId;
  readonly victim: NodeId;
  /** Transactions to make blocks of. */
  readonly transactions: readonly Uint8Array[];
}

/** The next lie to a node that stands there. */
export function lieTo(raft: Raft, options: LiarOptions): Uint8Array {
  const { random, self, victim } = options;
  const term = raft.term + pick(random, [0, 0, 0, 1, 2]);
  const body = bodyOf(options, raft, Math.max(1, term));
  const message = { ...body, from: self, to: victim, term: Math.max(1, term) };
  return concatBytes([Uint8Array.of(LANES.raft), ...encodeRaftMessage(message)]);
}

function bodyOf(options: LiarOptions, raft: Raft, term: number): MessageBody {
  const { random } = options;
  const { lastIndex, lastTerm, commit } = raft;
  const somewhere = pick(random, [0, 1, commit, commit + 1, lastIndex, lastIndex, lastIndex + 1, 2 ** 40]);
  switch (
    pick(random, [
      "append",
      "append",
      "append",
      "heartbeat",
      "answer",
      "vote",
      "vote",
      "ask",
      "read",
      "now",
      "gone",
    ] as const)
  ) {
    case "append":
      return append(options, raft, term);
    case "heartbeat":
      return { type: "heartbeat", commit: somewhere, sequence: random.below(3) };
    case "answer":
      return pick<MessageBody>(random, [
        { type: "appendResponse", accepted: true, index: somewhere, hintIndex: 0, hintTerm: 0 },
        { type: "appendResponse", accepted: false, index: somewhere, hintIndex: somewhere, hintTerm: lastTerm },
        { type: "heartbeatResponse", sequence: random.below(3), promiseMs: pick(random, [0, 100, 2 ** 40]) },
      ]);
    case "vote":
      return { type: pick(random, ["voteResponse", "preVoteResponse"] as const), granted: chance(random, 900) };
    case "ask":
      return {
        type: pick(random, ["vote", "preVote"] as const),
        lastIndex: somewhere,
        lastTerm: Math.max(0, term - 1),
      };
    case "read":
      return pick<MessageBody>(random, [
        { type: "readIndex", requestId: random.below(9), lease: chance(random, 300) },
        { type: "readIndexResponse", requestId: random.below(9), index: somewhere, refused: false },
      ]);
    case "now":
      return { type: "timeoutNow", lastIndex: somewhere };
    case "gone":
      return { type: "compacted", previousIndex: somewhere, previousTerm: lastTerm };
  }
}

/** Blocks that are in order, or nearly, behind the last of the log or another that is not committed. */
function append(options: LiarOptions, raft: Raft, term: number): MessageBody {
  const { random } = options;
  const previousIndex = pick(random, [
    raft.lastIndex,
    raft.lastIndex,
    Math.max(raft.commit, raft.lastIndex - 1),
    raft.commit,
  ]);
  const previousTerm = raft.termAt(previousIndex) ?? 0;
  const run = blocksBehind(options, raft, previousIndex, term);
  const entries = run.length > 0 && chance(random, 500) ? alteredEntries(random, run, run) : run;
  const last = previousIndex + entries.length;
  return {
    type: "append",
    previousIndex,
    previousTerm,
    entries,
    commit: pick(random, [0, raft.commit, last, last + 9]),
  };
}

function blocksBehind(
  { random, genesis, self, transactions }: LiarOptions,
  raft: Raft,
  index: number,
  term: number,
): readonly Entry[] {
  const fresh = { hash: genesisHash(sha256, genesis), timestamp: genesis.timestamp, release: FIRST_RELEASE };
  let head = index === 0 ? fresh : headOf(sha256, raft.entry(index).data);
  const entries: Entry[] = [];
  for (let count = random.below(BLOCKS_MAX + 1); count > 0 && head.timestamp < U64_MAX / 2n; count--) {
    const some =
      transactions.length === 0
        ? []
        : Array.from({ length: random.below(TRANSACTIONS_MAX) }, () => pick(random, transactions));
    const height = index + entries.length + 1;
    const { bytes, hash, header } = encodeBlock(sha256, {
      ...{ release: head.release, builder: self, group: GROUP, height, term, transactions: some },
      ...{ clusterId: clusterIdOf(sha256, genesis), previousHash: head.hash, configuration: raft.configuration },
      timestamp: chance(random, 50)
        ? U64_MAX - BigInt(random.below(20_000))
        : earliestTimestamp(head.timestamp, some.length),
      state: { height: 0, digest: new Uint8Array(32) },
    });
    entries.push({ index: height, term, data: bytes });
    head = { hash, timestamp: header.timestamp, release: header.release };
  }
  return entries;
}
