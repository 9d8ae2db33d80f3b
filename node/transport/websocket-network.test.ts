import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { type ClientOptions as SocketOptions, WebSocket } from "ws";
import { toHex } from "../base/bytes.ts";
import type { CodedError } from "../base/errors.ts";
import { CLIENT_FRAMES_PER_TURN_MAX, CONNECTION_BUFFER_BYTES_MAX, FRAME_BYTES_MAX } from "../base/limits.ts";
import type { Log, LogFields } from "../base/ports/log.ts";
import type { NetworkHandler } from "../base/ports/network.ts";
import { NodeClock } from "../host/node-clock.ts";
import { NodeRandom } from "../host/node-random.ts";
import { Identity } from "./identity.ts";
import { CONNECTION_BOUNDS, type ConnectionBounds, WebSocketNetwork } from "./websocket-network.ts";

const CLUSTER = new Uint8Array(16).fill(7);
const HOST = "127.0.0.1";
const MIB = 1_048_576;

/** What a network has told its node. */
class Recorder implements NetworkHandler {
  readonly peerFrames: { readonly from: number; readonly frame: Uint8Array }[] = [];
  readonly clientFrames: { readonly connection: number; readonly frame: Uint8Array }[] = [];
  readonly peersLost: number[] = [];
  readonly opened: number[] = [];
  readonly closed: number[] = [];

  peerFrame(from: number, frame: Uint8Array): void {
    this.peerFrames.push({ from, frame });
  }

  peerLost(from: number): void {
    this.peersLost.push(from);
  }

  clientOpened(connection: number): void {
    this.opened.push(connection);
  }

  clientFrame(connection: number, frame: Uint8Array): void {
    this.clientFrames.push({ connection, frame });
  }

  clientClosed(connection: number): void {
    this.closed.push(connection);
  }
}

class RecordingLog implements Log {
  readonly lines: { readonly event: string; readonly fields: LogFields }[] = [];

  debug(event: string, fields: LogFields = {}): void {
    this.lines.push({ event, fields });
  }

  info(event: string, fields: LogFields = {}): void {
    this.debug(event, fields);
  }

  warn(event: string, fields: LogFields = {}): void {
    this.debug(event, fields);
  }

  error(event: string, fields: LogFields = {}): void {
    this.debug(event, fields);
  }

  codes(event: string): unknown[] {
    return this.lines.filter((line) => line.event === event).map(({ fields }) => fields["code"]);
  }
}

interface Party {
  readonly network: WebSocketNetwork;
  readonly identity: Identity;
  readonly seen: Recorder;
  readonly log: RecordingLog;
}

interface Address {
  readonly id: number;
  readonly publicKey: Uint8Array;
  readonly host: string;
  port: number;
}

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Nodes that listen on free ports and know each other's. */
async function parties(count: number): Promise<{ readonly nodes: Address[]; readonly all: Party[] }> {
  const identities = Array.from({ length: count }, () => Identity.generate());
  const nodes = identities.map(({ publicKey }, index) => ({ id: index + 1, publicKey, host: HOST, port: 0 }));
  const all: Party[] = [];
  for (const [index, identity] of identities.entries()) {
    const party = await listen(index + 1, identity, nodes);
    (nodes[index] as Address).port = party.network.port;
    all.push(party);
  }
  for (const { network, seen } of all) network.start(seen);
  return { nodes, all };
}

async function listen(
  id: number,
  identity: Identity,
  nodes: readonly Address[],
  changes: Partial<ConnectionBounds> = {},
): Promise<Party> {
  const log = new RecordingLog();
  const bounds = { ...CONNECTION_BOUNDS, ...changes };
  const common = { clusterId: CLUSTER, nodes, clock: new NodeClock(), random: new NodeRandom(), log, bounds };
  const network = await WebSocketNetwork.listen({ id, identity, ...common });
  closing.push(() => network.close());
  return { network, identity, seen: new Recorder(), log };
}

/** A single node, whose only peer never comes. */
async function loneNode(
  bounds: Partial<ConnectionBounds> = {},
): Promise<{ readonly node: Party; readonly peer: Identity }> {
  const peer = Identity.generate();
  const identity = Identity.generate();
  const address = { host: HOST, port: 0 };
  const nodes = [
    { id: 1, publicKey: identity.publicKey, ...address },
    { id: 2, publicKey: peer.publicKey, host: HOST, port: 1 },
  ];
  const node = await listen(1, identity, nodes, bounds);
  node.network.start(node.seen);
  return { node, peer };
}

