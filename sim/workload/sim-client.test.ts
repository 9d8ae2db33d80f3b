import { describe, expect, test } from "vitest";
import type { NodeId } from "../../node/base/ids.ts";
import { SESSION_WINDOW } from "../../node/base/limits.ts";
import { Prng } from "../../node/base/prng.ts";
import { decodeClientFrame, encodeNodeFrame, type NodeFrame } from "../../node/wire/client-frames.ts";
import { WireError } from "../../node/wire/msgpack.ts";
import type { Plant } from "../cluster.ts";
import { Counters } from "../counts.ts";
import { tellingClients } from "../mutants/plants.ts";
import { Process } from "../process.ts";
import { Scheduler } from "../scheduler.ts";
import { TraceHash } from "../trace.ts";
import { KeyRing } from "../virtual-crypto.ts";
import { type NetworkOptions, VirtualNetwork } from "../virtual-network.ts";
import { World } from "../world.ts";
import { type Outcome, SimClient } from "./sim-client.ts";

const CLUSTER = new Uint8Array(16).fill(7);
const ANSWER = new Uint8Array([1, 2, 3]);
const NETWORK: NetworkOptions = {
  ...{ minDelayUs: 100, meanDelayUs: 500, lossPermille: 0, duplicatePermille: 0, bytesPerMs: 0 },
  ...{ latePermille: 0, lateMeanUs: 0, delays: "exponential", unequal: undefined },
};

/** What a node does with a question: answers it, knows no leader, is not there at all, or says what no node may say. */
type Node = "answers" | "lonely" | "down" | Saying;
type Saying = (request: number) => Uint8Array;

/** Asks once, in a world of such nodes; tells how it ended, when, and at which nodes it was asked. */
function ask(seed: number, nodes: readonly Node[], founders = nodes.length, done: () => void = () => undefined) {
  const scheduler = new Scheduler();
  const trace = new TraceHash();
  const random = new Prng(seed);
  const network = new VirtualNetwork({ scheduler, trace, counters: new Counters(), random }, NETWORK);
  const ids = nodes.map((_, index): NodeId => index + 1);
  const visits: NodeId[] = [];
  for (const [index, does] of nodes.entries()) {
    if (does === "down") continue;
    const node = index + 1;
    const deps = { scheduler, trace, random, observe: () => {}, crashed: () => {} };
    const port = network.port(new Process(node, deps), ids);
    const say = (connection: number, frame: NodeFrame): boolean => port.sendClient(connection, encodeNodeFrame(frame));
    port.start({
      peerFrame: () => {},
      peerLost: () => {},
      clientClosed: () => {},
      clientOpened: (connection) => {
        visits.push(node);
        say(connection, { type: "challenge", clusterId: CLUSTER, node, nonce: new Uint8Array(32) });
      },
      clientFrame: (connection, encoded) => {
        const frame = decodeClientFrame(encoded);
        if (frame.type === "hello") say(connection, { type: "welcome", node, logTime: 0n });
        else if (typeof does === "function") port.sendClient(connection, does(frame.request));
        else if (does === "answers") say(connection, { type: "answer", request: frame.request, answer: ANSWER });
        else say(connection, { type: "error", request: frame.request, code: "no_leader", message: "" });
      },
    });
  }
  const complaints: string[] = [];
  const complain = (message: string): void => {
    complaints.push(message);
  };
  const options = { endpoint: 101, requestTimeoutUs: 200_000, expiry: 1n };
  const client = new SimClient(
    {
      scheduler,
      network,
      random,
      clusterId: CLUSTER,
      nodes: ids,
      founders,
      authenticity: { signed: () => undefined, greeted: () => undefined },
      reached: new Counters(),
      complain,
    },
    options,
    new KeyRing().create("somebody"),
  );
  const outcomes: Outcome[] = [];
  client.ask({ kind: "query", query: new Uint8Array([9]), consistency: "linearizable" }, (outcome) => {
    outcomes.push(outcome);
    done();
  });
  while (outcomes.length === 0 && complaints.length === 0 && scheduler.step(60_000_000)) {
    // until then
  }
  return { client, outcomes, visits, complaints, atMs: scheduler.nowMs };
}

