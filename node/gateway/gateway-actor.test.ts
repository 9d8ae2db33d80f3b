import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Scheduler } from "../../sim/scheduler.ts";
import { KeyRing, sha256, virtualCrypto } from "../../sim/virtual-crypto.ts";
import type { ActorRef } from "../actor/actor.ts";
import { ActorSystem, type FatalReport } from "../actor/system.ts";
import { concatBytes, u128Bytes } from "../base/bytes.ts";
import {
  BATCH_RECORDS_MAX,
  CLIENT_CONNECTIONS_MAX,
  CLIENT_REQUESTS_IN_FLIGHT_MAX,
  QUESTIONS_OPEN_MAX,
  STRANGERS_QUESTIONS_MAX,
  TRANSACTION_BYTES_MAX,
  TRANSACTION_LIFETIME_MAX_NS,
} from "../base/limits.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Crypto } from "../base/ports/crypto.ts";
import type { Log } from "../base/ports/log.ts";
import type { Network } from "../base/ports/network.ts";
import { Prng } from "../base/prng.ts";
import { DEMOTING_RELEASE, FIRST_RELEASE } from "../base/release.ts";
import type { ConsensusMessage, Question } from "../messages/consensus.ts";
import type { GatewayMessage } from "../messages/gateway.ts";
import type { LedgerMessage } from "../messages/ledger.ts";
import { StatusBoard } from "../messages/status.ts";
import { StateMachine } from "../state/state-machine.ts";
import { decodeBlock, earliestTimestamp, encodeBlock } from "../wire/block.ts";
import type { Command } from "../wire/body.ts";
import {
  type ClientFrame,
  decodeNodeFrame,
  encodeClientFrame,
  helloDigest,
  type NodeFrame,
} from "../wire/client-frames.ts";
import { THREE_VOTERS } from "../wire/configuration.test-support.ts";
import { clusterIdOf, type Genesis } from "../wire/genesis.ts";
import { leafHash } from "../wire/merkle.ts";
import { pack } from "../wire/msgpack.ts";
import { decodeReceipt, verifyReceipt } from "../wire/receipt.ts";
import { type AdmissionRefusal, decodeResult } from "../wire/results.ts";
import {
  cosignTransaction,
  decodeTransaction,
  encodeTransaction,
  type Signer,
  signTransaction,
} from "../wire/transaction.ts";
import { TransactionHashes } from "../wire/transaction-hashes.ts";
import { decodeForwardFrame, encodeForwardFrame, type ForwardFrame } from "./forward-frames.ts";
import { GatewayActor } from "./gateway-actor.ts";

const SELF = 2;
const START_MS = 1_750_000_000_000;
const START_NS = BigInt(START_MS) * 1_000_000n;
const MINUTE_NS = 60_000_000_000n;
const ignore = (): void => {};

/** A gateway with everything around it faked at its ports; only the state machine behind the ledger is the real one. */
class World {
  readonly scheduler: Scheduler = new Scheduler();
  readonly keys: KeyRing = new KeyRing();
  readonly admin: Signer = this.keys.create("admin");
  readonly own: Signer = this.keys.create("node 2");
  readonly genesis: Genesis = {
    timestamp: START_NS,
    nodes: [1, 2, 3].map((id) => ({ id, publicKey: this.keys.create(`node ${id}`).publicKey })),
    adminKey: this.admin.publicKey,
  };
  readonly clusterId: Uint8Array = clusterIdOf(sha256, this.genesis);
  readonly state: StateMachine = new StateMachine({ genesis: this.genesis, sha256 });
  readonly fatal: FatalReport[] = [];
  readonly warned: string[] = [];
  /** What consensus and ledger were told. */
  readonly consensus: ConsensusMessage[] = [];
  readonly ledger: LedgerMessage[] = [];
  /** Whether the mailbox of consensus has room. */
  consensusTakes = true;
  /** Whether links to peers carry frames. */
  peersReachable = true;
  diskIsFull = false;
  /** Of the blocks that are applied. */
  release: number = FIRST_RELEASE;
  readonly toPeers: { readonly to: number; readonly frame: ForwardFrame }[] = [];
  readonly status: StatusBoard = new StatusBoard();
  signatures = 0;
  readonly gateway: ActorRef<GatewayMessage>;
  readonly #frames = new Map<number, NodeFrame[]>();
  readonly #closed = new Map<number, string>();
  #nextConnection = 1;

  constructor() {
    const clock = this.#clock();
    const log: Log = { debug: ignore, info: ignore, warn: (event) => this.warned.push(event), error: ignore };
    const onFatal = (report: FatalReport): void => void this.fatal.push(report);
    const system = new ActorSystem({ clock, log, onFatal });
    this.gateway = system.spawn<GatewayMessage>({
      ...{ name: "gateway", supervision: "stop_node" },
      create: (context) =>
        new GatewayActor(context, {
          ...{ node: SELF, clusterId: this.clusterId, crypto: this.#crypto(), random: new Prng(1), hostLog: log },
          hashes: new TransactionHashes(sha256),
          ...{ network: this.#network(), status: this.status },
          consensus: recorder("consensus", this.consensus, () => this.consensusTakes),
          ledger: recorder("ledger", this.ledger, () => true),
          sendPeer: (to, ...payload) => {
            if (this.peersReachable) this.toPeers.push({ to, frame: decodeForwardFrame(concatBytes(payload)) });
            return this.peersReachable;
          },
          isKnown: (publicKey) => this.state.readerOf(publicKey) !== undefined,
          diskIsFull: () => this.diskIsFull,
        }),
    });
  }

  #clock(): Clock {
    const { scheduler } = this;
    return {
      monotonicMs: () => scheduler.nowMs,
      wallMs: () => START_MS + scheduler.nowMs,
      setTimer: (delayMs, callback) => {
        scheduler.after(delayMs * 1_000, callback);
        return { cancel: ignore };
      },
      defer: (callback) => void scheduler.after(0, callback),
    };
  }

  #crypto(): Crypto {
    const later = (action: () => void): void => void this.scheduler.after(100, action);
    const sign = (message: Uint8Array): Uint8Array => {
      this.signatures += 1;
      return this.own.sign(message);
    };
    return virtualCrypto(this.keys, { publicKey: this.own.publicKey, sign }, later);
  }

