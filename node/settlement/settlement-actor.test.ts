import { describe, expect, test } from "vitest";
import { Process } from "../../sim/process.ts";
import { Scheduler } from "../../sim/scheduler.ts";
import { TraceHash } from "../../sim/trace.ts";
import { ClockError, EPOCH_MS, VirtualClock } from "../../sim/virtual-clock.ts";
import type { ActorRef } from "../actor/actor.ts";
import { ActorSystem } from "../actor/system.ts";
import { Prng } from "../base/prng.ts";
import { StatusBoard } from "../messages/status.ts";
import type { StateEvent } from "../state/events.ts";
import { SettlementActor, type SettlementMessage } from "./settlement-actor.ts";

const NS_PER_MS = 1_000_000n;

function rethrow(error: unknown): never {
  throw error;
}

/** The actor on virtual time; each pulse is noted with its time, and answered by `onPulse`. */
class World {
  readonly scheduler = new Scheduler();
  readonly status = new StatusBoard();
  readonly pulses: number[] = [];
  readonly logged: string[] = [];
  readonly actor: ActorRef<SettlementMessage>;
  leading = false;
  /** What the state says; told to the actor by `applied`. */
  deadline: bigint | undefined;
  readonly clockError = new ClockError();
  onPulse: () => boolean = () => true;
  #crash = false;

  constructor() {
    const { scheduler } = this;
    const trace = new TraceHash();
    const process = new Process(1, {
      scheduler,
      trace,
      random: new Prng(1),
      observe: () => undefined,
      crashed: rethrow,
    });
    const note = (event: string): void => void this.logged.push(event);
    const log = { debug: note, info: note, warn: note, error: note };
    const clock = new VirtualClock(scheduler, process, this.clockError);
    const system = new ActorSystem({ clock, log, onFatal: rethrow });
    this.actor = system.spawn<SettlementMessage>({
      name: "settlement",
      supervision: "restart",
      create: (context) =>
        new SettlementActor(context, {
          log,
          status: this.status,
          leading: () => this.leading,
          nextDeadline: () => this.deadline,
          pulse: () => {
            if (this.#crash) {
              this.#crash = false;
              throw new Error("a fault");
            }
            this.pulses.push(scheduler.nowMs);
            return this.onPulse();
          },
        }),
    });
  }

  lead(): void {
    this.leading = true;
    this.actor.deliver({ type: "lead", openIntents: [] });
  }

  follow(): void {
    this.leading = false;
    this.actor.deliver({ type: "follow" });
  }

  /** A block was applied, after which the next deadline lies so far ahead; undefined for none. */
  applied(deadlineMs: number | undefined, events: readonly StateEvent[] = []): void {
    this.deadline = deadlineMs === undefined ? undefined : BigInt(EPOCH_MS + deadlineMs) * NS_PER_MS;
    const hash = new Uint8Array(32);
    const attested = { height: 1, digest: hash, blockHash: hash, historyRoot: hash };
    const notice = { type: "applied", ...attested, timestamp: 0n, events } as const;
    this.actor.deliver({ ...notice, nextDeadline: this.deadline });
  }

  crashNext(): void {
    this.#crash = true;
  }

  run(ms: number): void {
    const until = this.scheduler.nowUs + ms * 1_000;
    while (this.scheduler.step(until)) {
      // until then
    }
  }
}

describe("the pulse of log time", () => {
  test("comes on the leader when a deadline has passed, and not before", () => {
    const world = new World();
    world.lead();
    world.applied(5_000);
    world.run(5_000);
    expect(world.pulses).toEqual([]);
    world.run(10);
    expect(world.pulses).toEqual([5_001]);
  });

  test("stops once a block has met the deadline", () => {
    const world = new World();
    world.onPulse = () => {
      world.applied(undefined);
      return true;
    };
    world.lead();
    world.applied(1_000);
    world.run(60_000);
    expect(world.pulses).toHaveLength(1);
    expect(world.status.read()["settlement"]).toMatchObject({ nextDeadline: 0n, pulses: 1 });
  });

  test("is repeated with a pause while it is refused or its block does not come", () => {
    const world = new World();
    world.onPulse = () => false;
    world.lead();
    world.applied(0);
    world.run(1_000);
    expect(world.pulses.slice(0, 3)).toEqual([1, 51, 101]);
    expect(world.status.read()["settlement"]).toMatchObject({ pulses: 0 });
  });

  test("never comes from a node that does not lead", () => {
    const world = new World();
    world.applied(0);
    world.run(5_000);
    world.lead();
    world.run(1_000);
    world.follow();
    const pulses = world.pulses.length;
    expect(pulses).toBeGreaterThan(0);
    world.run(5_000);
    expect(world.pulses).toHaveLength(pulses);
  });

  test("takes the deadline into account that comes nearer, and the clock that jumps", () => {
    const world = new World();
    world.lead();
    world.applied(3_600_000);
    world.run(10_000);
    world.applied(10_500);
    world.run(1_500);
    expect(world.pulses.length).toBeGreaterThan(0);
    world.applied(3_600_000);
    world.run(100);
    const pulses = world.pulses.length;
    world.clockError.wallOffsetMs = 3_600_000;
    world.run(1_100);
    expect(world.pulses.length).toBeGreaterThan(pulses);
  });

  test("goes on after a crash, though no block comes that would tell the deadline", () => {
    const world = new World();
    world.lead();
    world.applied(1_000);
    world.crashNext();
    world.run(10_000);
    expect(world.logged).toContain("actor.restarting");
    expect(world.pulses.length).toBeGreaterThan(0);
  });
});

test("closed windows are logged, failed ones as a warning", () => {
  const world = new World();
  const closed = { type: "windowClosed", ledger: 978, window: 7, gross: 10n, net: 5n } as const;
  world.applied(undefined, [
    { ...closed, failed: false },
    { ...closed, window: 8, failed: true },
  ]);
  world.run(1);
  expect(world.logged).toEqual(["settlement.window_closed", "settlement.window_failed"]);
  expect(world.status.read()["settlement"]).toMatchObject({ lastWindow: 8 });
});
