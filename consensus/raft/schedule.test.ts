import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TUNING, type Tuning } from "./cluster.test-support.ts";
import type { Entry } from "./messages.ts";
import type { RaftOptions } from "./options.ts";
import { Raft } from "./raft.ts";
import type { Ready } from "./ready.ts";
import { SafetyError } from "./safety.test-support.ts";
import { runSchedule, type ScheduleOptions, type ScheduleResult, type Step } from "./schedule.test-support.ts";

const steps: fc.Arbitrary<Step[]> = fc.noBias(
  fc.array(fc.tuple(fc.nat(99), fc.nat(9), fc.nat(1_000)), { maxLength: 500, size: "max" }),
);

/** Small bounds and short timeouts, so that they are reached. */
const tuning: fc.Arbitrary<Tuning> = fc.record({
  preVote: fc.boolean(),
  checkQuorum: fc.boolean(),
  tickMs: fc.constant(10),
  electionTimeoutTicks: fc.integer({ min: 4, max: 12 }),
  heartbeatTicks: fc.integer({ min: 1, max: 3 }),
  appendBytesMax: fc.constantFrom(1, 5, 1_000),
  appendsInFlightMax: fc.integer({ min: 1, max: 4 }),
  bytesInFlightMax: fc.constantFrom(1, 8, 10_000),
  readsWaitingMax: fc.integer({ min: 1, max: 4 }),
});

/** Leaders have leases; all clocks are true. */
const leased = tuning.map((drawn): Tuning => ({ ...drawn, checkQuorum: true, leaseDriftPermille: 10 }));

describe("random schedules keep all promises of figure 3 at every step, and the cluster comes to rest", () => {
  test.each([
    { count: 1, runs: 20 },
    { count: 3, runs: 100 },
    { count: 5, runs: 50 },
  ])("$count nodes", ({ count, runs }) => {
    const total = { elections: 0, committed: 0, reads: 0 };
    fc.assert(
      fc.property(tuning, steps, (drawn, schedule) => add(total, runSchedule({ count, tuning: drawn }, schedule))),
      { numRuns: runs },
    );
    // A schedule in which nothing happens shows nothing.
    expect(total.elections).toBeGreaterThan(runs);
    expect(total.committed).toBeGreaterThan(runs * 5);
    expect(total.reads).toBeGreaterThan(runs);
  });

  test.each([
    { count: 3, runs: 100 },
    { count: 5, runs: 50 },
  ])("$count nodes with leases", ({ count, runs }) => {
    const total = { elections: 0, committed: 0, reads: 0 };
    fc.assert(
      fc.property(leased, steps, (drawn, schedule) => add(total, runSchedule({ count, tuning: drawn }, schedule))),
      { numRuns: runs },
    );
    expect(total.elections).toBeGreaterThan(runs);
    expect(total.reads).toBeGreaterThan(runs);
  });
});

function add(total: { elections: number; committed: number; reads: number }, result: ScheduleResult): void {
  total.elections += result.elections;
  total.committed += result.committed;
  total.reads += result.reads;
}

class ForgetsItsVote extends Raft {
  override ready(): Ready {
    const ready = super.ready();
    return ready.hardState === undefined ? ready : { ...ready, hardState: { ...ready.hardState, vote: 0 } };
  }
}

class TruncatesOnStaleAppend extends Raft {
  protected override appendToLog(entries: readonly Entry[]): void {
    this.replaceTail(entries);
  }
}

class AnswersReadsUnasked extends Raft {
  protected override readsNeedQuorum(): boolean {
    return false;
  }
}

/** Sends what promises durability before it is durable. */
class AnswersBeforeItIsDurable extends Raft {
  override ready(): Ready {
    const ready = super.ready();
    return { ...ready, messages: [...ready.messages, ...ready.messagesAfterPersist], messagesAfterPersist: [] };
  }
}

describe("random schedules see planted bugs", () => {
  test.each([
    { bug: "a vote is forgotten", Mutant: ForgetsItsVote },
    { bug: "a late append cuts the log", Mutant: TruncatesOnStaleAppend },
    { bug: "reads are answered without asking a quorum", Mutant: AnswersReadsUnasked },
    { bug: "promises leave before they are durable", Mutant: AnswersBeforeItIsDurable },
  ])("$bug", ({ Mutant }) => {
    const createRaft = (options: RaftOptions): Raft => new Mutant(options);
    const plain: Tuning = {
      ...TUNING,
      preVote: false,
      checkQuorum: false,
      electionTimeoutTicks: 5,
      appendBytesMax: 1,
    };
    const schedules = fc.sample(fc.tuple(fc.constantFrom(3, 5), steps), { numRuns: 200, seed: 1 });
    const breaks = ([count, schedule]: readonly [number, Step[]]): boolean =>
      isBroken({ count, tuning: plain, createRaft }, schedule);
    expect(schedules.some(breaks)).toBe(true);
  });
});

function isBroken(options: ScheduleOptions, schedule: readonly Step[]): boolean {
  try {
    runSchedule(options, schedule);
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(SafetyError);
    return true;
  }
}