  #network(): Network {
    return {
      start: ignore,
      setPeers: ignore,
      sendPeer: () => false,
      sendClient: (connection, frame) => {
        this.#frames.get(connection)?.push(decodeNodeFrame(frame));
        return true;
      },
      closeClient: (connection, reason) => void this.#closed.set(connection, reason),
    };
  }

  /** Runs what is due within a millisecond, or as many as are said: turns, and signature checks on their way. */
  run(ms = 1): void {
    const until = this.scheduler.nowUs + ms * 1_000;
    while (this.scheduler.step(until)) {
      // until nothing is left to do
    }
  }

  tell(message: GatewayMessage): void {
    this.gateway.deliver(message);
    this.run();
  }

  open(): number {
    const connection = this.#nextConnection++;
    this.#frames.set(connection, []);
    this.tell({ type: "clientOpened", connection });
    return connection;
  }

  send(connection: number, frame: ClientFrame | Uint8Array): void {
    const encoded = frame instanceof Uint8Array ? frame : encodeClientFrame(frame);
    this.tell({ type: "clientFrame", connection, frame: encoded });
  }

  /** What the connection has been sent since the last look. */
  take(connection: number): readonly NodeFrame[] {
    return this.#frames.get(connection)?.splice(0) ?? [];
  }

  closedBecause(connection: number): string | undefined {
    return this.#closed.get(connection);
  }

  hello(
    connection: number,
    change: { readonly node?: number; readonly nonce?: Uint8Array; readonly clusterId?: Uint8Array } = {},
    signer: Signer = this.admin,
  ): void {
    const challenge = this.take(connection).find((frame) => frame.type === "challenge");
    if (challenge?.type !== "challenge") throw new Error("the node did not challenge");
    const { clusterId, node, nonce } = { ...challenge, ...change };
    const { publicKey } = signer;
    const signature = signer.sign(helloDigest(sha256, { clusterId, node, nonce, publicKey }));
    this.send(connection, { type: "hello", clusterId, publicKey, signature });
  }

  /** A connection that has said hello. */
  connect(signer: Signer = this.admin): number {
    const connection = this.open();
    this.hello(connection, {}, signer);
    expect(this.take(connection)).toMatchObject([{ type: "welcome", node: SELF }]);
    return connection;
  }

  /** Adds the signature of a key that is nobody's. */
  cosign(transaction: Uint8Array): Uint8Array {
    return cosignTransaction(sha256, this.keys.create("stranger"), this.clusterId, transaction);
  }

  /** A transaction signed by the admin, or as said. */
  sign(
    command: Command,
    options: {
      readonly signer?: Signer;
      readonly clusterId?: Uint8Array;
      readonly session?: Uint8Array;
      readonly sequence?: number;
      readonly expiry?: bigint;
    } = {},
  ): Uint8Array {
    const { signer = this.admin, ...placement } = options;
    return signTransaction(
      sha256,
      signer,
      { clusterId: this.clusterId, session: SESSION, sequence: 1, expiry: START_NS + MINUTE_NS, ...placement },
      command,
    );
  }

  /** Submits and tells what came back at once. */
  submit(connection: number, transaction: Uint8Array, request = 1): readonly NodeFrame[] {
    this.send(connection, { type: "submit", request, transaction });
    return this.take(connection);
  }

  /** Answers the questions that the ledger has, and those that consensus would fix a height for, out of the state. */
  answerQuestions(): void {
    const reads = this.consensus.filter((message) => message.type === "read");
    const told = this.ledger.splice(0);
    for (const message of told) if (message.type === "admit") this.#admit(message);
    const asked: Question[] = told.flatMap((message) => (message.type === "question" ? [message.question] : []));
    for (const question of [...asked, ...reads.map(({ question: read }) => read)]) this.#answer(question);
    this.consensus.splice(0, this.consensus.length, ...this.consensus.filter((message) => message.type !== "read"));
    this.run();
  }

  #admit({ batch, transactions }: Extract<LedgerMessage, { readonly type: "admit" }>): void {
    const refusals = transactions.map(({ encoded }) => this.#refusalOf(encoded));
    this.gateway.deliver({ type: "admitted", batch, refusals });
  }

  #refusalOf(encoded: Uint8Array): AdmissionRefusal | undefined {
    const now = START_NS + BigInt(this.scheduler.nowUs) * 1_000n;
    return this.state.admission(decodeTransaction(encoded), leafHash(sha256, encoded), now);
  }

  #answer(question: Question): void {
    const { token } = question;
    if (question.kind === "query") {
      this.gateway.deliver({ type: "answer", token, answer: question.query });
      return;
    }
    const refusal = this.#refusalOf(question.transaction);
    this.gateway.deliver({ type: "admission", token, ...(refusal === undefined ? {} : { refusal }) });
  }

  /** Submits, lets the ledger judge twice if it must, and tells what came back. */
  submitAndJudge(connection: number, transaction: Uint8Array, request = 1): readonly NodeFrame[] {
    const first = this.submit(connection, transaction, request);
    this.answerQuestions();
    this.answerQuestions();
    return [...first, ...this.take(connection)];
  }

  /** What was proposed to this node's consensus. */
  get proposed(): readonly Uint8Array[] {
    return this.consensus.flatMap((message) => (message.type === "propose" ? message.transactions : []));
  }

  /** The block of these transactions is applied here, as early as it may be or at the time that is said. */
  apply(transactions: readonly Uint8Array[], at?: bigint): void {
    const { height, blockHash, at: state, timestamp: before } = this.state;
    const timestamp = at ?? earliestTimestamp(before, transactions.length);
    const links = {
      group: 0,
      release: this.release,
      height: height + 1,
      term: 1,
      timestamp,
      clusterId: this.clusterId,
      previousHash: blockHash,
      state,
    };
    const block = decodeBlock(
      sha256,
      encodeBlock(sha256, { ...links, configuration: THREE_VOTERS, transactions }).bytes,
    );
    this.tell({ type: "applied", applied: this.state.apply(block) });
  }
}

function recorder<M>(name: string, told: M[], takes: () => boolean): ActorRef<M> {
  const tell = (message: M): boolean => {
    if (takes()) told.push(message);
    return takes();
  };
  return { name, tell, deliver: (message) => void told.push(message) };
}

const SESSION = new Uint8Array(16).fill(7);
const BLOCK_PAYER: Command = { kind: "blockPayer", body: { payer: 7n, blocked: true } };
const OPEN: Command = { kind: "sessionOpen" };
const code = (frames: readonly NodeFrame[]): readonly string[] =>
  frames.map((frame) => (frame.type === "error" ? `${frame.request} ${frame.code}` : frame.type));

/** A world in which this node leads and the admin's session is open. */
function leading(): World {
  const world = new World();
  world.tell({ type: "leader", leader: SELF });
  world.apply([world.sign(OPEN, { sequence: 0 })]);
  return world;
}