async function until(condition: () => boolean): Promise<void> {
  const giveUp = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > giveUp) throw new Error("it did not come about");
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}

function all2(parts: readonly Party[]): readonly [Party, Party] {
  return parts as unknown as readonly [Party, Party];
}

/** A WebSocket of our own making to a node. */
function dial({ network }: Party, path: string, options: SocketOptions = {}): WebSocket {
  const socket = new WebSocket(`wss://${HOST}:${network.port}${path}`, { rejectUnauthorized: false, ...options });
  socket.on("error", () => undefined);
  closing.push(() => socket.terminate());
  return socket;
}

function peerOptions(identity: Identity, headers: Record<string, string> = {}): SocketOptions {
  return {
    key: identity.toPem(),
    cert: identity.certificate,
    headers: { "x-quorate-cluster": toHex(CLUSTER), "x-quorate-node": "2", ...headers },
  };
}

/** How a node answers an attempt: the HTTP status and the refusal's code, or "open". */
async function answerTo(socket: WebSocket): Promise<string> {
  return await new Promise((resolve, reject) => {
    socket.on("open", () => resolve("open"));
    socket.on("unexpected-response", (_request, response) => {
      resolve(`${response.statusCode} ${String(response.headers["x-quorate-refusal"] ?? "")}`.trim());
      response.resume();
      socket.terminate();
    });
    socket.on("error", reject);
  });
}

async function closeCode(socket: WebSocket): Promise<number> {
  const [code] = (await once(socket, "close")) as [number];
  return code;
}

