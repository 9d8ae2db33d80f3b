import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { Clock, Timer } from "../base/ports/clock.ts";
import { NodeRandom } from "../host/node-random.ts";
import { Identity } from "./identity.ts";
import { KEEP_ALIVE_MS, KeepAlive } from "./keep-alive.ts";
import { PeerLink } from "./peer-link.ts";

const HOST = "127.0.0.1";

/** A clock whose timers wait until the test lets them run. */
class HeldClock implements Clock {
  readonly delays: number[] = [];
  readonly #held: { readonly callback: () => void; cancelled: boolean }[] = [];

  monotonicMs(): number {
    return 0;
  }

  wallMs(): number {
    return 0;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const held = { callback, cancelled: false };
    this.delays.push(delayMs);
    this.#held.push(held);
    return {
      cancel: () => {
        held.cancelled = true;
      },
    };
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }

  get waiting(): number {
    return this.#held.filter(({ cancelled }) => !cancelled).length;
  }

  release(): void {
    for (const { callback, cancelled } of this.#held.splice(0)) if (!cancelled) callback();
  }
}

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function until(condition: () => boolean): Promise<void> {
  const giveUp = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > giveUp) throw new Error("it did not come about");
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}

async function listener(
  identity: Identity,
): Promise<{ readonly server: Server; readonly sockets: WebSocketServer; readonly port: number }> {
  const server = createServer({ key: identity.toPem(), cert: identity.certificate });
  const sockets = new WebSocketServer({ server });
  server.listen(0, HOST);
  await once(server, "listening");
  closing.push(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  });
  return { server, sockets, port: (server.address() as AddressInfo).port };
}

