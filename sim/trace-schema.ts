/** The shape of a trace's records, so that whoever reads a file may rely on them. */
import { integer, list, object, oneOf, type Schema, text, tuple, u32 } from "../node/wire/schema.ts";
import { stepSchema } from "./plan-schema.ts";
import { EVENT_KINDS } from "./trace.ts";
import { type Happening, LOSS_REASONS, type TraceRecord } from "./trace-recorder.ts";
import { UNAVOIDABLE } from "./unavoidable-schema.ts";

const LINKS_MAX = 10_000;
const TEXT_MAX = 1_000_000;
const ENDPOINT_MAX = 0xffff;

const count = integer(0, Number.MAX_SAFE_INTEGER);
const endpoint = integer(0, ENDPOINT_MAX);
const anyText = text(TEXT_MAX);
const frame = { frame: count, message: anyText };
const links = { links: list(tuple(endpoint, endpoint), LINKS_MAX) };

/** What each kind of record has beside its number, time and node. */
const FIELDS: { readonly [What in Happening["what"]]: Record<string, Schema<unknown>> } = {
  step: { step: count, kind: oneOf(...EVENT_KINDS) },
  send: { ...frame, to: endpoint },
  arrive: { ...frame, from: endpoint },
  lost: { ...frame, to: endpoint, why: oneOf(...LOSS_REASONS) },
  stand: {
    role: oneOf("follower", "preCandidate", "candidate", "leader"),
    ...{ term: count, commit: count, last: count, applied: count, members: anyText },
  },
  start: {},
  crash: {},
  pause: {},
  resume: {},
  log: { text: anyText },
  fault: { fault: stepSchema },
  cut: links,
  heal: links,
  quiet: {},
  ...UNAVOIDABLE,
  failed: { checker: anyText, message: anyText, atMs: count, step: count },
  end: { traceHash: anyText },
};
const WHATS = Object.keys(FIELDS) as Happening["what"][];
const SCHEMAS = new Map(
  WHATS.map((what) => [what, object({ id: count, us: count, node: u32, what: oneOf(what), ...FIELDS[what] })]),
);

/** One line of a trace file, but for the first. */
export const recordSchema: Schema<TraceRecord> = (value, path) => {
  const { what } = value as { readonly what?: unknown };
  const schema = SCHEMAS.get(oneOf(...WHATS)(what, "what"));
  return schema?.(value, path) as TraceRecord;
};