async function openClient(node: Party): Promise<{ readonly socket: WebSocket; readonly connection: number }> {
  const before = node.seen.opened.length;
  const socket = dial(node, "/client");
  await once(socket, "open");
  await until(() => node.seen.opened.length > before);
  return { socket, connection: node.seen.opened.at(-1) ?? 0 };
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

describe("frames between peers", () => {
  test("arrive whole, in order, with the sender that TLS has proven", async () => {
    const [a, b] = all2((await parties(2)).all);
    await until(() => a.network.peers().every(({ connected }) => connected));
    await until(() => b.network.peers().every(({ connected }) => connected));
    const large = new Uint8Array(FRAME_BYTES_MAX).map((_, i) => i % 251);
    for (let i = 0; i < 100; i++) expect(a.network.sendPeer(2, new Uint8Array([1, i]))).toBe(true);
    expect(a.network.sendPeer(2, large)).toBe(true);
    expect(b.network.sendPeer(1, new Uint8Array([9]))).toBe(true);
    await until(() => b.seen.peerFrames.length === 101 && a.seen.peerFrames.length === 1);
    expect(b.seen.peerFrames.slice(0, 100).map(({ from, frame }) => [from, frame[1]])).toEqual(
      Array.from({ length: 100 }, (_, i) => [1, i]),
    );
    expect(digest(b.seen.peerFrames[100]?.frame ?? new Uint8Array(0))).toBe(digest(large));
    expect(a.seen.peerFrames).toEqual([{ from: 2, frame: new Uint8Array([9]) }]);
  });

  test("a frame that no peer would take is a bug of the sender, not a broken link", async () => {
    const [a] = all2((await parties(2)).all);
    expect(() => a.network.sendPeer(2, new Uint8Array(FRAME_BYTES_MAX + 1))).toThrow("more than a peer takes");
  });

  test("a broken link is dialled again, and frames are lost meanwhile", async () => {
    const { nodes, all } = await parties(2);
    const [a, b] = all2(all);
    await until(() => a.network.peers().every(({ connected }) => connected));
    await b.network.close();
    await until(() => !a.network.sendPeer(2, new Uint8Array([1])));
    const again = await listen(2, b.identity, nodes);
    again.network.start(again.seen);
    await until(() => a.network.sendPeer(2, new Uint8Array([2])));
    await until(() => again.seen.peerFrames.length === 1);
    expect(again.seen.peerFrames[0]).toEqual({ from: 1, frame: new Uint8Array([2]) });
  });

  test("a node hears at once that a peer is gone", async () => {
    const { all } = await parties(3);
    const [a, b] = all2(all);
    await until(() => all.every(({ network }) => network.peers().every(({ connected }) => connected)));
    await b.network.close();
    await until(() => a.seen.peersLost.length > 0);
    expect([a.seen.peersLost, b.seen.peersLost]).toEqual([[2], []]);
  });

  test("whoever answers at a peer's address without its key gets no frame", async () => {
    const { nodes, all } = await parties(2);
    const [a, b] = all2(all);
    await b.network.close();
    const impostor = await listen(2, Identity.generate(), nodes);
    impostor.network.start(impostor.seen);
    await until(() => a.log.codes("transport.link_refused").includes("wrong_node"));
    expect(a.network.sendPeer(2, new Uint8Array([1]))).toBe(false);
    expect(impostor.seen.peerFrames).toEqual([]);
  });

  test("of two links from one peer the newer one counts, the older is ended", async () => {
    const { node, peer } = await loneNode();
    const older = dial(node, "/peer", peerOptions(peer));
    await once(older, "open");
    older.send(new Uint8Array([1]));
    await until(() => node.seen.peerFrames.length === 1);
    const gone = closeCode(older);
    const newer = dial(node, "/peer", peerOptions(peer));
    await once(newer, "open");
    newer.send(new Uint8Array([2]));
    await gone;
    await until(() => node.seen.peerFrames.length === 2);
    expect(node.seen.peerFrames.map(({ frame }) => frame[0])).toEqual([1, 2]);
    expect(node.seen.peersLost).toEqual([]);
    newer.close();
    await until(() => node.seen.peersLost.length === 1);
  });
});

describe("who may be a peer", () => {
  test.each([
    ["its node with its key", {}, "own", "open"],
    ["somebody without a certificate", {}, "none", "403 peer_unknown"],
    ["a key that is not in the cluster file", {}, "unknown", "403 peer_unknown"],
    ["the node's own key", { "x-quorate-node": "1" }, "self", "403 peer_unknown"],
    ["the right key with another node's id", { "x-quorate-node": "1" }, "own", "403 peer_wrong_id"],
    ["the right key with no id", { "x-quorate-node": "" }, "own", "403 peer_wrong_id"],
    ["a node of another cluster", { "x-quorate-cluster": "00".repeat(16) }, "own", "403 peer_foreign_cluster"],
    ["a cluster id that is none", { "x-quorate-cluster": "zz" }, "own", "403 peer_foreign_cluster"],
  ] as const)("%s", async (_name, headers, key, answer) => {
    const { node, peer } = await loneNode();
    const identity = { own: peer, unknown: Identity.generate(), self: node.identity, none: undefined }[key];
    const options = peerOptions(identity ?? peer, headers);
    const shown = identity === undefined ? { headers: options.headers ?? {} } : options;
    expect(await answerTo(dial(node, "/peer", shown))).toBe(answer);
    expect(node.log.codes("transport.peer_refused")).toEqual(answer === "open" ? [] : [answer.split(" ")[1]]);
    expect(node.seen.peerFrames).toEqual([]);
  });

  test("the dialling node hears why it is refused, and says it once", async () => {
    const { nodes, all } = await parties(2);
    const [, b] = all2(all);
    const stranger = await listen(1, Identity.generate(), [
      { id: 1, publicKey: new Uint8Array(32), host: HOST, port: 0 },
      nodes[1] as Address,
    ]);
    stranger.network.start(stranger.seen);
    await until(() => b.log.codes("transport.peer_refused").length >= 3);
    expect(stranger.log.codes("transport.link_refused")).toEqual(["peer_unknown"]);
  });

  test("TLS 1.2 is refused", async () => {
    const { node, peer } = await loneNode();
    const options = { ...peerOptions(peer), maxVersion: "TLSv1.2", minVersion: "TLSv1.2" } as const;
    await expect(answerTo(dial(node, "/peer", options))).rejects.toThrow(/protocol version/);
    await expect(answerTo(dial(node, "/client", { maxVersion: "TLSv1.2", minVersion: "TLSv1.2" }))).rejects.toThrow();
    await until(() => node.log.lines.filter(({ event }) => event === "transport.tls_refused").length === 2);
  });

  test("a client's frames never count as a peer's, whatever they say", async () => {
    const { node } = await loneNode();
    const { socket, connection } = await openClient(node);
    socket.send(new Uint8Array([1, 2, 3]));
    await until(() => node.seen.clientFrames.length === 1);
    expect(node.seen.clientFrames).toEqual([{ connection, frame: new Uint8Array([1, 2, 3]) }]);
    expect(node.seen.peerFrames).toEqual([]);
    expect(await answerTo(dial(node, "/elsewhere"))).toBe("404");
  });
});

/** The peers that a node's links reach. */
function connected({ network }: Party): number[] {
  return network.peers().flatMap((peer) => (peer.connected ? [peer.id] : []));
}

describe("peers that change while the network runs", () => {
  async function allLinked(all: readonly Party[]): Promise<void> {
    await until(() => all.every((party) => connected(party).length === all.length - 1));
  }

  /** One more node, which knows all others; they do not know it yet. */
  async function newcomer(
    nodes: readonly Address[],
    id: number,
  ): Promise<{ readonly party: Party; readonly at: Address }> {
    const identity = Identity.generate();
    const at = { id, publicKey: identity.publicKey, host: HOST, port: 0 };
    const party = await listen(id, identity, [...nodes, at]);
    at.port = party.network.port;
    party.network.start(party.seen);
    return { party, at };
  }

  test("the same peers again: no link is touched", async () => {
    const { nodes, all } = await parties(2);
    const [a, b] = all2(all);
    await allLinked(all);
    const before = b.log.lines.length;
    for (let i = 0; i < 50; i++) {
      a.network.setPeers(nodes.map((node) => ({ ...node, publicKey: node.publicKey.slice() })).toReversed());
      expect(a.network.sendPeer(2, new Uint8Array([i]))).toBe(true);
      expect(b.network.sendPeer(1, new Uint8Array([i]))).toBe(true);
    }
    await until(() => a.seen.peerFrames.length === 50 && b.seen.peerFrames.length === 50);
    expect(b.log.lines.length).toBe(before);
  });

  test("a node that comes is refused until it is a peer, then links open both ways; the others' frames flow on", async () => {
    const { nodes, all } = await parties(2);
    const [a, b] = all2(all);
    await allLinked(all);
    const { party: c, at } = await newcomer(nodes, 9);
    await until(() => c.log.codes("transport.link_refused").length === 2);
    expect(c.log.codes("transport.link_refused")).toEqual(["peer_unknown", "peer_unknown"]);
    expect(a.network.sendPeer(9, new Uint8Array([1]))).toBe(false);
    let sent = 0;
    for (const { network } of [a, b]) {
      network.setPeers([...nodes, at]);
      for (let i = 0; i < 20; i++, sent++) expect(a.network.sendPeer(2, new Uint8Array([sent]))).toBe(true);
    }
    await allLinked([a, b, c]);
    expect(a.network.sendPeer(9, new Uint8Array([7]))).toBe(true);
    expect(c.network.sendPeer(2, new Uint8Array([8]))).toBe(true);
    await until(() => c.seen.peerFrames.length === 1 && b.seen.peerFrames.length === sent + 1);
    expect(c.seen.peerFrames).toEqual([{ from: 1, frame: new Uint8Array([7]) }]);
    expect(b.seen.peerFrames.filter(({ from }) => from === 1).map(({ frame }) => frame[0])).toEqual(
      Array.from({ length: sent }, (_, i) => i),
    );
  });

  test("a node that is removed hears what was sent to it, then why; none of its frames is taken any more", async () => {
    const { nodes, all } = await parties(3);
    const [a, b, c] = all as [Party, Party, Party];
    await allLinked(all);
    expect(a.network.sendPeer(3, new Uint8Array([1]))).toBe(true);
    a.network.setPeers(nodes.slice(0, 2));
    expect(a.network.sendPeer(3, new Uint8Array([2]))).toBe(false);
    for (let i = 0; i < 100; i++) c.network.sendPeer(1, new Uint8Array([3]));
    expect(a.network.peers().map(({ id }) => id)).toEqual([2]);
    await until(() => c.log.codes("transport.link_refused").includes("peer_unknown"));
    expect(c.log.codes("transport.link_refused")).toEqual(["peer_removed", "peer_unknown"]);
    await until(() => c.seen.peerFrames.length === 1);
    expect(c.seen.peerFrames).toEqual([{ from: 1, frame: new Uint8Array([1]) }]);
    expect(a.seen.peerFrames).toEqual([]);
    // Nobody else has removed it, and what the others have among them goes on.
    expect([connected(a), connected(b), connected(c)]).toEqual([[2], [1, 3], [2]]);
    expect(c.network.sendPeer(2, new Uint8Array([4]))).toBe(true);
    await until(() => b.seen.peerFrames.length === 1);
    // It may come back.
    a.network.setPeers(nodes);
    await allLinked(all);
  });

  test("a peer with another key is another peer: the old one's links end, the new one's open", async () => {
    const { nodes, all } = await parties(2);
    const [a, old] = all2(all);
    await allLinked(all);
    const { party: renewed, at } = await newcomer(nodes.slice(0, 1), 2);
    await until(() => renewed.log.codes("transport.link_refused").includes("peer_unknown"));
    a.network.setPeers([nodes[0] as Address, at]);
    for (let i = 0; i < 100; i++) old.network.sendPeer(1, new Uint8Array([9]));
    await allLinked([a, renewed]);
    expect(a.network.sendPeer(2, new Uint8Array([1]))).toBe(true);
    expect(renewed.network.sendPeer(1, new Uint8Array([2]))).toBe(true);
    await until(() => renewed.seen.peerFrames.length === 1 && a.seen.peerFrames.length === 1);
    expect(a.seen.peerFrames).toEqual([{ from: 2, frame: new Uint8Array([2]) }]);
    expect(old.seen.peerFrames).toEqual([]);
    await until(() => old.log.codes("transport.link_refused").includes("peer_removed"));
  });

  test("a peer that has moved is dialled at its new address; the link that it has dialled stays", async () => {
    const { nodes, all } = await parties(2);
    const [a, b] = all2(all);
    await allLinked(all);
    // It takes links and dials none that anybody answers.
    const moved = [
      { ...(nodes[0] as Address), port: 1 },
      { ...(nodes[1] as Address), port: 0 },
    ];
    const elsewhere = await listen(2, b.identity, moved);
    elsewhere.network.start(elsewhere.seen);
    a.network.setPeers([nodes[0] as Address, { ...(nodes[1] as Address), port: elsewhere.network.port }]);
    await until(() => a.network.sendPeer(2, new Uint8Array([5])));
    await until(() => elsewhere.seen.peerFrames.length === 1);
    expect(b.network.sendPeer(1, new Uint8Array([6]))).toBe(true);
    await until(() => a.seen.peerFrames.length === 1);
    expect(b.seen.peerFrames).toEqual([]);
    expect(b.log.lines.filter(({ event }) => /lost|refused/.test(event))).toEqual([]);
  });

  test("a node in the place of one that is gone keeps its links, though others still dial the one before it there", async () => {
    const { nodes, all } = await parties(2);
    const [a, gone] = all2(all);
    await gone.network.close();
    const identity = Identity.generate();
    const at = { ...(nodes[1] as Address), id: 4, publicKey: identity.publicKey };
    const heir = await listen(4, identity, [...nodes, at]);
    heir.network.start(heir.seen);
    a.network.setPeers([...nodes, at]);
    await until(() => [a, heir].every(({ log }) => log.codes("transport.link_refused").length > 0));
    await until(() => a.network.sendPeer(4, new Uint8Array([1])) && heir.network.sendPeer(1, new Uint8Array([2])));
    await new Promise((resolve) => {
      setTimeout(resolve, 1_000); // long enough for several attempts
    });
    for (const { log } of [a, heir]) {
      expect(log.codes("transport.link_refused")).toEqual(["wrong_node"]);
      const events = log.lines.map(({ event }) => event);
      expect(events.filter((event) => event === "transport.peer_connected")).toHaveLength(1);
      expect(events.filter((event) => ["transport.peer_lost", "transport.peer_refused"].includes(event))).toEqual([]);
    }
  });

  test("peers may be set before the start; after the end nothing is dialled", async () => {
    const { nodes, all } = await parties(2);
    const [a] = all2(all);
    const identity = Identity.generate();
    const at = { id: 3, publicKey: identity.publicKey, host: HOST, port: 0 };
    const late = await listen(3, identity, [at]);
    late.network.setPeers(nodes.slice(0, 1));
    expect(late.network.peers()).toEqual([]);
    late.network.start(late.seen);
    expect(late.network.peers().map(({ id }) => id)).toEqual([1]);
    await until(() => a.log.codes("transport.peer_refused").length > 0);
    await late.network.close();
    late.network.setPeers(nodes);
    expect(late.network.peers().map(({ id }) => id)).toEqual([1]);
    expect(() => late.network.setPeers([at, at])).toThrow("each peer is given once");
  });
});

/** A TLS connection on which anything may be said. */
async function rawTls(node: Party, options: SocketOptions = {}): Promise<TLSSocket> {
  const { key, cert } = options;
  const shown = key === undefined || cert === undefined ? {} : { key, cert };
  const socket = connectTls({ host: HOST, port: node.network.port, rejectUnauthorized: false, ...shown });
  socket.on("error", () => undefined);
  closing.push(() => socket.destroy());
  await once(socket, "secureConnect");
  return socket;
}

/** Opens a WebSocket by hand and returns the connection, ready for frames of our own making. */
async function rawWebSocket(node: Party, path: string, options: SocketOptions = {}): Promise<TLSSocket> {
  const socket = await rawTls(node, options);
  const headers = Object.entries((options.headers ?? {}) as Record<string, string>);
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  const fixed = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"];
  const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
  socket.write([`GET ${path} HTTP/1.1`, `Host: ${HOST}`, key, ...fixed, ...lines, "", ""].join("\r\n"));
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString("latin1")).toMatch(/^HTTP\/1\.1 101/);
  return socket;
}

