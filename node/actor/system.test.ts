import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Scheduler } from "../../sim/scheduler.ts";
import { InvariantError } from "../base/assert.ts";
import { MAILBOX_DEPTH } from "../base/limits.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Log, LogFields } from "../base/ports/log.ts";
import type { Actor, ActorContext, ActorRef, Supervision } from "./actor.ts";
import { ActorSystem, type FatalReport } from "./system.ts";

const ignore = (): void => {};

/** A system on virtual time, with everything that it says of itself. */
class World {
  readonly trace: string[] = [];
  readonly fatal: FatalReport[] = [];
  readonly logged: LogFields[] = [];
  readonly scheduler: Scheduler = new Scheduler();
  readonly clock: Clock = {
    monotonicMs: () => this.scheduler.nowMs,
    wallMs: () => this.scheduler.nowMs,
    setTimer: (delayMs, callback) => {
      const event = this.scheduler.after(delayMs * 1_000, callback);
      return {
        cancel: () => {
          event.run = undefined;
        },
      };
    },
    defer: (callback) => {
      this.scheduler.after(0, callback);
    },
  };
  readonly system: ActorSystem;

  constructor() {
    const error = (_event: string, fields: LogFields = {}): number => this.logged.push(fields);
    const log: Log = { debug: ignore, info: ignore, warn: ignore, error };
    this.system = new ActorSystem({
      ...{ clock: this.clock, log, onFatal: (report) => this.fatal.push(report) },
      trace: ({ actor, message }) => this.trace.push(`${actor} ${String(message)}`),
    });
  }

  spawn<M>(
    name: string,
    create: (context: ActorContext<M>) => Actor<M>,
    options: { readonly supervision?: Supervision; readonly mailboxDepth?: number } = {},
  ): ActorRef<M> {
    return this.system.spawn<M>({ name, supervision: "stop_node", create, ...options });
  }

  /** Runs everything due within the next milliseconds. */
  run(ms = 0): void {
    const until = this.scheduler.nowUs + ms * 1_000;
    while (this.scheduler.step(until)) {
      // until nothing is left to do
    }
  }
}

const silent: Actor<string> = { receive: () => {} };

/** An actor of the given supervision that throws what it is told to throw. */
function fragile(world: World, supervision: Supervision, thrown: (message: string) => unknown): ActorRef<string> {
  const receive = (message: string): void => {
    const error = thrown(message);
    if (error !== undefined) throw error as Error;
  };
  return world.spawn<string>("fragile", () => ({ receive }), { supervision });
}

const connector = (world: World): ActorRef<string> =>
  fragile(world, "restart", (message) => (message.startsWith("bad") ? new Error(message) : undefined));

const inRounds = (friends: number[][], mail: [number, number][]): string[] => {
  const queues: number[][] = friends.map(() => []);
  const trace: string[] = [];
  for (const [to, count] of mail) queues[to]?.push(count);
  while (queues.some((queue) => queue.length > 0)) {
    queues.forEach((queue, index) => {
      for (const count of queue.splice(0)) {
        trace.push(`${index} ${count}`);
        if (count > 0) for (const friend of friends[index] ?? []) queues[friend]?.push(count - 1);
      }
    });
  }
  return trace;
};

describe("turns", () => {
  test("actors take turns in the order of spawning; a turn handles what was waiting when it began", () => {
    const world = new World();
    const refs: ActorRef<string>[] = [];
    const tell = (to: number, message: string): boolean | undefined => refs[to]?.tell(message);
    refs.push(world.spawn("a", () => ({ receive: (message: string) => message === "go" && tell(0, "again") })));
    refs.push(world.spawn("b", () => ({ receive: (message: string) => message === "go" && tell(0, "from b") })));
    tell(1, "go");
    tell(0, "go");
    tell(0, "last");
    expect(world.trace).toEqual([]); // nothing runs inside the call that tells
    world.run();
    expect(world.trace).toEqual(["a go", "a last", "b go", "a again", "a from b"]);
  });

  test("drained is called when an actor's mailbox has run empty, once a turn and never without mail", () => {
    const world = new World();
    const seen: string[] = [];
    const ref: ActorRef<string> = world.spawn<string>("a", ({ self }) => ({
      receive: (message) => {
        seen.push(message);
        if (message === "more") self.tell("end");
      },
      drained: () => seen.push("drained"),
    }));
    world.spawn("b", () => silent).tell("wakes the system");
    world.run();
    expect(seen).toEqual([]);
    for (const message of ["1", "2"]) ref.tell(message);
    world.run();
    expect(seen.splice(0)).toEqual(["1", "2", "drained"]);
    ref.tell("more");
    world.run();
    expect(seen).toEqual(["more", "end", "drained"]);
  });

  test("what an actor tells itself in drained, or while it is being made, is heard", () => {
    const world = new World();
    world.spawn<string>("a", ({ self }) => {
      self.deliver("born");
      let told = false;
      return {
        receive: () => {},
        drained: () => {
          if (!told) self.tell("drained");
          told = true;
        },
      };
    });
    world.run();
    expect(world.trace).toEqual(["a born", "a drained"]);
  });

  /**
   * A random society: an actor that gets a number n > 0 tells others n - 1, as its own rules say. The same society and
   * the same mail give the same trace, and it is that of a naive model: plain arrays, emptied in rounds.
   */
  test("the same inputs give the same trace, which is that of rounds over plain queues", () => {
    const society = fc.record({
      friends: fc.array(fc.array(fc.nat(4), { maxLength: 3 }), { minLength: 5, maxLength: 5 }),
      mail: fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { maxLength: 10 }),
    });
    const real = (friends: number[][], mail: [number, number][]): string[] => {
      const world = new World();
      const refs: ActorRef<number>[] = friends.map((known, index) =>
        world.spawn<number>(`${index}`, () => ({
          receive: (count) => {
            if (count > 0) for (const friend of known) refs[friend]?.tell(count - 1);
          },
        })),
      );
      for (const [to, count] of mail) refs[to]?.tell(count);
      world.run();
      return world.trace;
    };
    fc.assert(
      fc.property(society, ({ friends, mail }) => {
        const trace = real(friends, mail);
        expect(trace).toEqual(inRounds(friends, mail));
        expect(real(friends, mail)).toEqual(trace);
      }),
    );
  });

  test("two actors cannot share a name", () => {
    const world = new World();
    world.spawn("a", () => silent);
    expect(() => world.spawn("a", () => silent)).toThrow(InvariantError);
  });
});