describe("greeting", () => {
  test("a client is challenged with a nonce of its own, and welcomed when it has proven its key", () => {
    const world = new World();
    const [first, second] = [world.open(), world.open()];
    const nonces = [first, second].flatMap((connection) =>
      world.take(connection).map((frame) => {
        expect(frame).toMatchObject({ type: "challenge", node: SELF, clusterId: world.clusterId });
        return frame.type === "challenge" ? Buffer.from(frame.nonce).toString("hex") : "";
      }),
    );
    expect(new Set(nonces).size).toBe(2);
    const connection = world.open();
    world.hello(connection);
    const [welcome] = world.take(connection);
    expect(welcome).toMatchObject({ type: "welcome", node: SELF });
    const logTime = welcome?.type === "welcome" ? welcome.logTime : 0n;
    expect(logTime >= START_NS && logTime < START_NS + 10_000_000_000n).toBe(true);
  });

  test("log time ahead of the node's clock is what a client is told", () => {
    const world = new World();
    world.apply([], START_NS + MINUTE_NS);
    const connection = world.open();
    world.hello(connection);
    expect(world.take(connection)).toMatchObject([{ type: "welcome", logTime: START_NS + MINUTE_NS }]);
  });

  test.each([
    ["foreign_cluster", "another cluster", { clusterId: new Uint8Array(16) }],
    ["bad_signature", "another node", { node: 3 }],
    ["bad_signature", "another connection", { nonce: new Uint8Array(32) }],
  ])("%s: a hello for %s is answered, and the connection closed", (expected, _name, change) => {
    const world = new World();
    const [other, connection] = [world.connect(), world.open()];
    world.hello(connection, change);
    expect(code(world.take(connection))).toEqual([`0 ${expected}`]);
    expect(world.closedBecause(connection)).toBe(expected);
    world.send(connection, { type: "query", request: 1, consistency: "local", query: pack({ type: "status" }) });
    expect(world.take(connection)).toEqual([]);
    expect(world.closedBecause(other)).toBeUndefined();
  });

  test("a request before the hello is refused; the connection may still say hello", () => {
    const world = new World();
    const connection = world.open();
    const query = { type: "query", request: 9, consistency: "local", query: pack({ type: "status" }) } as const;
    const [challenge] = world.take(connection);
    world.send(connection, query);
    world.send(connection, { type: "submit", request: 10, transaction: world.sign(BLOCK_PAYER) });
    expect(code(world.take(connection))).toEqual(["9 not_authenticated", "10 not_authenticated"]);
    expect([world.ledger, world.consensus]).toEqual([[], []]);
    const { nonce } = challenge?.type === "challenge" ? challenge : { nonce: new Uint8Array(0) };
    const { publicKey } = world.admin;
    const signature = world.admin.sign(
      helloDigest(sha256, { clusterId: world.clusterId, node: SELF, nonce, publicKey }),
    );
    world.send(connection, { type: "hello", clusterId: world.clusterId, publicKey, signature });
    world.send(connection, query);
    world.answerQuestions();
    expect(world.take(connection).map(({ type }) => type)).toEqual(["welcome", "answer"]);
  });

  test("too many requests before the hello end the connection, as too many malformed frames do", () => {
    const world = new World();
    const connection = world.open();
    const query = { type: "query", request: 9, consistency: "local", query: pack({ type: "status" }) } as const;
    for (let i = 0; i < 15; i++) world.send(connection, query);
    expect(world.closedBecause(connection)).toBeUndefined();
    world.send(connection, query);
    expect(world.closedBecause(connection)).toBe("malformed_frames");
  });

  test("hello is said once", () => {
    const world = new World();
    const connection = world.connect();
    const { publicKey } = world.admin;
    world.send(connection, { type: "hello", clusterId: world.clusterId, publicKey, signature: new Uint8Array(64) });
    expect(code(world.take(connection))).toEqual(["0 malformed_frame"]);
    expect(world.closedBecause(connection)).toBeUndefined();
  });

  test("whoever has not said hello in ten seconds is closed, and nobody else", () => {
    const world = new World();
    const [silent, noisy, honest, gone] = [world.open(), world.open(), world.connect(), world.open()];
    world.send(noisy, new Uint8Array([0xc1]));
    world.tell({ type: "clientClosed", connection: gone });
    world.run(9_000);
    expect([silent, noisy].map((connection) => world.closedBecause(connection))).toEqual([undefined, undefined]);
    world.run(1_500);
    for (const connection of [silent, noisy]) {
      expect(code(world.take(connection)).at(-1)).toBe("0 not_authenticated");
      expect(world.closedBecause(connection)).toBe("not_authenticated");
    }
    expect([honest, gone].map((connection) => world.closedBecause(connection))).toEqual([undefined, undefined]);
  });

  test("the connection after the last that fits is closed, until another goes", () => {
    const world = new World();
    const connections = Array.from({ length: CLIENT_CONNECTIONS_MAX }, () => world.open());
    const refused = world.open();
    expect([world.closedBecause(refused), world.take(refused)]).toEqual(["too_many_connections", []]);
    world.tell({ type: "clientClosed", connection: connections[0] as number });
    expect(world.take(world.open())).toMatchObject([{ type: "challenge" }]);
  });
});

describe("bad frames", () => {
  test("each is answered; the sixteenth closes the connection, and no other", () => {
    const world = new World();
    const [connection, other] = [world.connect(), world.connect()];
    for (let i = 1; i <= 16; i++) {
      expect(world.closedBecause(connection)).toBeUndefined();
      world.send(connection, i % 2 === 0 ? new Uint8Array([0xc1]) : pack([99, i]));
      expect(code(world.take(connection))).toEqual([i % 2 === 0 ? "0 malformed_msgpack" : "0 malformed_frame"]);
    }
    expect(world.closedBecause(connection)).toBe("malformed_frames");
    expect(world.closedBecause(other)).toBeUndefined();
  });

  test("whatever the bytes, a client gets a typed error or what it asked for, and nothing reaches the log", () => {
    const world = leading();
    const frames = [
      encodeClientFrame({ type: "submit", request: 3, transaction: world.sign(BLOCK_PAYER) }),
      encodeClientFrame({ type: "query", request: 4, consistency: "local", query: pack({ type: "status" }) }),
    ];
    const bent = fc
      .tuple(fc.constantFrom(...frames), fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat(3))
      .map(([frame, at, change, cut]) => {
        const copy = frame.slice(0, frame.length - cut);
        copy[at % copy.length] = (copy[at % copy.length] as number) ^ change;
        return copy;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), bent), (bytes) => {
        const connection = world.connect();
        world.send(connection, bytes);
        world.answerQuestions();
        world.answerQuestions();
        const answers = world.take(connection);
        const [answer] = answers;
        expect(answers.length).toBeLessThanOrEqual(1);
        if (answer?.type === "error") expect(answer.code).toMatch(/^[a-z_]+$/);
        else if (answer !== undefined) expect(answer.type).toBe("answer");
        // Bits of the request number may change: then the transaction is in order, and waits.
        for (const transaction of world.proposed) expect(transaction).toEqual(world.sign(BLOCK_PAYER));
        expect(world.fatal).toEqual([]);
        world.tell({ type: "clientClosed", connection });
      }),
      { numRuns: 300 },
    );
  });

  test("a frame of a connection that is gone is nobody's", () => {
    const world = new World();
    const connection = world.connect();
    world.tell({ type: "clientClosed", connection });
    world.send(connection, { type: "query", request: 1, consistency: "local", query: pack({ type: "status" }) });
    expect([world.take(connection), world.fatal]).toEqual([[], []]);
  });
});

