import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TUNING, type Tuning } from "./cluster.test-support.ts";
import { votersUpTo } from "./configurations.test-support.ts";
import type { Entry } from "./messages.ts";
import type { RaftOptions } from "./options.ts";
import { Raft } from "./raft.ts";
import type { Ready } from "./ready.ts";
import { SafetyError } from "./safety.test-support.ts";
import {
  ACTIONS_MAX,
  ACTIONS_WITH_CHANGES_MAX,
  runSchedule,
  type ScheduleOptions,
  type ScheduleResult,
  type Step,
} from "./schedule.test-support.ts";

function stepsUpTo(action: number): fc.Arbitrary<Step[]> {
  const step = fc.tuple(fc.nat(action), fc.nat(9), fc.nat(1_000));
  return fc.noBias(fc.array(step, { maxLength: 500, size: "max" }));
}

const steps = stepsUpTo(ACTIONS_MAX);
const stepsWithChanges = stepsUpTo(ACTIONS_WITH_CHANGES_MAX);

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
  catchUpBytesPerTick: fc.constantFrom(1, 8, 10_000),
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
    const total = nothing();
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
    const total = nothing();
    fc.assert(
      fc.property(leased, steps, (drawn, schedule) => add(total, runSchedule({ count, tuning: drawn }, schedule))),
      { numRuns: runs },
    );
    expect(total.elections).toBeGreaterThan(runs);
    expect(total.reads).toBeGreaterThan(runs);
  });
});

type Total = { -readonly [K in keyof ScheduleResult]: number };

function nothing(): Total {
  return { elections: 0, committed: 0, reads: 0, changes: 0, installs: 0 };
}

function add(total: Total, result: ScheduleResult): void {
  total.elections += result.elections;
  total.committed += result.committed;
  total.reads += result.reads;
  total.changes += result.changes;
  total.installs += result.installs;
}

/** Of some nodes, the first are voters, and the rest no members yet. */
const clusters = [
  { count: 3, voters: 1, runs: 60 },
  { count: 5, voters: 3, runs: 100 },
  { count: 6, voters: 3, runs: 60 },
];

describe("so do schedules in which members come and go, logs are compacted and checkpoints installed", () => {
  test.each(clusters)("$count nodes, at first $voters voters", ({ count, voters, runs }) => {
    const total = nothing();
    const configuration = votersUpTo(voters);
    fc.assert(
      fc.property(fc.oneof(tuning, leased), stepsWithChanges, (drawn, schedule) =>
        add(total, runSchedule({ count, configuration, tuning: drawn }, schedule)),
      ),
      { numRuns: runs },
    );
    expect(total.changes).toBeGreaterThan(runs * 3);
    expect(total.installs).toBeGreaterThan(runs / 4);
  });
});

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

/** Leaves a joint configuration, or begins another change, before the last one is committed. */
class ChangesBeforeItIsCommitted extends Raft {
  override get mayReconfigure(): boolean {
    return this.role === "leader";
  }
}

describe("schedules with changes of membership see planted bugs", () => {
  test.each([{ bug: "a change begins before the last is committed", Mutant: ChangesBeforeItIsCommitted }])(
    "$bug",
    ({ Mutant }) => {
      const createRaft = (options: RaftOptions): Raft => new Mutant(options);
      const plain: Tuning = { ...TUNING, preVote: false, checkQuorum: false, electionTimeoutTicks: 5 };
      const schedules = fc.sample(stepsWithChanges, { numRuns: 200, seed: 1 });
      const options = { count: 6, configuration: votersUpTo(3), tuning: plain, createRaft };
      expect(schedules.some((schedule) => isBroken(options, schedule))).toBe(true);
    },
  );
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