describe("bounds", () => {
  test("a full mailbox refuses, takes again once it has been emptied, and keeps room for what cannot be refused", () => {
    const world = new World();
    const ref = world.spawn("a", () => silent, { mailboxDepth: 3 });
    expect([1, 2, 3, 4].map((i) => ref.tell(`told ${i}`))).toEqual([true, true, true, false]);
    for (let i = 1; i <= 3; i++) ref.deliver(`delivered ${i}`);
    expect(ref.tell("still full")).toBe(false);
    world.run();
    expect(world.trace).toHaveLength(6);
    expect(world.fatal).toEqual([]);
    expect(ref.tell("room again")).toBe(true);
  });

  test("the bound is MAILBOX_DEPTH unless an actor asks for another", () => {
    const ref = new World().spawn("a", () => silent);
    let taken = 0;
    while (ref.tell("more")) taken += 1;
    expect(taken).toBe(MAILBOX_DEPTH);
  });

  test("an overflow of what cannot be refused stops the node with a report, wherever the message came from", () => {
    const world = new World();
    const ref = world.spawn("a", () => silent, { mailboxDepth: 2 });
    world.clock.setTimer(5, () => {
      for (let i = 0; i < 5; i++) ref.deliver("completion");
    });
    world.run(5);
    expect(world.fatal).toMatchObject([{ actor: "a", reason: expect.stringContaining("mailbox of a overflowed") }]);
    expect(world.trace).toEqual([]);
  });
});

const alwaysThrows = (): void => {
  throw new Error("bad");
};

