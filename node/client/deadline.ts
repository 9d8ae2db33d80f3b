/** Deadlines, in milliseconds of `performance.now`. */
import { performance } from "node:perf_hooks";
import { ClientError } from "./errors.ts";

/** Milliseconds until then; at least 1. */
export function left(deadline: number): number {
  return Math.max(1, Math.ceil(deadline - performance.now()));
}

/** The promise's outcome; rejects with `ClientError` `timeout` when the deadline comes first. */
export async function before<T>(deadline: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new ClientError("timeout", "the deadline has passed")), left(deadline));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