const SEEDS = Array.from({ length: 20 }, (_, seed) => seed);

describe("a client of the simulator", () => {
  test("leaves nodes that know no leader, and asks each once before it comes back", () => {
    for (const seed of SEEDS) {
      const { outcomes, visits, complaints, atMs } = ask(seed, ["lonely", "lonely", "lonely", "answers"]);
      expect(outcomes).toEqual([{ kind: "answer", answer: ANSWER }]);
      expect(new Set(visits).size).toBe(visits.length);
      expect(atMs).toBeGreaterThan((visits.length - 1) * 200);
      expect(atMs).toBeLessThan(visits.length * 400);
      expect(complaints).toEqual([]);
    }
  });

  test("tries those first who are members from the beginning, and then the others", () => {
    for (const seed of SEEDS) {
      expect(ask(seed, ["answers", "answers", "answers"], 1).visits).toEqual([1]);
      expect(ask(seed, ["lonely", "answers", "answers"], 1).visits[0]).toBe(1);
    }
  });

  test("does not wait for ever at a node that is gone when it has left all others", () => {
    for (const seed of SEEDS) {
      const { outcomes, visits, atMs } = ask(seed, ["lonely", "down", "lonely"]);
      expect(outcomes).toEqual([]);
      expect(visits.length).toBeGreaterThan(60);
      expect(atMs).toBe(60_000);
    }
  });

  test("gets no further ahead of what it waits for than its session remembers, twice over", () => {
    const [waiting, answered] = [ask(1, ["down"]).client, ask(1, ["answers"]).client];
    const isFar = Array.from({ length: SESSION_WINDOW / 2 }, () => {
      for (const client of [waiting, answered]) client.sign({ kind: "sessionOpen" });
      return [waiting.isFarAhead, answered.isFarAhead];
    });
    const first = isFar.findIndex(([far]) => far);
    expect(first).toBeGreaterThan(100);
    expect(2 * (first + 1)).toBeLessThan(SESSION_WINDOW);
    expect(isFar.every(([, far]) => far === false)).toBe(true);
  });

  test.each<[string, Saying, RegExp]>([
    ["is no frame", () => new Uint8Array([0xc1]), /cannot be read/],
    ["is a receipt for a question", (request) => node({ type: "receipt", request, receipt: ANSWER }), /with a receipt/],
    [
      "refuses the client",
      () => node({ type: "error", request: 0, code: "bad_frame", message: "what?" }),
      /itself: bad_frame/,
    ],
    [
      "greets for another cluster",
      () => node({ type: "challenge", clusterId: new Uint8Array(16), node: 1, nonce: new Uint8Array(32) }),
      /another cluster/,
    ],
  ])("complains of what %s", (_, saying, complaint) => {
    expect(ask(1, [saying]).complaints).toEqual([expect.stringMatching(complaint)]);
  });

  test("complains of an answer that whoever has asked cannot read", () => {
    const unreadable = (): void => {
      throw new WireError("malformed_msgpack", "cut off");
    };
    expect(ask(1, ["answers"], 1, unreadable).complaints).toEqual([expect.stringContaining("cut off")]);
    const wrong = (): void => {
      throw new RangeError("a fault of the simulator's own");
    };
    expect(() => ask(1, ["answers"], 1, wrong)).toThrow(RangeError);
  });
});

test("a frame that no client can read fails a run by the rule `protocol`", () => {
  const plant: Plant = (host) => {
    const network = tellingClients(host.network, (frame) => frame.subarray(0, -1));
    return { host: { ...host, network } };
  };
  const world = new World(1, { plant });
  world.run();
  expect(world.verdict.failure).toMatchObject({ checker: "protocol" });
});

function node(frame: NodeFrame): Uint8Array {
  return encodeNodeFrame(frame);
}
