/** The shape of what nothing could have kept, so that whoever reads it in a file may rely on it. */
import { integer, list, object, type Schema, text, tuple } from "../node/wire/schema.ts";
import type { UnavoidableHalt, UnavoidableLoss } from "./unavoidable.ts";

type Fields<T> = { readonly [Name in keyof T]: Schema<T[Name]> };

const COUNT_MAX = Number.MAX_SAFE_INTEGER;
const HEIGHTS_MAX = 1_000_000;
const NODES_MAX = 18;
const HOW_MAX = 100;

const count = integer(0, COUNT_MAX);
const halt: Fields<UnavoidableHalt> = {
  atMs: count,
  step: count,
  refusals: list(object({ node: integer(1, NODES_MAX), how: text(HOW_MAX) }), NODES_MAX),
};

/** The fields of each kind. */
export const UNAVOIDABLE: {
  readonly unavoidableLoss: Fields<UnavoidableLoss>;
  readonly unavoidableHalt: Fields<UnavoidableHalt>;
} = {
  unavoidableLoss: { ...halt, heights: list(tuple(count, count), HEIGHTS_MAX) },
  unavoidableHalt: halt,
};