const batch = (bytes: number): Command => ({ kind: "createTransfers", batch: new Uint8Array(bytes) });

describe("what a transaction must be before anybody is asked", () => {
  const cases: readonly [string, string, (world: World) => Uint8Array][] = [
    ["malformed_msgpack", "no MessagePack", () => new Uint8Array([0xc1])],
    ["malformed_msgpack", "cut in the middle", (world) => world.sign(BLOCK_PAYER).subarray(0, 100)],
    ["malformed_transaction", "no envelope", () => pack(["x"])],
    ["malformed_transaction", "too large", () => new Uint8Array(TRANSACTION_BYTES_MAX + 1)],
    ["malformed_transaction", "a batch beyond all bounds", (world) => world.sign(batch(TRANSACTION_BYTES_MAX))],
    ["unknown_kind", "a kind that is none", (world) => changed(world.sign(BLOCK_PAYER), { kind: 999 })],
    [
      "malformed_body",
      "an unknown key",
      (world) => changed(world.sign(BLOCK_PAYER), { body: pack({ payer: u128Bytes(7n), blocked: true, x: 1 }) }),
    ],
    ["malformed_body", "a missing key", (world) => changed(world.sign(BLOCK_PAYER), { body: pack({ blocked: true }) })],
    [
      "malformed_msgpack",
      "a body that is none",
      (world) => changed(world.sign(BLOCK_PAYER), { body: new Uint8Array([0xc1]) }),
    ],
    ["batch_empty", "an empty batch", (world) => world.sign(batch(0))],
    ["batch_misaligned", "a record that is cut", (world) => world.sign(batch(127))],
    [
      "batch_misaligned",
      "a batch cut in the middle",
      (world) => changed(world.sign(batch(256)), { body: new Uint8Array(200) }),
    ],
    ["batch_too_long", "a record too many", (world) => world.sign(batch((BATCH_RECORDS_MAX + 1) * 128))],
    ["invalid_command", "an opening with a number", (world) => world.sign(OPEN, { sequence: 4 })],
    ["invalid_command", "a command under number 0", (world) => world.sign(BLOCK_PAYER, { sequence: 0 })],
    [
      "bad_signature",
      "a batch cut at a record",
      (world) => changed(world.sign(batch(256)), { body: new Uint8Array(128) }),
    ],
    [
      "bad_signature",
      "signed for another cluster",
      (world) => world.sign(BLOCK_PAYER, { clusterId: new Uint8Array(16) }),
    ],
    [
      "bad_signature",
      "another session than was signed",
      (world) => changed(world.sign(BLOCK_PAYER), { session: new Uint8Array(16) }),
    ],
    [
      "bad_signature",
      "a co-signature that is none",
      (world) => changed(world.sign(BLOCK_PAYER), { cosignatures: [NO_SIGNATURE] }),
    ],
    [
      "bad_signature",
      "one that is none beside a good one",
      (world) => {
        const { cosignatures } = decodeTransaction(world.cosign(world.sign(BLOCK_PAYER)));
        return changed(world.sign(BLOCK_PAYER), { cosignatures: [NO_SIGNATURE, ...cosignatures] });
      },
    ],
    [
      "bad_signature",
      "a co-signature of another transaction",
      (world) => {
        const { cosignatures } = decodeTransaction(world.cosign(world.sign(BLOCK_PAYER, { sequence: 2 })));
        return changed(world.sign(BLOCK_PAYER), { cosignatures });
      },
    ],
    ["bad_signature", "another number than was signed", (world) => changed(world.sign(BLOCK_PAYER), { sequence: 2 })],
    [
      "bad_signature",
      "another expiry than was signed",
      (world) => changed(world.sign(BLOCK_PAYER), { expiry: START_NS }),
    ],
    [
      "bad_signature",
      "another kind than was signed",
      (world) => changed(world.sign({ kind: "capturePayment", body: { id: 7n } }), { kind: 23 }),
    ],
    [
      "bad_signature",
      "another key than has signed",
      (world) => changed(world.sign(BLOCK_PAYER), { publicKey: new Uint8Array(32) }),
    ],
    ["bad_signature", "no signature", (world) => changed(world.sign(BLOCK_PAYER), { signature: new Uint8Array(64) })],
  ];

  test.each(cases)("%s: %s", (expected, _name, make) => {
    const world = leading();
    const connection = world.connect();
    expect(code(world.submit(connection, make(world), 5))).toEqual([`5 ${expected}`]);
    expect([world.ledger, world.consensus, world.toPeers]).toEqual([[], [], []]);
    expect(world.closedBecause(connection)).toBeUndefined();
    expect(code(world.submitAndJudge(connection, world.sign(BLOCK_PAYER), 6))).toEqual([]);
    expect(world.proposed).toHaveLength(1);
  });
});

function changed(encoded: Uint8Array, change: Partial<ReturnType<typeof decodeTransaction>>): Uint8Array {
  return encodeTransaction({ ...decodeTransaction(encoded), ...change });
}

/** Sorts before all others. */
const NO_SIGNATURE = { publicKey: new Uint8Array(32), signature: new Uint8Array(64) };

const stranger = (world: World): Signer => world.keys.create("stranger");

