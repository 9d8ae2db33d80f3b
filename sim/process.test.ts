import { describe, expect, test } from "vitest";
import { Prng } from "../node/base/prng.ts";
import { Process } from "./process.ts";
import { Scheduler } from "./scheduler.ts";
import { TraceHash } from "./trace.ts";

function world(seed = 1) {
  const ran: string[] = [];
  const trace = new TraceHash();
  const process = new Process(1, {
    ...{ scheduler: new Scheduler(), trace, random: new Prng(seed) },
    observe: () => ran.push("observed"),
    crashed: (error) => ran.push(String(error)),
  });
  return { process, ran, trace };
}

describe("a process", () => {
  test("runs what comes, then what that has put off, then shows itself", () => {
    const { process, ran } = world();
    process.run("timer", () => {
      process.defer(() => {
        ran.push("second");
        process.defer(() => ran.push("third"));
      });
      ran.push("first");
    });
    expect(ran).toEqual(["first", "second", "third", "observed"]);
  });

  test("a killed one runs nothing more, not even what it has put off", () => {
    const { process, ran } = world();
    process.run("timer", () => {
      process.defer(() => ran.push("deferred"));
      process.kill();
    });
    process.run("timer", () => ran.push("later"));
    expect([ran, process.alive]).toEqual([[], false]);
  });

  test("an error that nobody caught is told, and not thrown", () => {
    const { process, ran } = world();
    process.run("peer", () => {
      throw new TypeError("no such thing");
    });
    expect(ran).toEqual(["TypeError: no such thing"]);
  });

  test("a paused one runs what came meanwhile when it goes on: in order within each way it came", () => {
    const orders = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      const { process, ran } = world(seed);
      process.pause();
      for (const [kind, name] of [
        ["peer", "p1"],
        ["client", "c1"],
        ["peer", "p2"],
        ["client", "c2"],
      ] as const) {
        process.run(kind, () => ran.push(name));
      }
      expect(ran).toEqual([]);
      process.resume();
      orders.add(ran.join(" "));
    }
    expect([...orders].sort()).toEqual(["c1 c2 p1 p2 observed", "p1 p2 c1 c2 observed"]);
  });

  test("a paused one that is killed forgets what came", () => {
    const { process, ran } = world();
    process.pause();
    process.run("peer", () => ran.push("peer"));
    process.kill();
    process.resume();
    expect(ran).toEqual([]);
  });
});

describe("the trace hash", () => {
  const hashOf = (act: (trace: TraceHash) => void): string => {
    const trace = new TraceHash();
    act(trace);
    return trace.digest();
  };

  test("tells apart when, where, what and which bytes, and in which order", () => {
    const hashes = [
      hashOf(() => {}),
      hashOf((trace) => trace.event(1, 1, "timer")),
      hashOf((trace) => trace.event(2, 1, "timer")),
      hashOf((trace) => trace.event(1, 2, "timer")),
      hashOf((trace) => trace.event(1, 1, "peer")),
      hashOf((trace) => trace.bytes(new Uint8Array([1, 2]))),
      hashOf((trace) => trace.bytes(new Uint8Array([2, 1]))),
      hashOf((trace) => trace.bytes(new Uint8Array([1, 2, 0]))),
      hashOf((trace) => {
        trace.event(1, 1, "timer");
        trace.event(1, 2, "timer");
      }),
      hashOf((trace) => {
        trace.event(1, 2, "timer");
        trace.event(1, 1, "timer");
      }),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    for (const hash of hashes) expect(hash).toMatch(/^[0-9a-f]{16}$/);
  });

  test("is the same for the same events, and counts them", () => {
    const trace = new TraceHash();
    for (let i = 0; i < 5; i++) trace.event(i, 1, "disk");
    expect(trace.steps).toBe(5);
    const again = hashOf((other) => {
      for (let i = 0; i < 5; i++) other.event(i, 1, "disk");
    });
    expect(trace.digest()).toBe(again);
  });
});
