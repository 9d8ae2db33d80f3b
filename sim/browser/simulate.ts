/** One run for a page: what it is made of, what happens in it, piece by piece, and how it ends. */
import { CodedError } from "../../node/base/errors.ts";
import { parseMutant, parseSeed } from "../asked.ts";
import { decodePlan, encodePlan } from "../plan-file.ts";
import { type Progress, type RunPlan, runPlan, runSeed, type SeedResult, type Watch } from "../run.ts";
import { traceHead } from "../trace-file.ts";
import type { TraceRecord } from "../trace-recorder.ts";
import type { Asked, Begun, Told } from "./messages.ts";

/** Records that are told at once: some milliseconds of a run, so that the page draws on while the run goes on. */
const PIECE = 256;
const NOTHING: Progress = { simulatedMs: 0, events: 0, elections: 0, transactions: 0 };

/** Runs what was asked for, and tells of it. */
export function simulate(asked: Asked, tell: (told: Told) => void): void {
  const run = runOf(asked);
  if (typeof run === "string") {
    tell({ what: "refused", text: run });
    return;
  }
  let piece: TraceRecord[] = [];
  let progress = (): Progress => NOTHING;
  const tellPiece = (): void => {
    tell({ what: "went", records: piece, progress: progress() });
    piece = [];
  };
  const { failed, unavoidableLoss, unavoidableHalt, traceHash } = run({
    begun: (plan, current) => {
      progress = current;
      tell(begunOf(plan));
    },
    record: (record) => {
      piece.push(record);
      if (piece.length === PIECE) tellPiece();
    },
  });
  tellPiece();
  tell({
    what: "ended",
    ...(failed === undefined ? {} : { failed }),
    ...(unavoidableLoss === undefined ? {} : { unavoidableLoss }),
    ...(unavoidableHalt === undefined ? {} : { unavoidableHalt }),
    traceHash,
  });
}

/** What runs it, or why there is no such run. */
function runOf(asked: Asked): ((watch: Watch) => SeedResult) | string {
  try {
    if ("plan" in asked) {
      const plan = decodePlan(asked.plan);
      return (watch) => runPlan(plan, watch);
    }
    const seed = parseSeed(asked.seed);
    const planted = asked.mutant === undefined ? {} : { mutant: parseMutant(asked.mutant) };
    const { giveUpLastCopy = false } = asked;
    return (watch) => runSeed(seed, { ...watch, ...planted, giveUpLastCopy });
  } catch (error) {
    if (error instanceof CodedError) return `${error.message} (${error.code})`;
    throw error;
  }
}

function begunOf(plan: RunPlan): Begun {
  const { seed, mutant, options } = plan;
  return {
    what: "begun",
    seed,
    ...(mutant === undefined ? {} : { mutant }),
    giveUpLastCopy: options.giveUpLastCopy,
    nodes: options.nodes + options.spares,
    plan: encodePlan(plan),
    traceHead: traceHead(plan),
  };
}
