import { describe, expect, test } from "vitest";
import { Counters } from "../counts.ts";
import { Scheduler } from "../scheduler.ts";
import { TraceHash } from "../trace.ts";
import type { Link } from "../virtual-network.ts";
import { type FaultyCluster, Injector } from "./injector.ts";
import type { FaultStep, StepKind } from "./plan.ts";

const CLIENTS = [101, 102];

/** Carries out steps at 10 ms on a cluster of three that only writes down what is done to it; node 2 leads. */
function world(...steps: readonly FaultStep[]) {
  const done: string[] = [];
  const down = new Set<number>();
  const scheduler = new Scheduler();
  const note = (text: string): void => {
    done.push(`${scheduler.nowMs} ${text}`);
  };
  const cluster: FaultyCluster = {
    ids: [1, 2, 3],
    leader: () => (down.has(2) ? undefined : 2),
    start: (node) => {
      if (down.delete(node)) note(`start ${node}`);
    },
    votersOf: () => [1, 2, 3],
    crash: (node) => {
      if (down.has(node)) return false;
      down.add(node);
      note(`crash ${node}`);
      return true;
    },
    pause: (node) => {
      note(`pause ${node}`);
      return true;
    },
    resume: (node) => note(`resume ${node}`),
    setDiskSlowness: (node, factor) => note(`disk ${node} ${factor}`),
    setDiskFull: (node, isFull) => note(`full ${node} ${isFull}`),
    setTimerSlowness: (node, factor) => note(`timers ${node} ${factor}`),
    failDisk: (node, operation, afterMs) => {
      note(`fail ${operation} ${node} ${afterMs}`);
      return true;
    },
    hangDisk: (node, forMs) => note(`hang ${node} ${forMs}`),
    hangStore: (node, forMs) => note(`hang store ${node} ${forMs}`),
    setStoreFull: (node, isFull) => note(`full store ${node} ${isFull}`),
    spoilLog: (node, lasting, afterMs) => {
      note(`spoil ${node} ${lasting} ${afterMs}`);
      return node !== 1;
    },
    failStoreReads: (node, part, lasting) => {
      note(`unreadable ${part} ${node} ${lasting}`);
      return node !== 2;
    },
    healStoreReads: (node) => note(`readable ${node}`),
    canSpare: (node) => node !== 3,
    damageLog: (node, how) => {
      note(`${how} ${node}`);
      return down.has(node);
    },
    lose: (node) => {
      note(`lose ${node}`);
      return true;
    },
    rotLog: (node) => {
      note(`rot log ${node}`);
      return true;
    },
    rotPage: (node) => {
      note(`rot page ${node}`);
      return node !== 1;
    },
    jumpClock: (node, byMs) => note(`jump ${node} ${byMs}`),
    handOver: (node) => note(`hand over ${node}`),
    upgrade: (node) => {
      note(`upgrade ${node}`);
      return node !== 3;
    },
    quieten: () => note("quieten"),
  };
  const blocked = new Set<string>();
  const text = ({ from, to }: Link): string => `${from}>${to}`;
  const network = {
    block: (links: readonly Link[]) => {
      for (const link of links) blocked.add(text(link));
      return () => {
        for (const link of links) blocked.delete(text(link));
      };
    },
    clog: ([link]: readonly Link[], forUs: number) => note(`clog ${text(link as Link)} ${forUs}`),
    slowReaders: (clients: readonly number[], pauseUs: number) => {
      note(`slow ${clients.join()} ${pauseUs}`);
      return () => note(`fast ${clients.join()}`);
    },
    quieten: () => blocked.clear(),
  };
  const zoneOf = (node: number): number => (node === 1 ? 1 : 2);
  const counters = new Counters();
  const skipped = new Counters<StepKind>();
  const plan = steps.map((step) => ({ atMs: 10, step }));
  const outside = { isDown: false };
  const deps = {
    scheduler,
    trace: new TraceHash(),
    counters,
    skipped,
    cluster,
    network,
    outside,
    clients: CLIENTS,
    zoneOf,
  };
  const injector = new Injector(deps, plan);
  injector.begin();
  const run = (ms: number): void => {
    while (scheduler.step(ms * 1_000)) {
      // until then
    }
  };
  return { injector, done, run, counters, skipped, outside, blocked: () => [...blocked].sort() };
}