function linkTo(clock: Clock, peer: Identity, port: number): PeerLink {
  const own = Identity.generate();
  const dialled = new PeerLink({
    self: 1,
    peer: { id: 2, publicKey: peer.publicKey, host: HOST, port },
    clusterId: new Uint8Array(16),
    credentials: { key: own.toPem(), cert: own.certificate },
    clock,
    random: new NodeRandom(),
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  closing.push(() => dialled.close());
  return dialled;
}

describe("back-off", () => {
  test("pauses double from 50 ms to a second, each drawn from its upper half", async () => {
    const clock = new HeldClock();
    const peer = Identity.generate();
    const { server, port } = await listener(peer);
    server.close();
    linkTo(clock, peer, port);
    for (let attempt = 1; attempt <= 8; attempt++) {
      await until(() => clock.delays.length === attempt);
      clock.release();
    }
    [50, 100, 200, 400, 800, 1_000, 1_000, 1_000].forEach((longest, attempt) => {
      expect(clock.delays[attempt]).toBeGreaterThanOrEqual(longest / 2);
      expect(clock.delays[attempt]).toBeLessThanOrEqual(longest);
    });
  });

  test("a link that is taken and dropped at once is not dialled faster and faster", async () => {
    const clock = new HeldClock();
    const peer = Identity.generate();
    const { sockets, port } = await listener(peer);
    sockets.on("connection", (socket) => socket.terminate());
    linkTo(clock, peer, port);
    for (let attempt = 0; attempt < 5; attempt++) {
      const before = clock.delays.filter((delay) => delay !== KEEP_ALIVE_MS).length;
      await until(() => clock.delays.filter((delay) => delay !== KEEP_ALIVE_MS).length > before);
      clock.release();
    }
    expect(clock.delays.filter((delay) => delay !== KEEP_ALIVE_MS)[4]).toBeGreaterThanOrEqual(400);
  });

  test("a link that has lived is dialled again at once", async () => {
    const clock = new HeldClock();
    const peer = Identity.generate();
    const { sockets, port } = await listener(peer);
    const pauses = (): number[] => clock.delays.filter((delay) => delay !== KEEP_ALIVE_MS);
    let connections = 0;
    sockets.on("connection", (socket) => {
      connections += 1;
      if (connections <= 5) socket.terminate();
      else socket.ping(() => setTimeout(() => socket.terminate(), 50));
    });
    linkTo(clock, peer, port);
    for (let attempt = 1; attempt <= 6; attempt++) {
      await until(() => pauses().length === attempt);
      clock.release();
    }
    expect(pauses()[4]).toBeGreaterThanOrEqual(400);
    expect(pauses()[5]).toBeLessThanOrEqual(50);
  });

  test("a closed link dials no more", async () => {
    const clock = new HeldClock();
    const peer = Identity.generate();
    const { port } = await listener(peer);
    const dialled = linkTo(clock, peer, port);
    await until(() => dialled.connected);
    dialled.close();
    await until(() => !dialled.connected);
    expect(dialled.send(new Uint8Array(1))).toBe(false);
    await until(() => clock.waiting === 0);
  });

  test("what was sent before a link is closed arrives, and what comes too late does not hold it up", async () => {
    const clock = new HeldClock();
    const peer = Identity.generate();
    const { sockets, port } = await listener(peer);
    const heard: number[] = [];
    let ended = 0;
    sockets.on("connection", (socket) => {
      socket.on("message", (data: Buffer) => heard.push(data[0] as number));
      socket.on("close", () => {
        ended += 1;
      });
    });
    const prompt = linkTo(clock, peer, port);
    await until(() => prompt.connected);
    for (const frame of [1, 2, 3]) prompt.send(new Uint8Array([frame]));
    prompt.close();
    expect(prompt.send(new Uint8Array([4]))).toBe(false);
    await until(() => ended === 1);
    expect(heard).toEqual([1, 2, 3]);
    await until(() => clock.waiting === 0);

    const stuck = linkTo(clock, peer, port);
    await until(() => stuck.connected);
    for (const socket of sockets.clients) socket.pause(); // it will not answer that we close
    stuck.close();
    expect(clock.delays.at(-1)).toBe(1_000);
    clock.release();
    for (const socket of sockets.clients) socket.resume();
    await until(() => ended === 2);
    expect(clock.waiting).toBe(0);
  });
});

describe("keep-alive", () => {
  /** A link of which this process holds both ends. */
  async function connect(): Promise<{ readonly near: WebSocket; readonly far: WebSocket }> {
    const { sockets, port } = await listener(Identity.generate());
    const near = new WebSocket(`wss://${HOST}:${port}/`, { rejectUnauthorized: false, autoPong: false });
    near.on("error", () => undefined);
    closing.push(() => near.terminate());
    const [far] = (await once(sockets, "connection")) as [WebSocket];
    if (near.readyState !== WebSocket.OPEN) await once(near, "open");
    return { near, far };
  }

  test("a link that is silent for three paces is ended", async () => {
    const { near } = await connect();
    const clock = new HeldClock();
    const keepAlive = new KeepAlive(near, clock, () => expect.unreachable("nobody pings"));
    for (let pace = 1; pace <= 2; pace++) clock.release();
    expect(near.readyState).toBe(WebSocket.OPEN);
    clock.release();
    expect(near.readyState).toBe(WebSocket.CLOSING);
    await once(near, "close");
    keepAlive.stop();
    expect(clock.waiting).toBe(0);
  });

  test("a link that is pinged goes on, though megabytes wait in it", async () => {
    const { near, far } = await connect();
    const clock = new HeldClock();
    let heard = 0;
    const keepAlive = new KeepAlive(near, clock, () => {
      heard += 1;
    });
    far.pause(); // takes no more frames than the kernel does
    for (let i = 0; i < 8; i++) near.send(new Uint8Array(4 * 1_048_576));
    for (let ping = 1; ping <= 6; ping++) {
      far.ping();
      await until(() => heard === ping);
      clock.release();
    }
    expect(near.bufferedAmount).toBeGreaterThan(0);
    expect(near.readyState).toBe(WebSocket.OPEN);
    keepAlive.stop();
    expect(clock.waiting).toBe(0);
  });
});