async function ended(socket: TLSSocket): Promise<void> {
  socket.resume();
  if (!socket.closed) await once(socket, "close");
}

describe("hostile bytes", () => {
  test("peer frames before the handshake reach nobody", async () => {
    const { node, peer } = await loneNode();
    const socket = await rawTls(node, peerOptions(peer));
    socket.write(Buffer.from([0x82, 0x81, 0, 0, 0, 0, 1]));
    await ended(socket);
    expect(node.seen.peerFrames).toEqual([]);
  });

  test("whatever comes after the upgrade, the node goes on", async () => {
    const { node, peer } = await loneNode();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("/client", "/peer"),
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { minLength: 1, maxLength: 4 }),
        async (path, chunks) => {
          const socket = await rawWebSocket(node, path, path === "/peer" ? peerOptions(peer) : {});
          for (const chunk of chunks) socket.write(chunk);
          socket.end();
          await ended(socket);
        },
      ),
      { numRuns: 60 },
    );
    const { socket } = await openClient(node);
    socket.send(new Uint8Array([42]));
    await until(() => node.seen.clientFrames.some(({ frame }) => frame[0] === 42));
  });

  test("whatever comes instead of TLS, the node goes on", async () => {
    const { node } = await loneNode();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 100 }), async (bytes) => {
        const socket = connectTcp({ host: HOST, port: node.network.port });
        socket.on("error", () => undefined);
        socket.write(bytes);
        socket.end();
        socket.resume();
        await once(socket, "close");
      }),
      { numRuns: 30 },
    );
    await openClient(node);
  });

  test("an oversized frame ends its connection with 1009; one at the bound is taken; others do not notice", async () => {
    const { node } = await loneNode();
    const bystander = await openClient(node);
    const { socket } = await openClient(node);
    socket.send(new Uint8Array(FRAME_BYTES_MAX));
    await until(() => node.seen.clientFrames.length === 1);
    socket.send(new Uint8Array(FRAME_BYTES_MAX + 1));
    expect(await closeCode(socket)).toBe(1009);
    bystander.socket.send(new Uint8Array([1]));
    await until(() => node.seen.clientFrames.length === 2);
    expect(node.seen.clientFrames[1]?.connection).toBe(bystander.connection);
  });

  test("fragments that add up to too much end the connection with 1009, too", async () => {
    const { node } = await loneNode();
    const { socket } = await openClient(node);
    const part = new Uint8Array(FRAME_BYTES_MAX / 2);
    socket.send(part, { fin: false });
    socket.send(part, { fin: false });
    socket.send(new Uint8Array(1), { fin: true });
    expect(await closeCode(socket)).toBe(1009);
    expect(node.seen.clientFrames).toEqual([]);
  });

  test("a text frame ends its connection with 1008", async () => {
    const { node, peer } = await loneNode();
    for (const socket of [(await openClient(node)).socket, dial(node, "/peer", peerOptions(peer))]) {
      if (socket.readyState !== WebSocket.OPEN) await once(socket, "open");
      socket.send("text");
      expect(await closeCode(socket)).toBe(1008);
    }
    expect(node.seen.clientFrames).toEqual([]);
    expect(node.seen.peerFrames).toEqual([]);
  });
});

