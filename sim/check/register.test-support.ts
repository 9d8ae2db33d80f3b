/** A register that is read, written, and compared and swapped: the model of published histories. */
import type { Model, Timed } from "./wing-gong.ts";

export interface RegisterOperation extends Timed {
  readonly kind: "read" | "write" | "cas";
  /** What was read, written or expected; "" for an empty register. */
  readonly value: string;
  readonly replacement?: string;
  /** Of a compare-and-swap that was answered. */
  readonly swapped?: boolean;
}

export const REGISTER: Model<string, RegisterOperation> = {
  initial: "",
  step: (state, { kind, value, replacement, swapped }) => {
    if (kind === "write") return value;
    if (kind === "read") return value === state ? state : undefined;
    if (swapped !== undefined && swapped !== (value === state)) return undefined;
    return value === state ? replacement : state;
  },
  reads: ({ kind }) => kind === "read",
  key: (state) => state,
};
