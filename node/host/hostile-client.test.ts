/**
 * Hostile clients against a whole node over TLS: each kind of bad input gets its one documented code, nothing of it
 * reaches the log, and the connection, or at least the node, goes on.
 */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { freePorts } from "../../cli/free-ports.ts";
import {
  BATCH_RECORDS_MAX,
  CLIENT_REQUESTS_IN_FLIGHT_MAX,
  FRAME_BYTES_MAX,
  TRANSACTION_BYTES_MAX,
} from "../base/limits.ts";
import { NEWEST_RELEASE } from "../base/release.ts";
import { sha256 } from "../client/crypto.ts";
import {
  type Account,
  AccountStatus,
  batchResults,
  type ClusterFile,
  type Command,
  decodeAnswer,
  decodeResult,
  encodeAccounts,
  encodeQuery,
  type KeyPair,
  newKey,
  parseClusterFile,
  randomBytes,
} from "../client/index.ts";
import { ReceiptChecker } from "../client/receipt-check.ts";
import {
  type ClientFrame,
  type Consistency,
  decodeNodeFrame,
  encodeClientFrame,
  helloDigest,
  type NodeFrame,
} from "../wire/client-frames.ts";
import { pack, unpack } from "../wire/msgpack.ts";
import { decodeTransaction, encodeTransaction, signTransaction, type Transaction } from "../wire/transaction.ts";
import { initCluster } from "./init.ts";
import { type RunningNode, runNode } from "./run.ts";

const STATUS = encodeQuery({ type: "status" });
const SUMMARY = encodeQuery({ type: "summary" });
const NS_PER_S = 1_000_000_000n;
/** As docs/errors.md says. */
const MALFORMED_FRAMES_MAX = 16;
const DOCUMENTED = readFileSync(join(import.meta.dirname, "../../docs/errors.md"), "utf8");

const admin = newKey();
let directory = "";
let cluster: ClusterFile;
let node: RunningNode;
const open = new Set<Wire>();

function never(text: string): void {
  expect.unreachable(text);
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "quorate-hostile-"));
  const [port = 0] = await freePorts(1);
  const { clusterFile, configs } = initCluster({
    ...{ directory: join(directory, "cluster"), adminKey: admin.publicKey, endpoints: {}, nowMs: Date.now() },
    addresses: [{ host: "127.0.0.1", port }],
  });
  cluster = parseClusterFile(readFileSync(clusterFile, "utf8"));
  const [config = ""] = configs;
  const fields = JSON.parse(readFileSync(config, "utf8")) as object;
  writeFileSync(config, JSON.stringify({ ...fields, logLevel: "silent" }));
  node = await runNode(config, never, never);
  const wire = await Wire.greeted();
  // The leader's first block, and the one that raises the release, come by themselves.
  while ((await status(wire)).sections["ledger"]?.["release"] !== NEWEST_RELEASE) await pause(10);
});

afterEach(() => {
  for (const wire of open) wire.close();
  open.clear();
});