describe("what the state must say", () => {
  const cases: readonly [string, string, (world: World) => Uint8Array][] = [
    ["unknown_cosigner", "a co-signer of no authority", (world) => world.cosign(world.sign(BLOCK_PAYER))],
    ["unknown_key", "a key that no authority has", (world) => world.sign(BLOCK_PAYER, { signer: stranger(world) })],
    [
      "session_unknown",
      "a session that was never opened",
      (world) => world.sign(BLOCK_PAYER, { session: new Uint8Array(16) }),
    ],
    ["expired", "log time has passed the expiry", (world) => world.sign(BLOCK_PAYER, { expiry: START_NS })],
    [
      "expiry_too_far",
      "an expiry in an hour",
      (world) => world.sign(BLOCK_PAYER, { expiry: START_NS + 6n * TRANSACTION_LIFETIME_MAX_NS }),
    ],
    ["sequence_too_new", "a number far ahead", (world) => world.sign(BLOCK_PAYER, { sequence: 5_000 })],
  ];

  test.each(cases)("%s: %s", (expected, _name, make) => {
    const world = leading();
    const connection = world.connect();
    expect(code(world.submitAndJudge(connection, make(world), 5))).toEqual([`5 ${expected}`]);
    expect(world.proposed).toEqual([]);
    expect(code(world.submitAndJudge(connection, world.sign(BLOCK_PAYER), 6))).toEqual([]);
    expect(world.proposed).toHaveLength(1);
  });

  test("a replay of other bytes under a used number is refused; the same bytes again get their answer again", () => {
    const world = leading();
    const connection = world.connect();
    const transaction = world.sign(BLOCK_PAYER);
    world.submitAndJudge(connection, transaction, 1);
    world.apply([transaction]);
    const [first] = world.take(connection);
    const other = world.sign({ kind: "blockPayer", body: { payer: 8n, blocked: true } });
    expect(code(world.submitAndJudge(connection, other, 2))).toEqual(["2 sequence_reused"]);
    expect(code(world.submitAndJudge(connection, transaction, 3))).toEqual([]);
    world.apply([transaction]);
    const [again] = world.take(connection);
    expect([first, again]).toMatchObject([
      { type: "receipt", request: 1 },
      { type: "receipt", request: 3 },
    ]);
    const results = [first, again].map((frame) =>
      frame?.type === "receipt" ? decodeReceipt(frame.receipt).result : null,
    );
    expect(results[0]).toEqual(results[1]);
  });

  test("a refusal by a state that may lag is confirmed by a read before the client hears it", () => {
    const world = leading();
    const connection = world.connect();
    const transaction = world.sign(BLOCK_PAYER, { session: new Uint8Array(16).fill(1) });
    expect(world.submit(connection, transaction)).toEqual([]);
    expect(world.ledger).toMatchObject([{ type: "admit", transactions: [{ encoded: transaction }] }]);
    world.answerQuestions();
    expect(world.take(connection)).toEqual([]);
    expect(world.consensus).toMatchObject([{ type: "read", question: { kind: "admission", transaction } }]);
    world.apply([world.sign(OPEN, { session: new Uint8Array(16).fill(1), sequence: 0 })]);
    world.answerQuestions();
    expect(world.take(connection)).toEqual([]);
    expect(world.proposed).toEqual([transaction]);
  });

  test("a voter is demoted by a cluster whose release knows that, and by no other; whoever lags asks", () => {
    const world = leading();
    const connection = world.connect();
    world.apply([world.sign(OPEN, { sequence: 0 })]);
    const body = { add: [], remove: [], promote: [], demote: [3] };
    const transaction = world.sign({ kind: "changeMembers", body });
    world.submit(connection, transaction, 4);
    world.answerQuestions();
    world.answerQuestions();
    expect(code(world.take(connection))).toEqual(["4 malformed_body"]);
    world.submit(connection, transaction, 5);
    world.answerQuestions();
    expect(world.consensus).toMatchObject([{ type: "read", question: { kind: "admission", transaction } }]);
    world.release = DEMOTING_RELEASE;
    world.apply([]);
    world.answerQuestions();
    expect([world.take(connection), world.proposed]).toEqual([[], [transaction]]);
  });

  test("when the read itself is refused, the client may ask again", () => {
    const world = leading();
    const connection = world.connect();
    world.submit(connection, world.sign(BLOCK_PAYER, { session: new Uint8Array(16) }), 4);
    world.answerQuestions();
    const [read] = world.consensus;
    const token = read?.type === "read" ? read.question.token : 0;
    world.tell({ type: "questionRefused", token, code: "no_leader" });
    expect(code(world.take(connection))).toEqual(["4 no_leader"]);
  });
});

const query = (request: number): ClientFrame => ({ type: "query", request, consistency: "local", query: pack({}) });

describe("bounds", () => {
  test("requests beyond those a connection may have open are refused, until one is answered", () => {
    const world = leading();
    const [connection, other] = [world.connect(), world.connect()];
    for (let request = 1; request <= CLIENT_REQUESTS_IN_FLIGHT_MAX; request++) world.send(connection, query(request));
    expect(world.take(connection)).toEqual([]);
    world.send(connection, query(5_000));
    expect(code(world.take(connection))).toEqual(["5000 busy"]);
    world.send(other, query(1));
    expect(world.take(other)).toEqual([]);
    world.answerQuestions();
    expect(world.take(connection)).toHaveLength(CLIENT_REQUESTS_IN_FLIGHT_MAX);
    world.send(connection, query(5_001));
    expect(world.take(connection)).toEqual([]);
  });

  test("every way a request can end gives its place back", () => {
    const world = leading();
    const connection = world.connect();
    for (let request = 1; request < CLIENT_REQUESTS_IN_FLIGHT_MAX; request++) {
      world.send(connection, { type: "query", request, consistency: "local", query: pack({}) });
    }
    world.ledger.splice(0); // they are never answered: one place is left
    const good = world.sign(BLOCK_PAYER);
    const ask = (text: Uint8Array): void => {
      world.send(connection, { type: "query", request: 1, consistency: "local", query: text });
      world.answerQuestions();
    };
    const submit = (transaction: Uint8Array, then: () => void = ignore): readonly NodeFrame[] => {
      const answers = world.submitAndJudge(connection, transaction);
      then();
      return [...answers, ...world.take(connection)];
    };
    const unsigned = changed(good, { signature: new Uint8Array(64) });
    const elsewhere = world.sign(BLOCK_PAYER, { session: new Uint8Array(16) });
    const asked = (question: () => void) => (): readonly NodeFrame[] => {
      question();
      return world.take(connection);
    };
    const ends: readonly (readonly [string, () => readonly NodeFrame[]])[] = [
      ["answer", asked(() => ask(pack({})))],
      ["1 malformed_msgpack", () => submit(new Uint8Array([0xc1]))],
      ["1 bad_signature", () => submit(unsigned)],
      ["1 session_unknown", () => submit(elsewhere)],
      ["receipt", () => submit(good, () => world.apply([good]))],
      ["1 busy", () => submit(good, () => world.tell({ type: "refused", transactions: [good], code: "busy" }))],
      ["1 not_leader", () => submit(good, () => world.tell({ type: "leader", leader: 3 }))],
      ["1 no_leader", () => submit(good, () => world.tell({ type: "leader", leader: SELF }))],
    ];
    for (const [expected, end] of [...ends, ...ends]) {
      if (expected === "1 no_leader") world.tell({ type: "leader", leader: 0 });
      expect(code(end())).toEqual([expected]);
    }
  });

  test("questions beyond what a ledger may owe are refused with busy; the node goes on", () => {
    const world = leading();
    const connections = Array.from({ length: QUESTIONS_OPEN_MAX / CLIENT_REQUESTS_IN_FLIGHT_MAX }, () =>
      world.connect(),
    );
    for (const connection of connections) {
      for (let request = 1; request <= CLIENT_REQUESTS_IN_FLIGHT_MAX; request++) {
        const frame = encodeClientFrame({ type: "query", request, consistency: "linearizable", query: pack({}) });
        world.gateway.deliver({ type: "clientFrame", connection, frame });
      }
      world.run();
    }
    expect(world.consensus).toHaveLength(QUESTIONS_OPEN_MAX);
    const late = world.connect();
    world.send(late, { type: "query", request: 1, consistency: "local", query: pack({}) });
    expect(code(world.take(late))).toEqual(["1 busy"]);
    expect(code(world.submit(late, world.sign(BLOCK_PAYER), 2))).toEqual(["2 busy"]);
    world.answerQuestions();
    expect(code(world.submitAndJudge(late, world.sign(BLOCK_PAYER), 3))).toEqual([]);
    expect([world.proposed.length, world.fatal]).toEqual([1, []]);
  });
});

