/** A worker thread of `sim run`: is told what to run, tells the result, and waits for the next. */
import { parentPort } from "node:worker_threads";
import { type Job, runJob } from "./pool.ts";

parentPort?.on("message", (job: Job) => parentPort?.postMessage(runJob(job)));
