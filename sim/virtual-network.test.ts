import { describe, expect, test } from "vitest";
import { Prng } from "../node/base/prng.ts";
import { Counters } from "./counts.ts";
import { Process } from "./process.ts";
import { Scheduler } from "./scheduler.ts";
import { TraceHash } from "./trace.ts";
import { type NetworkOptions, VirtualNetwork } from "./virtual-network.ts";

const CLIENT = 101;
const PERFECT: NetworkOptions = {
  ...{ minDelayUs: 100, meanDelayUs: 1_000, lossPermille: 0, duplicatePermille: 0, bytesPerMs: 0 },
  ...{ latePermille: 0, lateMeanUs: 0, delays: "exponential", unequal: undefined },
};

function world(options: Partial<NetworkOptions> = {}) {
  const scheduler = new Scheduler();
  const trace = new TraceHash();
  const counters = new Counters();
  const network = new VirtualNetwork({ scheduler, trace, counters, random: new Prng(1) }, { ...PERFECT, ...options });
  const heard: string[] = [];
  const nodes = [1, 2].map((node) => {
    const process = new Process(node, {
      scheduler,
      trace,
      random: new Prng(2),
      observe: () => {},
      crashed: (error) => heard.push(String(error)),
    });
    const port = network.port(process, [1, 2]);
    port.start({
      peerFrame: (from, frame) => heard.push(`${node} hears ${frame[0]} from ${from}`),
      peerLost: (from) => heard.push(`${node} lost ${from}`),
      clientOpened: () => heard.push(`${node} opened`),
      clientFrame: (connection, frame) => {
        heard.push(`${node} reads ${frame[0]}`);
        port.sendClient(connection, frame);
      },
      clientClosed: () => heard.push(`${node} closed`),
    });
    return { process, port };
  });
  const run = (us: number): void => {
    while (scheduler.step(us)) {
      // until then
    }
  };
  const client = {
    frame: (frame: Uint8Array) => heard.push(`client reads ${frame[0]}`),
    closed: () => heard.push("client closed"),
  };
  return { scheduler, counters, network, heard, nodes, run, client };
}

const frames = Array.from({ length: 50 }, (_, i) => new Uint8Array([i]));

