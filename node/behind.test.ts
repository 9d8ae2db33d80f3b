import { expect, test } from "vitest";
import type { MessageBody } from "../consensus/raft/messages.ts";
import { KeyRing, sha256, virtualCrypto } from "../sim/virtual-crypto.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";
import { MemoryStore } from "../storage/state/memory-store.ts";
import { concatBytes } from "./base/bytes.ts";
import { CLIENT_REQUESTS_IN_FLIGHT_MAX, QUESTIONS_OPEN_MAX } from "./base/limits.ts";
import type { NetworkHandler } from "./base/ports/network.ts";
import { Prng } from "./base/prng.ts";
import { type ComposedNode, composeNode } from "./compose.ts";
import { ManualClock } from "./manual-clock.test-support.ts";
import { decodeRaftMessage, encodeRaftMessage } from "./replica/raft-codec.ts";
import { recordingLog } from "./replica/replica.test-support.ts";
import { encodeQuery } from "./state/queries.ts";
import {
  type Consistency,
  decodeNodeFrame,
  encodeClientFrame,
  helloDigest,
  type NodeFrame,
} from "./wire/client-frames.ts";
import { LANES } from "./wire/peer-frames.ts";

const KEYS = new KeyRing();
const ADMIN = KEYS.create("admin");
const NODES = [1, 2, 3].map((id) => ({ id, publicKey: KEYS.create(`node ${id}`).publicKey }));
const GENESIS = { timestamp: 1_750_000_000_000_000_000n, nodes: NODES, adminKey: ADMIN.publicKey };
/** What others have committed, and this node never gets. */
const AHEAD = 5;
const HEARTBEAT_MS = 60;
/** More than the patience for reads. */
const LONG_MS = 1_200;
const SUMMARY = encodeQuery({ type: "summary" });

/** Node 1, whose state stands still: its leader says where a read stands, and sends it no block. */
class StuckNode {
  readonly #clock = new ManualClock();
  readonly #heard = new Map<number, NodeFrame[]>();
  readonly stopped: string[] = [];
  readonly #node: ComposedNode;
  #handler: NetworkHandler | undefined;
  #connections = 0;

  constructor() {
    const network = {
      start: (handler: NetworkHandler): void => {
        this.#handler = handler;
      },
      setPeers: () => undefined,
      sendPeer: (to: number, ...pieces: readonly Uint8Array[]) => this.#toPeer(to, concatBytes(pieces)),
      sendClient: (connection: number, frame: Uint8Array) =>
        (this.#heard.get(connection)?.push(decodeNodeFrame(frame)) ?? 0) > 0,
      closeClient: (_: number, reason: string) => void this.stopped.push(reason),
    };
    const store = new MemoryStore((run) => run());
    this.#node = composeNode(
      {
        ...{ clock: this.#clock, random: new Prng(1), disk: new MemoryDisk((_, run) => run()), store, network },
        ...{ log: recordingLog().log, outside: { request: () => undefined } },
        crypto: virtualCrypto(KEYS, KEYS.create("node 1"), (run) => run()),
      },
      {
        ...{ id: 1, genesis: GENESIS, checkpointBlocks: 4, segmentBytes: 1_048_576, cacheBytes: 0 },
        peers: NODES.map((node) => ({ ...node, host: "there", port: node.id })),
        timing: { tickMs: 20, electionTimeoutTicks: 15, heartbeatTicks: 3 },
        onFatal: ({ reason }) => void this.stopped.push(reason),
        onRestart: () => void this.stopped.push("restart"),
      },
    );
    this.passes(HEARTBEAT_MS);
  }

  section(name: string): unknown {
    return this.#node.status()[name];
  }

  passes(ms: number): void {
    for (let passed = 0; passed < ms; passed += HEARTBEAT_MS) {
      this.#leaderSays({ type: "heartbeat", commit: 0, sequence: 0 });
      this.#clock.pass(HEARTBEAT_MS);
    }
  }

  connect(): number {
    const connection = ++this.#connections;
    this.#heard.set(connection, []);
    this.#handler?.clientOpened(connection);
    this.#clock.settle();
    const [challenge] = this.take(connection);
    if (challenge?.type !== "challenge") throw new Error("the node did not challenge");
    const { publicKey } = ADMIN;
    const signature = ADMIN.sign(helloDigest(sha256, { ...challenge, publicKey }));
    this.#says(connection, encodeClientFrame({ ...challenge, type: "hello", publicKey, signature }));
    expect(this.take(connection)).toMatchObject([{ type: "welcome" }]);
    return connection;
  }

  ask(connection: number, request: number, consistency: Consistency, query = SUMMARY): void {
    this.#says(connection, encodeClientFrame({ type: "query", request, consistency, query }));
  }

  closes(connection: number): void {
    this.#handler?.clientClosed(connection);
    this.#clock.settle();
  }

  /** What the connection has been sent since the last look. */
  take(connection: number): readonly NodeFrame[] {
    return this.#heard.get(connection)?.splice(0) ?? [];
  }

  #says(connection: number, frame: Uint8Array): void {
    this.#handler?.clientFrame(connection, frame);
    this.#clock.settle();
  }