describe("supervision", () => {
  test("stop_node: a throw stops the node with a report, and nobody runs afterwards", () => {
    const world = new World();
    const before = world.spawn("before", () => silent);
    const ref = fragile(world, "stop_node", () => new Error("page 7 is torn"));
    const after = world.spawn("after", () => silent);
    for (const each of [before, ref, after]) each.tell("x");
    ref.tell("never handled");
    world.run(120_000);
    expect(world.trace).toEqual(["before x", "fragile x"]);
    expect(world.fatal).toMatchObject([
      { actor: "fragile", reason: "page 7 is torn", stack: expect.stringContaining("system.test.ts") },
    ]);
    expect([before, ref, after].map((each) => each.tell("y"))).toEqual([false, false, false]);
    world.run(120_000);
    expect(world.trace).toHaveLength(2);
  });

  test("a broken invariant stops the node, even in an actor that would be restarted", () => {
    const world = new World();
    fragile(world, "restart", () => new InvariantError("debits differ from credits")).tell("x");
    world.run(120_000);
    expect(world.fatal).toMatchObject([{ actor: "fragile", reason: "debits differ from credits" }]);
    expect(world.logged).toEqual([]);
  });

  test("whatever is thrown is reported", () => {
    const world = new World();
    fragile(world, "stop_node", () => "just a text").tell("x");
    world.run();
    expect(world.fatal).toEqual([{ actor: "fragile", code: "internal", reason: "just a text", stack: "" }]);
  });

  test("a failure found outside any turn stops the node once", () => {
    const world = new World();
    const ref = world.spawn("a", () => silent);
    ref.tell("never handled");
    world.system.fail("log", new Error("EIO"));
    world.system.fail("log", new Error("EIO again"));
    world.run();
    expect(world.fatal).toMatchObject([{ actor: "log", reason: "EIO" }]);
    expect([ref.tell("x"), world.trace]).toEqual([false, []]);
  });

  test("an actor that stops the system from its own turn handles nothing more, and is not drained", () => {
    const world = new World();
    const seen: string[] = [];
    const ref = world.spawn<string>("a", () => ({
      receive: (message) => {
        seen.push(message);
        world.system.stop();
      },
      drained: () => seen.push("drained"),
    }));
    for (const message of ["1", "2"]) ref.tell(message);
    world.run();
    expect(seen).toEqual(["1"]);
  });

  test("restart: the actor comes back after a pause, anew, and what was told meanwhile was refused", () => {
    const world = new World();
    const ref = connector(world);
    for (const message of ["bad", "lost with the mailbox"]) ref.tell(message);
    world.run(99);
    expect(world.logged).toEqual([{ actor: "fragile", reason: "bad", delayMs: 100 }]);
    expect(ref.tell("refused while down")).toBe(false);
    ref.deliver("missed while down");
    world.run(1);
    expect(ref.tell("welcome")).toBe(true);
    world.run();
    expect(world.trace).toEqual(["fragile bad", "fragile welcome"]);
    expect(world.fatal).toEqual([]);
  });

  test("the pause doubles from 100 ms to 30 s, and is forgiven after a minute without a crash", () => {
    const world = new World();
    const ref = connector(world);
    const crash = (): unknown => {
      ref.tell("bad");
      world.run();
      const { delayMs } = world.logged.at(-1) ?? {};
      world.run(Number(delayMs) - 1);
      expect(ref.tell("too early")).toBe(false);
      world.run(1);
      return delayMs;
    };
    const pauses = Array.from({ length: 11 }, crash);
    expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
    world.run(60_000);
    expect(crash()).toBe(30_000);
    world.run(60_001);
    expect([crash(), crash()]).toEqual([100, 200]);
  });

  test("an actor that throws while it is being made is tried again", () => {
    const world = new World();
    let attempts = 0;
    const create = (): Actor<string> => {
      attempts += 1;
      if (attempts < 3) throw new Error("no acquirer");
      return silent;
    };
    const ref = world.spawn("channels", create, { supervision: "restart" });
    world.run(100 + 200);
    expect([attempts, ref.tell("hello")]).toEqual([3, true]);
    expect(world.logged).toMatchObject([{ delayMs: 100 }, { delayMs: 200 }]);
  });

  test("an actor that owns state and throws while it is being made stops the node", () => {
    const world = new World();
    world.spawn("ledger", () => {
      throw new Error("no checkpoint");
    });
    expect(world.fatal).toMatchObject([{ actor: "ledger", reason: "no checkpoint" }]);
  });

  test("a stopped system restarts nobody", () => {
    const world = new World();
    let made = 0;
    const create = (): Actor<string> => {
      made += 1;
      return { receive: alwaysThrows };
    };
    world.spawn("a", create, { supervision: "restart" }).tell("x");
    world.run();
    world.system.stop();
    world.run(60_000);
    expect(made).toBe(1);
  });
});

test("what an actor leaves for later comes behind what arrives meanwhile, and takes no time", () => {
  const world = new World();
  const ref = world.spawn<string>("a", (context) => ({
    receive: (message) => {
      if (message !== "first") return;
      world.clock.defer(() => ref.tell("from outside"));
      context.later("later");
      context.self.tell("at once");
    },
  }));
  ref.tell("first");
  world.run(0);
  expect(world.trace).toEqual(["a first", "a at once", "a from outside", "a later"]);
});

describe("incarnations", () => {
  test("timers deliver to the incarnation that set them, and to none that follows", () => {
    const world = new World();
    let born = 0;
    const ref = world.spawn<string>(
      "a",
      (context) => {
        born += 1;
        context.after(50, `timer of ${born}`);
        context.after(1_000, `late timer of ${born}`);
        return {
          receive: (message) => {
            if (message === "bad") throw new Error(message);
          },
        };
      },
      { supervision: "restart" },
    );
    world.run(60);
    ref.tell("bad");
    world.run(2_000);
    expect(world.trace).toEqual(["a timer of 1", "a bad", "a timer of 2", "a late timer of 2"]);
  });

  test("completions of what an earlier incarnation started never reach a later one", () => {
    const world = new World();
    const addresses: ActorRef<string>[] = [];
    const ref = world.spawn<string>(
      "a",
      ({ self }) => {
        addresses.push(self);
        return {
          receive: (message) => {
            if (message === "bad") throw new Error(message);
          },
        };
      },
      { supervision: "restart" },
    );
    ref.tell("bad");
    world.run(100);
    const [old, current] = addresses;
    old?.deliver("an answer to the dead");
    expect(old?.tell("another")).toBe(false);
    expect(current?.tell("an answer to the living")).toBe(true);
    world.run();
    expect(world.trace).toEqual(["a bad", "a an answer to the living"]);
  });

  test("a cancelled timer is silent", () => {
    const world = new World();
    world.spawn<string>("a", (context) => {
      context.after(10, "cancelled").cancel();
      context.after(20, "rings");
      return silent;
    });
    world.run(100);
    expect(world.trace).toEqual(["a rings"]);
  });
});
