/** A worker thread of `sim run`: is told a seed, runs it, tells the result, and waits for the next. */
import { parentPort } from "node:worker_threads";
import { runSeed } from "../../sim/run.ts";

parentPort?.on("message", (seed: number) => parentPort?.postMessage(runSeed(seed)));