describe("carrying out faults", () => {
  test("a partition cuts both directions between its groups, for its time", () => {
    const { run, blocked, counters } = world({ kind: "partition", groups: [[1], [2, 3]], oneWay: false, forMs: 20 });
    run(10);
    expect(blocked()).toEqual(["1>2", "1>3", "2>1", "3>1"]);
    run(30);
    expect([blocked(), counters.read()]).toEqual([[], { partition: 1 }]);
  });

  test("an asymmetric one cuts what the first group says", () => {
    const { run, blocked, counters } = world({ kind: "partition", groups: [[1], [2, 3]], oneWay: true, forMs: 20 });
    run(10);
    expect(blocked()).toEqual(["1>2", "1>3"]);
    expect(counters.read()).toEqual({ asymmetricPartition: 1 });
  });

  test.each([
    [false, ["1>2", "1>3", "2>1", "2>3", "3>1", "3>2"]],
    [true, ["1>2", "1>3", "2>3"]],
  ])("of three sides none hears another, and none those before it where it is one-way (%s)", (oneWay, links) => {
    const { run, blocked, counters } = world({ kind: "partition", groups: [[1], [2], [3]], oneWay, forMs: 20 });
    run(10);
    expect(blocked()).toEqual(links);
    expect(counters.read()).toEqual({ [oneWay ? "asymmetricPartition" : "partition"]: 1, manySides: 1 });
  });

  test("nodes on no side hear all", () => {
    const { run, blocked, counters } = world({ kind: "partition", groups: [[1], [3]], oneWay: false, forMs: 20 });
    run(10);
    expect([blocked(), counters.read()]).toEqual([["1>3", "3>1"], { partialPartition: 1, partition: 1 }]);
  });

  test("over a bridge both sides are heard", () => {
    const { run, blocked } = world({ kind: "bridge", bridge: 3, groups: [[1], [2]], forMs: 20 });
    run(10);
    expect(blocked()).toEqual(["1>2", "2>1"]);
  });

  test.each([
    ["both", ["1>2", "2>1", "2>3", "3>2"]],
    ["in", ["1>2", "3>2"]],
    ["out", ["2>1", "2>3"]],
  ] as const)("isolating the leader, %s: its clients still reach it", (direction, links) => {
    const { run, blocked } = world({ kind: "isolate", target: "leader", direction, forMs: 20 });
    run(10);
    expect(blocked()).toEqual(links);
  });

  test("answers to the leader are late, as many as it needs; then it is cut off but for them", () => {
    const { run, done, blocked, counters } = world({ kind: "lateAnswers", target: "leader", forMs: 20 });
    run(159);
    expect([done, blocked()]).toEqual([["10 clog 1>2 170000"], []]);
    run(979);
    expect(blocked()).toEqual(["2>1", "2>3", "3>2"]);
    run(980);
    expect([blocked(), counters.read()]).toEqual([[], { lateAnswers: 1 }]);
  });

  test("a link is clogged in one direction", () => {
    const { run, done, counters } = world({ kind: "clog", from: 3, to: 1, forMs: 20 });
    run(50);
    expect([done, counters.read()]).toEqual([["10 clog 3>1 20000"], { clog: 1 }]);
  });

  test("clients are cut off, peers are not", () => {
    const { run, blocked } = world({ kind: "isolateClients", target: 1, forMs: 20 });
    run(10);
    expect(blocked()).toEqual(["101>1", "102>1", "1>101", "1>102"]);
  });

  test("a node is upgraded by a restart, whether it is down or up, and counted where it was old", () => {
    const steps = [1, 3, "leader"].map((target): FaultStep => {
      return { kind: "upgrade", target: target as number | "leader", restartAfterMs: 5 };
    });
    const { run, done, counters, skipped } = world(...steps, { kind: "upgrade", target: 1, restartAfterMs: 5 });
    run(50);
    expect(done).toEqual(
      ["upgrade 1", "crash 1", "upgrade 3", "crash 3", "upgrade 2", "crash 2", "upgrade 1"]
        .map((text) => `10 ${text}`)
        .concat(["15 start 1", "15 start 3", "15 start 2"]),
    );
    expect(counters.read()).toMatchObject({ upgrade: 3, crash: 3 });
    expect(skipped.read()).toEqual({ upgrade: 1 });
  });

  test("a crashed node starts again, and is not crashed twice", () => {
    const crash: FaultStep = { kind: "crash", target: "leader", restartAfterMs: 5 };
    const { run, done, counters } = world(crash, { ...crash, target: 2 }, { kind: "crashAll", restartAfterMs: 7 });
    run(50);
    expect(done).toEqual(["10 crash 2", "10 crash 1", "10 crash 3", "15 start 2", "17 start 1", "17 start 3"]);
    expect(counters.read()).toEqual({ crash: 3, crashAll: 1, restart: 3 });
  });

  test("an armed crash waits for its moment, then takes one node or all", () => {
    const armed = { kind: "crashWhen", moment: "voted", delayUs: 2_000, restartAfterMs: 100 } as const;
    const { run, done, injector, counters } = world({ ...armed, all: false }, { ...armed, all: true });
    run(20);
    injector.moment(3, "elected");
    injector.moment(3, "voted");
    run(30);
    expect(done).toEqual(["22 crash 3"]);
    injector.moment(1, "voted");
    injector.moment(1, "voted");
    run(40);
    expect(done).toEqual(["22 crash 3", "32 crash 1", "32 crash 2"]);
    expect(counters.read()).toMatchObject({ crashWhen: 2 });
  });

  test("pauses, slow and full disks and slow timers end; clocks jump; disks fail once; the leader hands over", () => {
    const { run, done } = world(
      { kind: "pause", target: 1, forMs: 5 },
      { kind: "slowDisk", target: 1, factor: 9, forMs: 6 },
      { kind: "fullDisk", target: 2, forMs: 9 },
      { kind: "slowTimers", target: "leader", factor: 4, forMs: 7 },
      { kind: "diskError", target: 3, operation: "write", restartAfterMs: 8 },
      { kind: "clockJump", target: 3, byMs: -700 },
      { kind: "handOver" },
    );
    run(50);
    expect(done).toEqual([
      ...[
        "10 pause 1",
        "10 disk 1 9",
        "10 full 2 true",
        "10 timers 2 4",
        "10 fail write 3 8",
        "10 jump 3 -700",
        "10 hand over 2",
      ],
      ...["15 resume 1", "16 disk 1 1", "17 timers 2 1", "19 full 2 false"],
    ]);
  });

  test("disks hang; logs are damaged while nodes are down, and rot; never where the others cannot do without a node", () => {
    const damage = { kind: "damageLog", how: "lostWrite", restartAfterMs: 8 } as const;
    const { run, done, counters, skipped } = world(
      { kind: "hangDisk", target: 1, forMs: 5 },
      { ...damage, target: 1 },
      { ...damage, target: 3 },
      { kind: "rotLog", target: "leader" },
      { kind: "rotPage", target: 1 },
      { kind: "rotPage", target: 2 },
      { kind: "rotLog", target: 3 },
    );
    run(50);
    expect(done).toEqual([
      ...[
        "10 hang 1 5",
        "10 crash 1",
        "10 lostWrite 1",
        "10 rot log 2",
        "10 rot page 1",
        "10 rot page 2",
        "18 start 1",
      ],
    ]);
    const once = { hungDisk: 1, damagedLog: 1, logWriteLost: 1, crash: 1, restart: 1, rottenLog: 1, rottenPage: 1 };
    expect(counters.read()).toEqual(once);
    expect(skipped.read()).toEqual({ damageLog: 1, rotLog: 1, rotPage: 1 });
  });

  test("stores hang, or have no space for a while; logs cannot be read, for good only where the others can do without", () => {
    const spoil = { kind: "readError", restartAfterMs: 8 } as const;
    const { run, done, counters, skipped } = world(
      { kind: "hangStore", target: 1, forMs: 5 },
      { kind: "fullStore", target: "leader", forMs: 6 },
      { ...spoil, target: 2, lasting: true },
      { ...spoil, target: 3, lasting: true },
      { ...spoil, target: 3, lasting: false },
      { ...spoil, target: 1, lasting: false },
    );
    run(50);
    expect(done).toEqual([
      ...["10 hang store 1 5", "10 full store 2 true", "10 spoil 2 true 8", "10 spoil 3 false 8", "10 spoil 1 false 8"],
      "16 full store 2 false",
    ]);
    expect([counters.read(), skipped.read()]).toEqual([{ hungStore: 1, readError: 2 }, { readError: 2 }]);
  });

  test("stores cannot be read for a while; pages only where the others can do without the node", () => {
    const unreadable = { kind: "storeReadError", lasting: true, forMs: 5 } as const;
    const { run, done, counters, skipped } = world(
      { ...unreadable, target: 1, part: "pages" },
      { ...unreadable, target: 3, part: "all" },
      { ...unreadable, target: 3, part: "records" },
      { ...unreadable, target: "leader", part: "records" },
    );
    run(50);
    expect(done).toEqual([
      ...["10 unreadable pages 1 true", "10 unreadable records 3 true", "10 unreadable records 2 true"],
      ...["15 readable 1", "15 readable 3"],
    ]);
    expect([counters.read(), skipped.read()]).toEqual([{ storeReadError: 2 }, { storeReadError: 2 }]);
  });

  test("links flap: down, up, and down again until the time is over", () => {
    const { run, blocked, counters } = world({
      ...({ kind: "flap", groups: [[1], [2]], downMs: 3, upMs: 4 } as const),
      forMs: 10,
    });
    const down: number[] = [];
    for (let ms = 10; ms < 40; ms++) {
      run(ms);
      if (blocked().length > 0) down.push(ms);
    }
    expect(down).toEqual([10, 11, 12, 17, 18, 19]);
    expect(counters.read()).toEqual({ flap: 1 });
  });

  test("a zone without power is down as a whole; one that is cut off hears itself, and neither others nor clients", () => {
    const { run, blocked, done, counters, skipped } = world(
      { kind: "zoneLoss", zone: 2, how: "power", forMs: 5 },
      { kind: "zoneLoss", zone: 2, how: "power", forMs: 5 },
      { kind: "zoneLoss", zone: 3, how: "power", forMs: 5 },
      { kind: "zoneLoss", zone: 2, how: "links", forMs: 9 },
    );
    run(12);
    const outside = ["1", "101", "102"];
    const cut = ["2", "3"].flatMap((node) => outside.flatMap((other) => [`${node}>${other}`, `${other}>${node}`]));
    expect(blocked()).toEqual(cut.sort());
    run(50);
    expect([done, blocked()]).toEqual([["10 crash 2", "10 crash 3", "15 start 2", "15 start 3"], []]);
    expect(counters.read()).toEqual({ crash: 2, restart: 2, zoneDown: 1, zoneCut: 1 });
    expect(skipped.read()).toEqual({ zoneLoss: 2 });
  });

  test("every so many-th client reads slowly for a while", () => {
    const { run, done, counters } = world({ kind: "slowClients", every: 2, pauseMs: 3, forMs: 5 });
    run(50);
    expect([done, counters.read()]).toEqual([["10 slow 101 3000", "15 fast 101"], { slowClients: 1 }]);
  });

  test("the card network is cut off for its time, and back at the end", () => {
    const { run, outside, injector, counters } = world({ kind: "acquirerDown", forMs: 20 });
    run(10);
    expect(outside.isDown).toBe(true);
    run(30);
    expect([outside.isDown, counters.read()]).toEqual([false, { acquirerDown: 1 }]);
    outside.isDown = true;
    injector.end();
    expect(outside.isDown).toBe(false);
  });

  test("what is about the leader is left out when nobody leads, and counted", () => {
    const crash: FaultStep = { kind: "crash", target: "leader", restartAfterMs: 100 };
    const isolate: FaultStep = { kind: "isolate", target: "leader", direction: "both", forMs: 20 };
    const { run, blocked, skipped } = world(crash, isolate, { kind: "handOver" }, { ...crash, target: 2 });
    run(10);
    expect(blocked()).toEqual([]);
    expect(skipped.read()).toEqual({ crash: 1, handOver: 1, isolate: 1 });
  });

  test("the end takes everything back, and nothing happens afterwards", () => {
    const { run, done, injector, blocked, skipped } = world(
      { kind: "partition", groups: [[1], [2, 3]], oneWay: false, forMs: 1_000 },
      { kind: "crashWhen", moment: "elected", delayUs: 0, all: true, restartAfterMs: 1 },
      { kind: "crash", target: 1, restartAfterMs: 1_000 },
      { kind: "crashWhen", moment: "voted", delayUs: 2_000, all: true, restartAfterMs: 1 },
    );
    run(20);
    injector.moment(2, "voted");
    injector.end();
    run(5_000);
    expect([blocked(), skipped.read()]).toEqual([[], { crashWhen: 2 }]);
    expect(done).toEqual(["10 crash 1", "20 quieten", "20 resume 1", "20 start 1", "20 resume 2", "20 resume 3"]);
  });
});