  #toPeer(to: number, frame: Uint8Array): boolean {
    if (to !== 2 || frame[0] !== LANES.raft) return true;
    const message = decodeRaftMessage(frame.subarray(1));
    if (message.type === "readIndex") {
      const { requestId } = message;
      this.#clock.defer(() => this.#leaderSays({ type: "readIndexResponse", requestId, index: AHEAD, refused: false }));
    }
    return true;
  }

  #leaderSays(body: MessageBody): void {
    const message = { ...body, from: 2, to: 1, term: 1 };
    this.#handler?.peerFrame(2, concatBytes([Uint8Array.of(LANES.raft), ...encodeRaftMessage(message)]));
    this.#clock.settle();
  }
}

test("a node whose state stands still refuses what it is asked about later states in time, and answers the rest", () => {
  const node = new StuckNode();
  const connection = node.connect();
  const rounds = 2 + QUESTIONS_OPEN_MAX / CLIENT_REQUESTS_IN_FLIGHT_MAX;
  for (let round = 1; round <= rounds; round++) {
    for (let i = 1; i <= CLIENT_REQUESTS_IN_FLIGHT_MAX; i++) node.ask(connection, i, "linearizable");
    expect(node.section("ledger")).toMatchObject({ height: 0, questionsWaiting: CLIENT_REQUESTS_IN_FLIGHT_MAX });
    node.passes(LONG_MS);
    const refused = node.take(connection);
    expect(refused).toHaveLength(CLIENT_REQUESTS_IN_FLIGHT_MAX);
    expect(new Set(refused.map((frame) => frame.type === "error" && frame.code))).toEqual(new Set(["behind"]));
  }
  node.ask(connection, 1, "local");
  node.ask(connection, 2, "local", encodeQuery({ type: "status" }));
  expect(node.take(connection)).toMatchObject([
    { type: "answer", request: 1 },
    { type: "answer", request: 2 },
  ]);
  expect([node.section("gateway"), node.stopped]).toMatchObject([{ questionsOpen: 0 }, []]);
});

test("what a client has asked is forgotten everywhere when it goes, and nothing else is", () => {
  const node = new StuckNode();
  const [gone, stays] = [node.connect(), node.connect()];
  for (let i = 1; i <= 20; i++) node.ask(i % 2 === 0 ? gone : stays, i, "linearizable");
  expect([node.section("gateway"), node.section("ledger")]).toMatchObject([
    { questionsOpen: 20 },
    { questionsWaiting: 20 },
  ]);
  node.closes(gone);
  expect([node.section("gateway"), node.section("ledger")]).toMatchObject([
    { questionsOpen: 10 },
    { questionsWaiting: 10 },
  ]);
  node.passes(LONG_MS);
  expect([node.take(gone).length, node.take(stays).length, node.stopped]).toEqual([0, 10, []]);
});
