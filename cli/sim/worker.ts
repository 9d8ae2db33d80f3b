/** A worker thread of a pool: is told what to run, tells the result, and waits for the next. */
import { parentPort } from "node:worker_threads";
import { type Job, runJob } from "../../sim/run.ts";

parentPort?.on("message", (job: Job) => parentPort?.postMessage(runJob(job)));