afterAll(async () => {
  await node.stop();
  rmSync(directory, { recursive: true });
});

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** A client's end of a connection on which nothing is checked before it is sent. */
class Wire {
  readonly socket: WebSocket;
  /** What has come and was not asked for yet. */
  readonly #frames: NodeFrame[] = [];
  #wake: () => void = () => undefined;
  closed: { readonly code: number; readonly reason: string } | undefined;
  #nextRequest = 1;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => {
      this.#frames.push(decodeNodeFrame(new Uint8Array(data)));
      this.#wake();
    });
    socket.on("error", () => undefined);
    socket.on("close", (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.#wake();
    });
  }

  static connect(): Wire {
    const { host, port } = node;
    const wire = new Wire(new WebSocket(`wss://${host}:${port}/client`, { rejectUnauthorized: false }));
    open.add(wire);
    return wire;
  }

  /** A connection that has said a good hello. */
  static async greeted(key: KeyPair = admin): Promise<Wire> {
    const wire = Wire.connect();
    wire.send(await wire.hello(key));
    expect(await wire.next()).toMatchObject({ type: "welcome" });
    return wire;
  }

  /** The hello that answers the challenge. */
  async hello(key: KeyPair, changes: Partial<Extract<ClientFrame, { type: "hello" }>> = {}): Promise<Uint8Array> {
    const challenge = await this.next();
    if (challenge.type !== "challenge") return expect.unreachable(`a ${challenge.type} came first`);
    const { publicKey } = key;
    const { clusterId } = cluster;
    const digest = helloDigest(sha256, { clusterId, node: 1, nonce: challenge.nonce, publicKey });
    return encodeClientFrame({ type: "hello", clusterId, publicKey, signature: key.sign(digest), ...changes });
  }

  send(frame: Uint8Array): void {
    this.socket.send(frame);
  }

  submit(transaction: Uint8Array): void {
    this.send(encodeClientFrame({ type: "submit", request: this.#nextRequest++, transaction }));
  }

  query(query: Uint8Array, consistency: Consistency = "linearizable"): void {
    this.send(encodeClientFrame({ type: "query", request: this.#nextRequest++, consistency, query }));
  }

  /** The next frame from the node. */
  async next(): Promise<NodeFrame> {
    const giveUp = performance.now() + 20_000;
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      if (this.closed !== undefined || performance.now() > giveUp) throw new Error("the node sends nothing more");
      await this.#change();
    }
  }

  async ended(): Promise<{ readonly code: number; readonly reason: string }> {
    const giveUp = performance.now() + 20_000;
    while (this.closed === undefined && performance.now() < giveUp) await this.#change();
    return this.closed ?? expect.unreachable("the node keeps the connection open");
  }

  /** The code of the error that comes next. */
  async code(): Promise<string> {
    const frame = await this.next();
    return frame.type === "error" ? frame.code : `no error but ${frame.type}`;
  }

  close(): void {
    this.socket.terminate();
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 1_000);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Frames of one byte until the node ends the connection: at one that it does not read, the test fails by its time. */
async function flood(): Promise<void> {
  const { host, port } = node;
  const socket = connectTls({ host, port, rejectUnauthorized: false });
  socket.on("error", () => undefined);
  const lines = ["GET /client HTTP/1.1", `Host: ${host}`, "Upgrade: websocket", "Connection: Upgrade"];
  const fixed = ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
  socket.write([...lines, ...fixed, "", ""].join("\r\n"));
  const chunk = Buffer.concat(Array.from({ length: 2_000 }, () => Buffer.from([0x82, 0x81, 0, 0, 0, 0, 1])));
  const write = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.once("data", write);
  socket.on("drain", write);
  socket.resume();
  await once(socket, "close");
}

async function status(wire: Wire) {
  wire.query(STATUS, "local");
  const frame = await wire.next();
  if (frame.type !== "answer") return expect.unreachable(`the status is ${JSON.stringify(frame)}`);
  return decodeAnswer("status", frame.answer);
}

async function height(wire: Wire): Promise<number> {
  return (await status(wire)).height;
}

/** Runs something hostile and checks that no block came of it and that the node still answers an honest client. */
async function withoutTrace(act: (height: number) => Promise<void>): Promise<void> {
  const honest = await Wire.greeted();
  const before = await height(honest);
  await act(before);
  honest.query(SUMMARY);
  const frame = await honest.next();
  if (frame.type !== "answer") return expect.unreachable(`an honest question got ${JSON.stringify(frame)}`);
  expect(decodeAnswer("summary", frame.answer).height).toBe(before);
}

/** Expects a code that docs/errors.md knows. */
function expectCode(code: string, expected: string): void {
  expect(code).toBe(expected);
  expect(DOCUMENTED).toContain(`\`${expected}\``);
}

interface Signing {
  readonly key?: KeyPair;
  readonly session?: Uint8Array;
  readonly sequence?: number;
  readonly clusterId?: Uint8Array;
  /** From now. */
  readonly lifeSeconds?: bigint;
}

function signed(command: Command, signing: Signing = {}): Uint8Array {
  const { key = admin, session = randomBytes(16), sequence = command.kind === "sessionOpen" ? 0 : 1 } = signing;
  const { clusterId = cluster.clusterId, lifeSeconds = 60n } = signing;
  const expiry = BigInt(Date.now()) * 1_000_000n + lifeSeconds * NS_PER_S;
  return signTransaction(sha256, key, { clusterId, session, sequence, expiry }, command);
}

/** The signed bytes with fields of the envelope or the body exchanged afterwards. */
function altered(transaction: Uint8Array, changes: Partial<Transaction>): Uint8Array {
  return encodeTransaction({ ...decodeTransaction(transaction), ...changes });
}

/** Opens a session by hand. */
async function openSession(wire: Wire): Promise<Uint8Array> {
  const session = randomBytes(16);
  wire.submit(signed({ kind: "sessionOpen" }, { session }));
  expect(await wire.next()).toMatchObject({ type: "receipt" });
  return session;
}

function newAccount(id: bigint, flags = 0): Account {
  const balances = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
  const user = { userData128: 0n, userData64: 0n, userData32: 0 };
  return { id, ...balances, ...user, ledger: 978, code: 1, flags, timestamp: 0n };
}

function createAccounts(...accounts: readonly Account[]): Command {
  return { kind: "createAccounts", batch: encodeAccounts(accounts) };
}

const SESSION = new Uint8Array(16).fill(5);
const CONFIGURE: Command = {
  kind: "configureCard",
  body: { ledger: 978, clearingAccount: 3n, holdSeconds: 60 },
};

function envelope(fields: Readonly<Record<number, unknown>>): Uint8Array {
  const good = unpack(signed(CONFIGURE, { session: SESSION })) as unknown[];
  return pack(good.map((field, index) => (index in fields ? fields[index] : field)));
}

function withBody(kind: number, body: Uint8Array): Uint8Array {
  return altered(signed(CONFIGURE, { session: SESSION }), { kind, body });
}

describe("before the hello", () => {
  test.each([
    ["a transaction", encodeClientFrame({ type: "submit", request: 7, transaction: new Uint8Array(3) })],
    ["a question", encodeClientFrame({ type: "query", request: 7, consistency: "local", query: STATUS })],
  ])("%s is not taken", async (_name, frame) => {
    await withoutTrace(async () => {
      const wire = Wire.connect();
      const hello = await wire.hello(admin);
      wire.send(frame);
      const error = await wire.next();
      expect(error).toMatchObject({ type: "error", request: 7 });
      expectCode(error.type === "error" ? error.code : "", "not_authenticated");
      wire.send(hello);
      expect(await wire.next()).toMatchObject({ type: "welcome" });
    });
  });

  test("a hello for another cluster ends the connection", async () => {
    await withoutTrace(async () => {
      const wire = Wire.connect();
      wire.send(await wire.hello(admin, { clusterId: new Uint8Array(16) }));
      expectCode(await wire.code(), "foreign_cluster");
      expect(await wire.ended()).toEqual({ code: 1008, reason: "foreign_cluster" });
    });
  });

  test("a hello that its key has not signed, or not for this connection, ends the connection", async () => {
    await withoutTrace(async () => {
      const other = await Wire.connect().hello(admin); // signs another connection's challenge
      for (const hello of [
        async (wire: Wire) => await wire.hello(admin, { publicKey: newKey().publicKey }),
        async (wire: Wire) => await wire.hello(admin, { signature: new Uint8Array(64) }),
        async (wire: Wire) => await wire.next().then(() => other),
      ]) {
        const wire = Wire.connect();
        wire.send(await hello(wire));
        expectCode(await wire.code(), "bad_signature");
        expect(await wire.ended()).toEqual({ code: 1008, reason: "bad_signature" });
      }
    });
  });
});

describe("frames", () => {
  test.each([
    ["nothing", new Uint8Array(0), "malformed_msgpack"],
    ["no MessagePack", new Uint8Array([0xc1]), "malformed_msgpack"],
    ["an extension type", new Uint8Array([0xd4, 1, 2]), "malformed_msgpack"],
    ["a list of four thousand million", new Uint8Array([0xdd, 0xff, 0xff, 0xff, 0xff]), "malformed_msgpack"],
    ["lists in lists in lists", new Uint8Array(5_000).fill(0x91), "malformed_msgpack"],
    ["bytes after the frame", new Uint8Array([0x93, 2, 1, 0xc4, 0, 0]), "malformed_msgpack"],
    ["a map", pack({ submit: 1 }), "malformed_frame"],
    ["no such frame", pack([99, 1, new Uint8Array(1)]), "malformed_frame"],
    ["a node's frame", pack([103, 1, new Uint8Array(1)]), "malformed_frame"],
    ["a number for a transaction", pack([2, 1, 5]), "malformed_frame"],
    ["a field too many", pack([2, 1, new Uint8Array(1), 1]), "malformed_frame"],
    ["a request number that is none", pack([2, -1, new Uint8Array(1)]), "malformed_frame"],
    ["a freshness that is none", pack([3, 1, "maybe", new Uint8Array(1)]), "malformed_frame"],
    [
      "another version's hello",
      pack([1, 2, new Uint8Array(16), new Uint8Array(32), new Uint8Array(64)]),
      "malformed_frame",
    ],
  ])("%s is answered, and the connection goes on", async (_name, frame, code) => {
    await withoutTrace(async (before) => {
      const wire = await Wire.greeted();
      wire.send(frame);
      expectCode(await wire.code(), code);
      expect(await height(wire)).toBe(before);
    });
  });

  test("too many that are malformed end the connection", async () => {
    await withoutTrace(async () => {
      const wire = await Wire.greeted();
      for (let i = 0; i < MALFORMED_FRAMES_MAX; i++) {
        wire.send(new Uint8Array([0xc1]));
        expectCode(await wire.code(), "malformed_msgpack");
      }
      expect(await wire.ended()).toEqual({ code: 1008, reason: "malformed_frames" });
    });
  });

  test("one that is too large ends the connection, and a text does", async () => {
    await withoutTrace(async () => {
      const large = await Wire.greeted();
      large.send(new Uint8Array(FRAME_BYTES_MAX + 1));
      expect((await large.ended()).code).toBe(1009);
      const text = await Wire.greeted();
      text.socket.send("hello");
      expect(await text.ended()).toEqual({ code: 1008, reason: "text_frame" });
    });
  });

  test("a flood that never says hello is ended, and again when it comes back; others are answered meanwhile", async () => {
    await withoutTrace(async () => {
      const bystander = await Wire.greeted();
      let ends = 0;
      let runs = true;
      const floods = [1, 2].map(async () => {
        for (; runs; ends++) await flood();
      });
      for (let asked = 0; asked < 50 || ends < 4; asked++) await height(bystander);
      runs = false;
      await Promise.all(floods);
    });
  });

  test("whatever the bytes are, each frame is answered with a documented code", async () => {
    const good = [
      encodeClientFrame({ type: "submit", request: 1, transaction: signed(CONFIGURE, { session: SESSION }) }),
      encodeClientFrame({ type: "query", request: 2, consistency: "linearizable", query: SUMMARY }),
    ];
    const mutated = fc
      .tuple(
        fc.constantFrom(...good),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }),
      )
      .map(([frame, flips]) => {
        const bytes = frame.slice();
        for (const [at, flip] of flips) bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ flip;
        return bytes;
      });
    const cut = fc.tuple(fc.constantFrom(...good), fc.nat()).map(([frame, at]) => frame.slice(0, at % frame.length));
    const hostile = fc.oneof(mutated, cut, fc.uint8Array({ maxLength: 300 }));
    await withoutTrace(async () => {
      let wire = await Wire.greeted();
      let malformed = 0;
      await fc.assert(
        fc.asyncProperty(hostile, async (frame) => {
          if (malformed === MALFORMED_FRAMES_MAX - 1) {
            wire = await Wire.greeted();
            malformed = 0;
          }
          wire.send(frame);
          const answer = await wire.next();
          if (answer.type === "answer") return; // a change that leaves a question a question
          if (answer.type !== "error") return expect.unreachable(`a ${answer.type} came`);
          expect(DOCUMENTED).toContain(`\`${answer.code}\``);
          if (answer.request === 0) malformed += 1;
        }),
        { numRuns: 300 },
      );
    });
  });
});

describe("transactions", () => {
  test.each<[string, () => Uint8Array, string]>([
    ["no MessagePack", () => new Uint8Array([0xc1]), "malformed_msgpack"],
    ["cut off", () => signed(CONFIGURE).slice(0, -1), "malformed_msgpack"],
    ["something else than an envelope", () => pack({ kind: 12 }), "malformed_transaction"],
    ["another version", () => envelope({ 0: 2 }), "malformed_transaction"],
    ["another group", () => envelope({ 1: 1 }), "malformed_transaction"],
    ["a short session", () => envelope({ 3: new Uint8Array(15) }), "malformed_transaction"],
    ["a negative sequence", () => envelope({ 4: -1 }), "malformed_transaction"],
    ["a key that is too long", () => envelope({ 6: new Uint8Array(33) }), "malformed_transaction"],
    ["larger than allowed", () => envelope({ 8: new Uint8Array(TRANSACTION_BYTES_MAX) }), "malformed_transaction"],
    ["a kind that there is not", () => withBody(999, pack({})), "unknown_kind"],
    ["a body that is no MessagePack", () => withBody(12, new Uint8Array([0xc1])), "malformed_msgpack"],
    ["an unknown key in the body", () => withBody(40, pack({ ledger: 978, force: true })), "malformed_body"],
    ["a missing key in the body", () => withBody(40, pack({})), "malformed_body"],
    [
      "a key twice in the body",
      () => withBody(40, new Uint8Array([0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 1])),
      "malformed_msgpack",
    ],
    ["a value out of range in the body", () => withBody(40, pack({ ledger: 0 })), "malformed_body"],
    ["an empty batch", () => withBody(3, new Uint8Array(0)), "batch_empty"],
    ["a batch that is no multiple of 128", () => withBody(3, new Uint8Array(128 * 5 + 1)), "batch_misaligned"],
    ["a batch that is cut off", () => withBody(2, encodeAccounts([newAccount(1n)]).slice(0, 127)), "batch_misaligned"],
    ["a batch that is too long", () => withBody(3, new Uint8Array(128 * (BATCH_RECORDS_MAX + 1))), "batch_too_long"],
    ["sequence 0 for something else than opening", () => signed(CONFIGURE, { sequence: 0 }), "invalid_command"],
    ["an amount of nothing", () => signed(payment({ amount: 0n })), "invalid_command"],
    ["a payment to oneself", () => signed(payment({ payee: 1n })), "invalid_command"],
    [
      "a signature of another key",
      () => altered(signed(CONFIGURE), { publicKey: newKey().publicKey }),
      "bad_signature",
    ],
    ["a signature of nobody", () => altered(signed(CONFIGURE), { signature: new Uint8Array(64) }), "bad_signature"],
    ["another sequence than was signed", () => altered(signed(CONFIGURE), { sequence: 2 }), "bad_signature"],
    ["another session than was signed", () => altered(signed(CONFIGURE), { session: SESSION }), "bad_signature"],
    ["another expiry than was signed", () => altered(signed(CONFIGURE), { expiry: 1n << 60n }), "bad_signature"],
    ["signed for another cluster", () => signed(CONFIGURE, { clusterId: new Uint8Array(16) }), "bad_signature"],
    ["of a key that nobody has entered", () => signed({ kind: "sessionOpen" }, { key: newKey() }), "unknown_key"],
    ["expired", () => signed({ kind: "sessionOpen" }, { lifeSeconds: -3_600n }), "expired"],
    ["for an hour", () => signed({ kind: "sessionOpen" }, { lifeSeconds: 3_600n }), "expiry_too_far"],
    ["of a session that nobody has opened", () => signed(CONFIGURE), "session_unknown"],
  ])("%s", async (_name, transaction, code) => {
    await withoutTrace(async (before) => {
      const wire = await Wire.greeted();
      wire.submit(transaction());
      expectCode(await wire.code(), code);
      expect(await height(wire)).toBe(before);
    });
  });

  test("a sequence number used again for something else, or far ahead, is refused", async () => {
    const wire = await Wire.greeted();
    const session = await openSession(wire);
    wire.submit(signed(createAccounts(newAccount(11n)), { session }));
    expect(await wire.next()).toMatchObject({ type: "receipt" });
    await withoutTrace(async () => {
      wire.submit(signed(createAccounts(newAccount(12n)), { session }));
      expectCode(await wire.code(), "sequence_reused");
      wire.submit(signed(createAccounts(newAccount(12n)), { session, sequence: 258 }));
      expectCode(await wire.code(), "sequence_too_new");
    });
  });

  test("a replay, by whomever, is answered with the result that was, and executed no second time", async () => {
    const wire = await Wire.greeted();
    const session = await openSession(wire);
    const transaction = signed(createAccounts(newAccount(21n), newAccount(22n)), { session });
    const thief = await Wire.greeted(newKey());
    const results = [];
    for (const sender of [wire, thief, wire]) {
      sender.submit(transaction);
      const frame = await sender.next();
      if (frame.type !== "receipt") return expect.unreachable(`a replay got ${JSON.stringify(frame)}`);
      const { receipt } = new ReceiptChecker(cluster).check(frame.receipt, transaction);
      results.push(decodeResult(receipt.result));
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  test("unknown flags of a record are refused by its status, and nothing comes of it", async () => {
    const wire = await Wire.greeted();
    const session = await openSession(wire);
    const transaction = signed(createAccounts(newAccount(31n, 1 << 15)), { session });
    wire.submit(transaction);
    const frame = await wire.next();
    if (frame.type !== "receipt") return expect.unreachable(`the batch got ${JSON.stringify(frame)}`);
    const { receipt } = new ReceiptChecker(cluster).check(frame.receipt, transaction);
    expect(batchResults(decodeResult(receipt.result)).map(({ status }) => status)).toEqual([
      AccountStatus.reservedFlag,
    ]);
    wire.query(encodeQuery({ type: "accounts", ids: [31n] }));
    const answer = await wire.next();
    expect(answer.type === "answer" && decodeAnswer("accounts", answer.answer)).toMatchObject({
      records: expect.objectContaining({ length: 0 }),
    });
  });

  test("another's session is refused", async () => {
    const wire = await Wire.greeted();
    const session = await openSession(wire);
    const other = newKey();
    const body = { name: "other", keys: [other.publicKey], threshold: 1, roles: ["participant"] } as const;
    wire.submit(signed({ kind: "createAuthority", body }, { session }));
    expect(await wire.next()).toMatchObject({ type: "receipt" });
    await withoutTrace(async () => {
      wire.submit(signed(createAccounts(newAccount(41n)), { session, sequence: 2, key: other }));
      expectCode(await wire.code(), "session_key_mismatch");
    });
  });
});

function payment(changes: object): Command {
  const body = { id: 1n, payer: 1n, payee: 2n, amount: 1n, ledger: 978, capture: "automatic" } as const;
  return { kind: "createPayment", body: { ...body, ...changes } };
}

describe("questions", () => {
  test.each<[string, Uint8Array, string]>([
    ["no MessagePack", new Uint8Array([0xc1]), "malformed_msgpack"],
    ["no question", pack([1]), "malformed_body"],
    ["a type that there is not", pack({ type: "secrets" }), "malformed_body"],
    ["the name of something built in", pack({ type: "constructor" }), "malformed_body"],
    ["a field too many", pack({ type: "summary", all: true }), "malformed_body"],
    ["too much at once", pack({ type: "payments", after: 0, limit: 1_000_000 }), "malformed_body"],
  ])("%s", async (_name, query, code) => {
    await withoutTrace(async () => {
      const wire = await Wire.greeted();
      wire.query(query);
      expectCode(await wire.code(), code);
    });
  });

  test("of a key that nobody has entered get nothing", async () => {
    await withoutTrace(async () => {
      const wire = await Wire.greeted(newKey());
      wire.query(SUMMARY);
      expectCode(await wire.code(), "unknown_key");
    });
  });

  test("a thousand of one client make no other wait for all of them", async () => {
    await withoutTrace(async () => {
      const [many, one] = [await Wire.greeted(), await Wire.greeted()];
      const query = encodeQuery({ type: "accounts", ids: Array.from({ length: 40 }, (_, place) => BigInt(place + 1)) });
      for (let left = CLIENT_REQUESTS_IN_FLIGHT_MAX; left > 0; left--) many.query(query, "local");
      expect(await many.next()).toMatchObject({ type: "answer" });
      expect((await status(one)).sections["ledger"]?.["questionsWaiting"]).toBeGreaterThan(0);
      for (let left = CLIENT_REQUESTS_IN_FLIGHT_MAX - 1; left > 0; left--) {
        expect(await many.next()).toMatchObject({ type: "answer" });
      }
    });
  });

  test("more than a connection may have open are turned away as busy, each answered once", async () => {
    await withoutTrace(async () => {
      const wire = await Wire.greeted();
      const count = CLIENT_REQUESTS_IN_FLIGHT_MAX + 200;
      wire.socket.pause();
      const frame = (request: number): Uint8Array =>
        encodeClientFrame({ type: "query", request, consistency: "linearizable", query: SUMMARY });
      for (let request = 1; request <= count; request++) wire.send(frame(request));
      wire.socket.resume();
      const seen = new Map<number, string>();
      while (seen.size < count) {
        const answer = await wire.next();
        if (answer.type !== "answer" && answer.type !== "error") return expect.unreachable(`a ${answer.type} came`);
        expect(seen.has(answer.request)).toBe(false);
        seen.set(answer.request, answer.type === "error" ? answer.code : answer.type);
      }
      expect(new Set(seen.values()).has("answer")).toBe(true);
      for (const outcome of seen.values()) expect(["answer", "busy"]).toContain(outcome);
    });
  });
});