describe("strangers", () => {
  function asks(world: World, connection: number, count = 1): readonly string[] {
    for (let request = 1; request <= count; request++) {
      const frame = encodeClientFrame({ type: "query", request, consistency: "linearizable", query: pack({}) });
      world.gateway.deliver({ type: "clientFrame", connection, frame });
    }
    world.run();
    return code(world.take(connection));
  }

  test("have few of the places together, and leave the others to those who are known", () => {
    const world = leading();
    const [one, two] = [world.keys.create("one"), world.keys.create("two")];
    const connections = [world.connect(one), world.connect(two)] as const;
    expect(asks(world, connections[0], STRANGERS_QUESTIONS_MAX / 2)).toEqual([]);
    expect(asks(world, connections[1], STRANGERS_QUESTIONS_MAX / 2)).toEqual([]);
    expect(asks(world, connections[1])).toEqual(["1 busy"]);
    expect(asks(world, world.connect())).toEqual([]);
    world.tell({ type: "clientClosed", connection: connections[0] });
    expect(asks(world, connections[1], STRANGERS_QUESTIONS_MAX / 2)).toEqual([]);
    expect(asks(world, connections[1])).toEqual(["1 busy"]);
    const unknown = world.sign(BLOCK_PAYER, { signer: one });
    expect(code(world.submitAndJudge(world.connect(one), unknown))).toEqual(["1 busy"]);
    world.take(connections[1]);
    expect(asks(world, connections[1])).toEqual([]);
  });

  test("may be known to a state that is not as far behind: they are asked about as all others are", () => {
    const world = leading();
    const connection = world.connect(world.keys.create("new"));
    expect(asks(world, connection)).toEqual([]);
    expect(world.consensus).toMatchObject([{ type: "read", consistency: "linearizable" }]);
  });
});

describe("the way to the leader", () => {
  test("this node leads: its own consensus orders, or is too busy", () => {
    const world = leading();
    const connection = world.connect();
    const transaction = world.sign(BLOCK_PAYER);
    expect(world.submitAndJudge(connection, transaction)).toEqual([]);
    expect(world.proposed).toEqual([transaction]);
    world.consensusTakes = false;
    expect(code(world.submitAndJudge(connection, transaction, 2))).toEqual(["1 busy", "2 busy"]);
    expect(world.toPeers).toEqual([]);
  });

  test("this node leads and its disk is full: nothing new goes to consensus, and the first does that comes when there is room", () => {
    const world = leading();
    const connection = world.connect();
    world.diskIsFull = true;
    const transaction = world.sign(BLOCK_PAYER);
    expect(code(world.submitAndJudge(connection, transaction, 1))).toEqual(["1 disk_full"]);
    world.tell({ type: "submitOwn", transaction: world.sign(BLOCK_PAYER, { sequence: 2 }) });
    expect(world.proposed).toEqual([]);
    expect(world.status.read()["gateway"]).toMatchObject({ transactionsWaiting: 0, refusals: 1 });
    world.diskIsFull = false;
    expect(world.submitAndJudge(connection, transaction, 2)).toEqual([]);
    expect(world.proposed).toEqual([transaction]);
  });

  test("what went to consensus before the disk was full is refused to nobody, and whoever asks again waits for it", () => {
    const world = leading();
    const [one, two] = [world.connect(), world.connect()];
    const transaction = world.sign(BLOCK_PAYER);
    world.submitAndJudge(one, transaction, 1);
    world.diskIsFull = true;
    expect(world.submitAndJudge(two, transaction, 1)).toEqual([]);
    expect(code(world.submitAndJudge(two, world.sign(BLOCK_PAYER, { sequence: 2 }), 2))).toEqual(["2 disk_full"]);
    expect([world.take(one), world.proposed]).toEqual([[], [transaction]]);
    world.apply([transaction]);
    expect([one, two].map((connection) => world.take(connection).map(({ type }) => type))).toEqual([
      ["receipt"],
      ["receipt"],
    ]);
  });

  test("another leads: the transaction goes there as it is, though this node's disk is full", () => {
    const world = leading();
    world.tell({ type: "leader", leader: 3 });
    const connection = world.connect();
    world.diskIsFull = true;
    const transaction = world.sign(BLOCK_PAYER);
    expect(world.submitAndJudge(connection, transaction)).toEqual([]);
    expect(world.toPeers).toEqual([{ to: 3, frame: { type: "submit", transactions: [transaction] } }]);
    expect(world.proposed).toEqual([]);
  });

  test("nobody leads, or the leader cannot be reached: the client is told at once", () => {
    const world = leading();
    const connection = world.connect();
    world.tell({ type: "leader", leader: 3 });
    world.peersReachable = false;
    expect(code(world.submitAndJudge(connection, world.sign(BLOCK_PAYER)))).toEqual(["1 no_leader"]);
    world.tell({ type: "leader", leader: 0 });
    expect(code(world.submitAndJudge(connection, world.sign(BLOCK_PAYER), 2))).toEqual(["2 no_leader"]);
  });

  test("a new leader: whoever waits is told to ask again; the same one back, or none, changes nothing", () => {
    const world = leading();
    const connection = world.connect();
    world.submitAndJudge(connection, world.sign(BLOCK_PAYER), 1);
    world.tell({ type: "leader", leader: 0 });
    world.tell({ type: "leader", leader: SELF });
    expect(world.take(connection)).toEqual([]);
    world.tell({ type: "leader", leader: 1 });
    expect(code(world.take(connection))).toEqual(["1 not_leader"]);
  });

  test("what consensus or the leader refuses, the waiting clients hear, and only they", () => {
    const world = leading();
    world.tell({ type: "leader", leader: 3 });
    const [one, two, other] = [world.connect(), world.connect(), world.connect()];
    const transaction = world.sign(BLOCK_PAYER);
    world.submitAndJudge(one, transaction, 1);
    world.submitAndJudge(two, transaction, 2);
    world.submitAndJudge(other, world.sign(BLOCK_PAYER, { sequence: 2 }), 3);
    const refused = forwardFrame({ type: "refused", hash: leafHash(sha256, transaction), code: "busy" });
    world.tell({ type: "peerFrame", from: 3, payload: refused });
    expect([one, two, other].map((connection) => code(world.take(connection)))).toEqual([["1 busy"], ["2 busy"], []]);
    world.tell({ type: "peerFrame", from: 3, payload: refused });
    expect([one, two, other].map((connection) => world.take(connection))).toEqual([[], [], []]);
  });

  test("what is admitted in one turn goes to the leader together", () => {
    const world = leading();
    const connection = world.connect();
    const transactions = [1, 2, 3].map((sequence) => world.sign(BLOCK_PAYER, { sequence }));
    const submitAll = (from: number): void => {
      transactions.forEach((transaction, index) => {
        const frame = encodeClientFrame({ type: "submit", request: from + index, transaction });
        world.gateway.deliver({ type: "clientFrame", connection, frame });
      });
      world.run();
      world.answerQuestions();
    };
    submitAll(1);
    expect(world.consensus).toEqual([{ type: "propose", transactions }]);
    world.tell({ type: "leader", leader: 3 });
    submitAll(4);
    expect(world.toPeers).toEqual([{ to: 3, frame: { type: "submit", transactions } }]);
  });

  test("the node's own transactions go the same way, and nobody waits for them", () => {
    const world = leading();
    const transaction = world.sign(BLOCK_PAYER);
    world.tell({ type: "submitOwn", transaction });
    world.tell({ type: "leader", leader: 3 });
    world.tell({ type: "submitOwn", transaction });
    expect([world.proposed, world.toPeers.length]).toEqual([[transaction], 1]);
    world.apply([transaction]);
    expect(world.signatures).toBe(0);
  });
});