describe("virtual network", () => {
  test("a narrow link sends one frame after the other, in each direction by itself", () => {
    const { nodes, scheduler, run, heard } = world({ minDelayUs: 0, meanDelayUs: 0, bytesPerMs: 100 });
    for (let i = 0; i < 3; i++) nodes[0]?.port.sendPeer(2, new Uint8Array(1_000).fill(i));
    nodes[1]?.port.sendPeer(1, new Uint8Array(1_000).fill(9));
    run(9_999);
    expect([scheduler.nowUs, heard]).toEqual([9_999, []]);
    run(10_000);
    expect([...heard].sort()).toEqual(["1 hears 9 from 2", "2 hears 0 from 1"]);
    run(29_999);
    expect(heard.length).toBe(3);
    run(30_000);
    expect(heard.length).toBe(4);
  });

  test("where links differ each direction has its own capacity and mean delay, the same in every run", () => {
    const arrivals = (seed: number): readonly number[] => {
      const unequal = { seed, halvingsMax: 3, doublingsMax: 2 };
      const constant = { minDelayUs: 0, meanDelayUs: 1_000, delays: "constant", bytesPerMs: 800, unequal } as const;
      const { nodes, scheduler, heard } = world(constant);
      nodes[0]?.port.sendPeer(2, new Uint8Array(8_000));
      nodes[1]?.port.sendPeer(1, new Uint8Array(8_000));
      const at = new Map<string, number>();
      while (scheduler.step(1e6)) for (const text of heard.splice(0)) at.set(text, scheduler.nowUs);
      return [at.get("2 hears 0 from 1") ?? 0, at.get("1 hears 0 from 2") ?? 0];
    };
    const seeds = Array.from({ length: 100 }, (_, seed) => seed);
    const all = seeds.map(arrivals);
    expect(seeds.map(arrivals)).toEqual(all);
    const may = [10, 20, 40, 80].flatMap((sends) => [0.25, 0.5, 1, 2, 4].map((delay) => 1_000 * (sends + delay)));
    expect(new Set(all.flat())).toEqual(new Set(may));
    expect(all.filter(([there, back]) => there !== back).length).toBeGreaterThan(50);
  });

  test("a client that reads slowly pauses after each frame, and is left when too much waits for it", () => {
    const { nodes, network, run, heard, counters, client } = world({ minDelayUs: 0, meanDelayUs: 0 });
    network.connect(CLIENT, 1, client);
    run(10);
    heard.length = 0;
    const end = network.slowReaders([CLIENT], 5_000);
    const send = (bytes: number): boolean | undefined => nodes[0]?.port.sendClient(1, new Uint8Array(bytes));
    expect([send(4_000), send(1), send(1)]).toEqual([true, false, false]);
    run(20);
    expect([heard.sort(), counters.read()]).toEqual([["1 closed", "client closed"], { tooSlowClient: 1 }]);
    heard.length = 0;
    network.connect(CLIENT, 1, client);
    run(30);
    nodes[0]?.port.sendClient(2, new Uint8Array([1]));
    nodes[0]?.port.sendClient(2, new Uint8Array([2]));
    end();
    nodes[0]?.port.sendClient(2, new Uint8Array([3]));
    run(5_029);
    expect(heard).toEqual(["1 opened", "client reads 1"]);
    run(10_030);
    expect(heard.slice(2)).toEqual(["client reads 2", "client reads 3"]);
  });

  test("what is sent on a clogged link comes when the time is over, all at once, and the other direction goes on", () => {
    const { nodes, network, run, heard } = world({ minDelayUs: 0, meanDelayUs: 0 });
    network.clog([{ from: 1, to: 2 }], 50_000);
    for (const frame of frames) nodes[0]?.port.sendPeer(2, frame);
    nodes[1]?.port.sendPeer(1, new Uint8Array([9]));
    run(49_999);
    expect(heard).toEqual(["1 hears 9 from 2"]);
    run(50_000);
    expect(heard.length).toBe(1 + frames.length);
    network.clog([{ from: 1, to: 2 }], 50_000);
    network.quieten();
    nodes[0]?.port.sendPeer(2, new Uint8Array([7]));
    run(51_000);
    expect(heard.at(-1)).toBe("2 hears 7 from 1");
  });

  test("peer frames arrive, some overtaking others", () => {
    const { nodes, heard, run, counters } = world();
    for (const frame of frames) nodes[0]?.port.sendPeer(2, frame);
    run(1e6);
    const inOrder = frames.map((frame) => `2 hears ${frame[0]} from 1`);
    expect([...heard].sort()).toEqual([...inOrder].sort());
    expect(heard).not.toEqual(inOrder);
    expect(counters.read()["reorder"]).toBeGreaterThan(0);
  });

  test("peer frames are lost and doubled as often as asked", () => {
    const { nodes, heard, run, counters } = world({ lossPermille: 500, duplicatePermille: 500 });
    for (const frame of frames) nodes[0]?.port.sendPeer(2, frame);
    run(1e6);
    const { drop = 0, duplicate = 0 } = counters.read();
    expect(heard).toHaveLength(50 - drop + duplicate);
    expect(drop).toBeGreaterThan(10);
    expect(duplicate).toBeGreaterThan(5);
  });

  test("a link blocked in one direction carries the other, until it is healed", () => {
    const { nodes, network, heard, run } = world();
    const heal = network.block([{ from: 1, to: 2 }]);
    nodes[0]?.port.sendPeer(2, new Uint8Array([1]));
    nodes[1]?.port.sendPeer(1, new Uint8Array([2]));
    run(1e6);
    expect(heard).toEqual(["1 hears 2 from 2"]);
    heal();
    nodes[0]?.port.sendPeer(2, new Uint8Array([3]));
    run(2e6);
    expect(heard).toEqual(["1 hears 2 from 2", "2 hears 3 from 1"]);
  });

  test("a link that two faults block is open when both are over", () => {
    const { nodes, network, heard, run } = world();
    const first = network.block([{ from: 1, to: 2 }]);
    const second = network.block([
      { from: 1, to: 2 },
      { from: 2, to: 1 },
    ]);
    const say = (): void => {
      for (const [node, to] of [
        [0, 2],
        [1, 1],
      ] as const)
        nodes[node]?.port.sendPeer(to, new Uint8Array([heard.length]));
    };
    say();
    first();
    say();
    run(1e6);
    expect(heard).toEqual([]);
    second();
    say();
    run(2e6);
    expect(heard.sort()).toEqual(["1 hears 0 from 2", "2 hears 0 from 1"]);
  });

  test("a frame on its way is lost when the link is cut before it arrives", () => {
    const { nodes, network, heard, run } = world({ minDelayUs: 10_000, meanDelayUs: 0 });
    nodes[0]?.port.sendPeer(2, new Uint8Array([1]));
    run(9_000);
    network.block([{ from: 1, to: 2 }]);
    run(1e6);
    expect(heard.filter((line) => line.includes("hears"))).toEqual([]);
  });

  test("frames between nodes that are not each other's peers are dropped and counted, also those on their way", () => {
    const { nodes, heard, run, counters } = world({ minDelayUs: 10_000, meanDelayUs: 0 });
    const [first, second] = nodes.map(({ port }) => port);
    const peers = [1, 2].map((id) => ({ id, publicKey: new Uint8Array(32), host: `node-${id}`, port: 7400 }));
    first?.sendPeer(2, new Uint8Array([1]));
    second?.sendPeer(1, new Uint8Array([2]));
    second?.setPeers(peers.slice(1));
    run(1e6);
    expect(heard).toEqual(["1 hears 2 from 2"]);
    expect(second?.sendPeer(1, new Uint8Array([3]))).toBe(false);
    expect(first?.sendPeer(2, new Uint8Array([4]))).toBe(true);
    run(2e6);
    expect(heard).toEqual(["1 hears 2 from 2"]);
    expect(counters.read()).toEqual({ strangerFrame: 3 });
    second?.setPeers(peers);
    second?.sendPeer(1, new Uint8Array([5]));
    first?.sendPeer(2, new Uint8Array([6]));
    run(3e6);
    expect(heard.slice(1).sort()).toEqual(["1 hears 5 from 2", "2 hears 6 from 1"]);
  });

  test("a node that starts again has the peers it is given then, not those of its last life", () => {
    const { nodes, network, heard, run } = world();
    nodes[1]?.port.setPeers([]);
    network.detach(2);
    const hears = { peerLost: () => {}, clientOpened: () => {}, clientFrame: () => {}, clientClosed: () => {} };
    const again = network.port(nodes[1]?.process as Process, [1, 2]);
    again.start({ ...hears, peerFrame: (from) => heard.push(`again from ${from}`) });
    nodes[0]?.port.sendPeer(2, new Uint8Array([1]));
    run(1e6);
    expect(heard).toEqual(["1 lost 2", "again from 1"]);
  });

  test("delays have the mean that was asked for, above the least", () => {
    const { nodes, scheduler, network, run } = world({ minDelayUs: 500, meanDelayUs: 2_000 });
    const tookUs: number[] = [];
    const hears = { peerLost: () => {}, clientOpened: () => {}, clientFrame: () => {}, clientClosed: () => {} };
    const process = nodes[1]?.process as Process;
    network.port(process, [1, 2]).start({ ...hears, peerFrame: () => tookUs.push(scheduler.nowUs) });
    for (let i = 0; i < 2_000; i++) nodes[0]?.port.sendPeer(2, new Uint8Array([1]));
    run(1e6);
    expect(Math.min(...tookUs)).toBeGreaterThanOrEqual(500);
    const mean = tookUs.reduce((sum, us) => sum + us, 0) / tookUs.length;
    expect(mean).toBeGreaterThan(2_350);
    expect(mean).toBeLessThan(2_650);
  });

  test("late frames arrive long after others that were sent later", () => {
    const { nodes, heard, run, counters } = world({ meanDelayUs: 0, latePermille: 100, lateMeanUs: 50_000 });
    for (const frame of frames) nodes[0]?.port.sendPeer(2, frame);
    run(1_000);
    const { late = 0, reorder = 0 } = counters.read();
    expect(late).toBeGreaterThan(0);
    expect(heard.length).toBeGreaterThanOrEqual(50 - late);
    expect(heard.length).toBeLessThan(50);
    run(1e7);
    expect([heard.length, reorder > 0]).toEqual([50, true]);
  });

  test("a quiet network opens all links, loses and doubles nothing, and is fast", () => {
    const { nodes, network, heard, run } = world({
      ...{ meanDelayUs: 1e6, lossPermille: 500, duplicatePermille: 500, latePermille: 500, lateMeanUs: 1e6 },
    });
    network.block([{ from: 1, to: 2 }]);
    network.quieten();
    for (const frame of frames) nodes[0]?.port.sendPeer(2, frame);
    run(20_000);
    expect(heard).toHaveLength(50);
  });

  test("a client's stream keeps its order in both directions", () => {
    const { network, heard, run, client } = world({ lossPermille: 900, duplicatePermille: 900 });
    const connection = network.connect(CLIENT, 1, client);
    for (const frame of frames) connection?.send(frame);
    run(1e6);
    expect(heard[0]).toBe("1 opened");
    expect(heard.filter((line) => line.startsWith("1 reads"))).toEqual(frames.map((frame) => `1 reads ${frame[0]}`));
    expect(heard.filter((line) => line.startsWith("client"))).toEqual(
      frames.map((frame) => `client reads ${frame[0]}`),
    );
    connection?.close();
    run(2e6);
    expect(heard.at(-1)).toBe("1 closed");
  });

  test("a stream that met a blocked link stays broken, and both ends notice", () => {
    const { network, heard, run, client } = world();
    const connection = network.connect(CLIENT, 1, client);
    run(1e5);
    const heal = network.block([{ from: CLIENT, to: 1 }]);
    connection?.send(new Uint8Array([1]));
    heal();
    connection?.send(new Uint8Array([2]));
    run(1e7);
    expect(heard.sort()).toEqual(["1 closed", "1 opened", "client closed"]);
  });

  test("a crashed node ends its streams and hears nothing", () => {
    const { nodes, network, heard, run, client } = world();
    network.connect(CLIENT, 1, client);
    run(1e5);
    nodes[1]?.port.sendPeer(1, new Uint8Array([1]));
    nodes[0]?.process.kill();
    network.detach(1);
    expect(nodes[1]?.port.sendPeer(1, new Uint8Array([2]))).toBe(false);
    run(1e6);
    expect(heard).toEqual(["1 opened", "client closed", "2 lost 1"]);
  });

  test("that a link is cut, the end that takes its frames may notice, and is told nothing of others", () => {
    const { nodes, network, heard, run, counters } = world();
    for (let i = 0; i < 50; i++)
      network.block([
        { from: 1, to: 2 },
        { from: CLIENT, to: 1 },
      ])();
    nodes[0]?.port.setPeers([]);
    for (let i = 0; i < 50; i++) network.block([{ from: 2, to: 1 }])();
    run(1e7);
    const { peerLost = 0 } = counters.read();
    expect(peerLost).toBeGreaterThan(0);
    expect(peerLost).toBeLessThan(50);
    expect(heard).toEqual(Array.from({ length: peerLost }, () => "2 lost 1"));
  });

  test("a paused process hears later, in order", () => {
    const { nodes, network, heard, run, client } = world();
    const connection = network.connect(CLIENT, 1, client);
    run(1e5);
    nodes[0]?.process.pause();
    for (const frame of frames.slice(0, 3)) connection?.send(frame);
    run(1e6);
    expect(heard).toEqual(["1 opened"]);
    nodes[0]?.process.resume();
    run(2e6);
    expect(heard.filter((line) => line.startsWith("1"))).toEqual(["1 opened", "1 reads 0", "1 reads 1", "1 reads 2"]);
  });

  test("a stream that both ends close while the node stands still is closed once", () => {
    const { nodes, network, heard, run, client } = world();
    const connection = network.connect(CLIENT, 1, client);
    run(1e5);
    nodes[0]?.process.pause();
    connection?.close();
    run(1e6);
    // What it does first when it goes on.
    nodes[0]?.port.closeClient(1, "busy");
    nodes[0]?.process.resume();
    run(2e6);
    expect(heard).toEqual(["1 opened"]);
  });
});