describe("clients", () => {
  test("get what is sent to them, and a reason when they are closed", async () => {
    const { node } = await loneNode();
    const { socket, connection } = await openClient(node);
    const message = once(socket, "message");
    expect(node.network.sendClient(connection, new Uint8Array([5, 6]))).toBe(true);
    expect([...((await message)[0] as Buffer)]).toEqual([5, 6]);
    node.network.closeClient(connection, "some_code");
    const [code, reason] = (await once(socket, "close")) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([1008, "some_code"]);
    await until(() => node.seen.closed.includes(connection));
    expect(node.network.sendClient(connection, new Uint8Array([1]))).toBe(false);
  });

  test("one that does not read is closed when its queue is full, not before", async () => {
    const { node } = await loneNode();
    const { socket, connection } = await openClient(node);
    socket.pause();
    const frame = new Uint8Array(MIB);
    let sent = 0;
    while (node.network.sendClient(connection, frame)) {
      sent += MIB;
      expect(sent).toBeLessThan(2 * CONNECTION_BUFFER_BYTES_MAX);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    expect(sent).toBeGreaterThanOrEqual(CONNECTION_BUFFER_BYTES_MAX - MIB);
    await until(() => node.seen.closed.includes(connection));
  });

  test("of those who do not read, the one goes for whom most waits, when it is too much for all together", async () => {
    const { node } = await loneNode({ bufferBytes: 32 * MIB });
    const [greedy, modest, reader] = [await openClient(node), await openClient(node), await openClient(node)];
    for (const { socket } of [greedy, modest]) socket.pause();
    const frame = new Uint8Array(MIB);
    for (let sent = 0; sent < 60; sent++) {
      for (const client of sent % 2 === 0 ? [greedy, modest, reader] : [greedy, reader]) {
        node.network.sendClient(client.connection, frame);
      }
      if (node.seen.closed.length > 0) break;
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    expect(node.seen.closed).toEqual([greedy.connection]);
    expect(node.network.sendClient(greedy.connection, frame)).toBe(false);
    for (const { connection } of [modest, reader]) expect(node.network.sendClient(connection, frame)).toBe(true);
  });

  test("a full link loses frames and stays a link", async () => {
    const { node, peer } = await loneNode();
    const identity = peer;
    const sleepy = await listen(2, identity, [
      { id: 1, publicKey: node.identity.publicKey, host: HOST, port: node.network.port },
      { id: 2, publicKey: identity.publicKey, host: HOST, port: 0 },
    ]);
    sleepy.network.start(sleepy.seen);
    await until(() => sleepy.network.peers().every(({ connected }) => connected));
    // Within one turn of the event loop nobody reads.
    const frame = new Uint8Array(FRAME_BYTES_MAX);
    let taken = 0;
    while (sleepy.network.sendPeer(1, frame)) taken += 1;
    expect(taken).toBeLessThanOrEqual(CONNECTION_BUFFER_BYTES_MAX / FRAME_BYTES_MAX + 1);
    await until(() => node.seen.peerFrames.length === taken);
    expect(sleepy.network.sendPeer(1, new Uint8Array([1]))).toBe(true);
    await until(() => node.seen.peerFrames.length === taken + 1);
  });
});

/** Nothing but frames of one byte, without end, and never a closing frame. */
function flood(socket: TLSSocket): void {
  const frame = Buffer.from([0x82, 0x81, 0, 0, 0, 0, 1]);
  const chunk = Buffer.concat(Array.from({ length: 2_000 }, () => frame));
  const write = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on("drain", write);
  socket.resume();
  write();
}

/** Connections that say nothing. */
async function silentOnes(node: Party, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i++) {
    const socket = connectTcp({ host: HOST, port: node.network.port });
    socket.on("error", () => undefined);
    socket.resume();
    closing.push(() => socket.destroy());
    await once(socket, "connect");
    sockets.push(socket);
  }
  return sockets;
}

describe("strangers", () => {
  test("a flood is taken a few frames a turn, and others in between", async () => {
    const { node } = await loneNode();
    const { socket, connection } = await openClient(node);
    let [turn, most] = [0, 0];
    node.seen.clientFrame = (from, frame) => {
      if (from === connection) node.seen.clientFrames.push({ connection: from, frame });
      else turn += 1;
      most = Math.max(most, turn);
    };
    let runs = true;
    const count = (): void => {
      turn = 0;
      if (runs) setImmediate(count);
    };
    count();
    flood(await rawWebSocket(node, "/client"));
    for (let sent = 1; sent <= 20; sent++) {
      socket.send(new Uint8Array(1));
      await until(() => node.seen.clientFrames.length === sent);
    }
    runs = false;
    expect(most).toBe(CLIENT_FRAMES_PER_TURN_MAX);
  });

  test("one that is closed is no client at once, nothing of it is heard any more, and it goes though it never answers", async () => {
    const { node } = await loneNode();
    const socket = await rawWebSocket(node, "/client");
    await until(() => node.seen.opened.length === 1);
    flood(socket);
    await until(() => node.seen.clientFrames.length > 0);
    const connection = node.seen.opened[0] as number;
    const closedAt = performance.now();
    node.network.closeClient(connection, "some_code");
    const heard = node.seen.clientFrames.length;
    expect(node.seen.closed).toEqual([connection]);
    expect(node.network.sendClient(connection, new Uint8Array(1))).toBe(false);
    await ended(socket);
    expect(performance.now() - closedAt).toBeLessThan(4_000);
    expect([node.seen.clientFrames.length, node.seen.closed]).toEqual([heard, [connection]]);
  });

  test("connections that say nothing make room for a peer and a client", async () => {
    const { node, peer } = await loneNode({ strangers: 5 });
    const sockets = await silentOnes(node, 40);
    expect(await answerTo(dial(node, "/peer", peerOptions(peer)))).toBe("open");
    await openClient(node);
    await until(() => sockets.filter(({ closed }) => !closed).length < 5);
    expect(node.log.lines.filter(({ event }) => event === "transport.too_many_strangers")).toHaveLength(1);
    // Who is somebody is not put out for those that come.
    const count = node.seen.closed.length;
    await silentOnes(node, 20);
    expect([count, node.seen.closed.length, node.seen.peersLost]).toEqual([0, 0, []]);
  });

  test("more clients than the node has room for hear so; one that goes makes room at once", async () => {
    const { node } = await loneNode({ clients: 2 });
    const [first] = [await openClient(node), await openClient(node)];
    const third = dial(node, "/client");
    const [code, reason] = (await once(third, "close")) as [number, Buffer];
    expect([code, reason.toString(), node.seen.opened.length]).toEqual([1008, "too_many_connections", 2]);
    node.network.closeClient(first.connection, "some_code");
    await openClient(node);
  });

  test("who is closed and stays is put out for those that come", async () => {
    const { node } = await loneNode({ strangers: 2 });
    const socket = await rawWebSocket(node, "/client");
    socket.pause();
    await until(() => node.seen.opened.length === 1);
    node.network.closeClient(node.seen.opened[0] as number, "some_code");
    await silentOnes(node, 2);
    const before = performance.now();
    await ended(socket);
    expect(performance.now() - before).toBeLessThan(900);
  });

  test.each(["/client", "/peer"])("a message in many fragments ends its connection: %s", async (path) => {
    const { node, peer } = await loneNode();
    const socket = await rawWebSocket(node, path, path === "/peer" ? peerOptions(peer) : {});
    const part = (opcode: number): Buffer => Buffer.from([opcode, 0x81, 0, 0, 0, 0, 1]);
    for (let i = 0; i <= 16; i++) socket.write(part(i === 0 ? 2 : 0));
    await ended(socket);
    expect([node.seen.clientFrames, node.seen.peerFrames]).toEqual([[], []]);
  });

  test("a frame in very many pieces ends its connection", async () => {
    const { node } = await loneNode();
    const socket = await rawWebSocket(node, "/client");
    socket.setNoDelay(true);
    socket.write(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0]));
    for (let i = 0; i < 5_000 && !socket.destroyed; i++) {
      socket.write(Buffer.alloc(1));
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await ended(socket);
    expect(node.seen.clientFrames).toEqual([]);
  });
});

describe("the listener", () => {
  test("says so when its address is taken or cannot be listened on", async () => {
    const { node } = await loneNode();
    const { port } = node.network;
    const at = (host: string): Address[] => [{ id: 1, publicKey: node.identity.publicKey, host, port }];
    const codeAt = async (host: string): Promise<string> =>
      await listen(1, node.identity, at(host)).then(
        () => "listens",
        (error: CodedError) => error.code,
      );
    expect(await codeAt(HOST)).toBe("address_in_use");
    expect(await codeAt("203.0.113.1")).toBe("listen_failed");
    await expect(listen(2, node.identity, at(HOST))).rejects.toMatchObject({ code: "config_invalid" });
  });

  test("closes at once, whoever is in the middle of a handshake", async () => {
    const { node } = await loneNode();
    await openClient(node);
    const silent = connectTcp({ host: HOST, port: node.network.port });
    await once(silent, "connect");
    silent.resume();
    const gone = once(silent, "close");
    await node.network.close();
    await gone;
    expect(node.network.port).toBe(0);
  });
});