function forwardFrame(frame: ForwardFrame): Uint8Array {
  return concatBytes(encodeForwardFrame(frame));
}

const submit = (world: World, ...transactions: readonly Uint8Array[]): void =>
  world.tell({ type: "peerFrame", from: 3, payload: forwardFrame({ type: "submit", transactions }) });

const refusal = (transaction: Uint8Array, why: "busy" | "disk_full" | "not_leader") => ({
  ...{ to: 3, frame: { type: "refused", hash: leafHash(sha256, transaction), code: why } },
});

describe("what other nodes hand on", () => {
  test("is proposed by the leader, without another look at the signature", () => {
    const world = leading();
    const transaction = changed(world.sign(BLOCK_PAYER), { signature: new Uint8Array(64) });
    submit(world, transaction);
    expect([world.proposed, world.ledger, world.toPeers]).toEqual([[transaction], [], []]);
  });

  test("is proposed together when it comes together, but for what makes no sense", () => {
    const world = leading();
    const [one, two] = [world.sign(BLOCK_PAYER), world.sign(BLOCK_PAYER, { sequence: 2 })];
    submit(world, one, new Uint8Array([1]), two);
    expect(world.consensus).toEqual([{ type: "propose", transactions: [one, two] }]);
    expect(world.warned).toEqual(["gateway.malformed_forward"]);
  });

  test("is refused with not_leader by a node that does not lead", () => {
    const world = leading();
    const transaction = world.sign(BLOCK_PAYER);
    for (const leader of [1, 0]) {
      world.tell({ type: "leader", leader });
      submit(world, transaction);
      expect(world.toPeers.splice(0)).toEqual([refusal(transaction, "not_leader")]);
    }
    expect(world.proposed).toEqual([]);
  });

  test("is refused with busy when consensus has no room, at once or later", () => {
    const world = leading();
    const transaction = world.sign(BLOCK_PAYER);
    world.consensusTakes = false;
    submit(world, transaction);
    expect(world.toPeers.splice(0)).toEqual([refusal(transaction, "busy")]);
    world.consensusTakes = true;
    submit(world, transaction);
    expect(world.toPeers).toEqual([]);
    world.tell({ type: "refused", transactions: [transaction], code: "busy" });
    expect(world.toPeers.splice(0)).toEqual([refusal(transaction, "busy")]);
  });

  test("is refused with disk_full by a leader that has no room for it, and only what is new", () => {
    const world = leading();
    const [before, after] = [world.sign(BLOCK_PAYER), world.sign(BLOCK_PAYER, { sequence: 2 })];
    submit(world, before);
    world.diskIsFull = true;
    submit(world, before, after);
    expect(world.toPeers).toEqual([refusal(after, "disk_full")]);
    expect(world.proposed).toEqual([before]);
  });

  test("is told once to a node that has handed it on again and again, and to each other node", () => {
    const world = leading();
    const transaction = world.sign(BLOCK_PAYER);
    submit(world, transaction);
    world.diskIsFull = true;
    for (let again = 0; again < 5; again++) submit(world, transaction);
    const payload = forwardFrame({ type: "submit", transactions: [transaction] });
    world.tell({ type: "peerFrame", from: 1, payload });
    expect(world.toPeers).toEqual([]);
    world.tell({ type: "leader", leader: 1 });
    const { frame } = refusal(transaction, "not_leader");
    expect(world.toPeers).toEqual([
      { to: 3, frame },
      { to: 1, frame },
    ]);
  });

  test("is over once its block is applied, or another leads", () => {
    const world = leading();
    const transaction = world.sign(BLOCK_PAYER);
    submit(world, transaction);
    world.apply([transaction]);
    world.tell({ type: "refused", transactions: [transaction], code: "busy" });
    expect(world.toPeers).toEqual([]);
    submit(world, transaction);
    world.tell({ type: "leader", leader: 1 });
    expect(world.toPeers.splice(0)).toEqual([refusal(transaction, "not_leader")]);
    world.tell({ type: "refused", transactions: [transaction], code: "busy" });
    expect(world.toPeers).toEqual([]);
    expect(world.status.read()["gateway"]).toMatchObject({ transactionsWaiting: 0 });
  });

  test("goes nowhere when it makes no sense, is counted, and is logged without filling the log", () => {
    const world = leading();
    const payloads = [
      new Uint8Array(0),
      new Uint8Array([0xdd, 255, 255, 255, 255]),
      pack([7, new Uint8Array(3)]),
      forwardFrame({ type: "submit", transactions: [new Uint8Array([1])] }),
      forwardFrame({
        type: "submit",
        transactions: [world.sign({ kind: "createTransfers", batch: new Uint8Array(127) })],
      }),
    ];
    for (const payload of payloads) world.tell({ type: "peerFrame", from: 3, payload });
    expect(world.status.read()["gateway"]).toMatchObject({ framesRefused: 5 });
    expect(world.warned).toEqual(Array.from({ length: 3 }, () => "gateway.malformed_forward"));
    expect([world.proposed, world.toPeers, world.fatal]).toEqual([[], [], []]);
  });
});

describe("receipts", () => {
  test("whoever waits for a transaction gets its receipt, which proves it; the node signs once a block", () => {
    const world = leading();
    const [one, two] = [world.connect(), world.connect()];
    const transactions = [1, 2, 3].map((sequence) => world.sign(BLOCK_PAYER, { sequence }));
    for (const [index, transaction] of transactions.entries()) world.submitAndJudge(one, transaction, index + 10);
    world.submitAndJudge(two, transactions[1] as Uint8Array, 20);
    world.apply(transactions);
    expect(world.signatures).toBe(1);
    const trust = {
      ...{ clusterId: world.clusterId, nodeKeys: world.genesis.nodes.map(({ publicKey }) => publicKey), sha256 },
      verify: world.keys.verify.bind(world.keys),
    };
    const frames = [...world.take(one), ...world.take(two)];
    expect(frames.map((frame) => ("request" in frame ? frame.request : 0))).toEqual([10, 11, 12, 20]);
    frames.forEach((frame, index) => {
      const receipt = decodeReceipt(frame.type === "receipt" ? frame.receipt : new Uint8Array(0));
      const transaction = transactions[[0, 1, 2, 1][index] as number];
      expect(verifyReceipt(receipt, trust, transaction)).toMatchObject({
        valid: true,
        height: 2,
        digest: world.state.digest,
      });
      expect(decodeResult(receipt.result)["status"]).toBe("ok");
    });
  });

  test("a block that nobody waits for is not signed; who is gone gets nothing", () => {
    const world = leading();
    const connection = world.connect();
    world.submitAndJudge(connection, world.sign(BLOCK_PAYER));
    world.tell({ type: "clientClosed", connection });
    world.apply([world.sign(BLOCK_PAYER)]);
    expect([world.signatures, world.take(connection)]).toEqual([0, []]);
  });

  test("come out of this node's own state, whoever ordered the transaction", () => {
    const world = leading();
    world.tell({ type: "leader", leader: 3 });
    const connection = world.connect();
    world.submitAndJudge(connection, world.sign(BLOCK_PAYER), 8);
    world.apply([world.sign(BLOCK_PAYER)]);
    expect(world.take(connection)).toMatchObject([{ type: "receipt", request: 8 }]);
  });
});

describe("queries", () => {
  test("a local one goes to the ledger, a linearizable one through consensus; answers find their askers in any order", () => {
    const world = leading();
    const [one, two] = [world.connect(), world.connect()];
    const [first, second] = [pack({ type: "summary" }), pack({ type: "risk" })];
    world.send(one, { type: "query", request: 5, consistency: "local", query: first });
    world.send(two, { type: "query", request: 5, consistency: "linearizable", query: second });
    const { publicKey } = world.admin;
    const local = world.ledger.map((message) => (message.type === "question" ? message : undefined));
    expect(local).toMatchObject([{ height: 0, question: { kind: "query", query: first, publicKey } }]);
    expect(world.consensus).toMatchObject([{ type: "read", question: { kind: "query", query: second, publicKey } }]);
    const read = world.consensus[0]?.type === "read" ? world.consensus[0].question.token : 0;
    world.tell({ type: "answer", token: read, answer: new Uint8Array([2]) });
    world.tell({ type: "answerRefused", token: local[0]?.question.token ?? 0, code: "malformed_body", message: "no" });
    expect(world.take(two)).toEqual([{ type: "answer", request: 5, answer: new Uint8Array([2]) }]);
    expect(world.take(one)).toEqual([{ type: "error", request: 5, code: "malformed_body", message: "no" }]);
  });

  test("of somebody who is gone are forgotten, here and by whoever has them; also what comes to be asked for them later", () => {
    const world = leading();
    const [gone, stays] = [world.connect(), world.connect()];
    for (const connection of [gone, stays, gone]) {
      world.send(connection, { type: "query", request: 5, consistency: "linearizable", query: pack({}) });
    }
    const tokens = world.consensus.flatMap((message) => (message.type === "read" ? [message.question.token] : []));
    world.submit(gone, world.sign(BLOCK_PAYER, { session: new Uint8Array(16) }));
    world.tell({ type: "clientClosed", connection: gone });
    expect(world.consensus.at(-1)).toEqual({ type: "forget", tokens: [tokens[0], tokens[2]] });
    expect(world.status.read()["gateway"]).toMatchObject({ questionsOpen: 1 });
    world.answerQuestions();
    expect(world.consensus.filter(({ type }) => type === "read")).toEqual([]);
    expect(world.take(stays)).toMatchObject([{ type: "answer" }]);
    world.tell({ type: "clientClosed", connection: stays });
    expect(world.status.read()["gateway"]).toMatchObject({ questionsOpen: 0 });
    expect(world.consensus.filter(({ type }) => type === "forget")).toHaveLength(1);
  });

  test("an answer for somebody who is gone, or that was given before, goes nowhere", () => {
    const world = leading();
    const connection = world.connect();
    world.send(connection, { type: "query", request: 5, consistency: "local", query: pack({}) });
    const [asked] = world.ledger;
    const token = asked?.type === "question" ? asked.question.token : 0;
    world.tell({ type: "clientClosed", connection });
    world.tell({ type: "answer", token, answer: new Uint8Array(1) });
    world.tell({ type: "answer", token, answer: new Uint8Array(1) });
    expect([world.take(connection), world.fatal]).toEqual([[], []]);
  });
});
