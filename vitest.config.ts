import { defineConfig } from "vitest/config";

const everywhere = ["node", "consensus", "storage", "sim", "cli"];
const glob = (suffix: string): string[] => everywhere.map((folder) => `${folder}/**/*.${suffix}.test.ts`);

/**
 * Four suites by suffix: tidy (rules about the code), unit, the simulator at work (*.sim: sweeps, and its commands), and real
 * processes (*.process): clusters and browsers, one file at a time, for they are about time, and some install what they need.
 */
export default defineConfig({
  test: {
    // One worker a core of the machine that CI has; without it, vitest leaves one core idle. Files of the unit tests and
    // the simulation share a process (`isolate: false`): importing and compiling everything afresh took half of their time.
    maxWorkers: 2,
    projects: [
      { test: { name: "tidy", include: ["sim/tidy.test.ts"], testTimeout: 60_000 } },
      {
        test: {
          name: "unit",
          include: everywhere.map((folder) => `${folder}/**/*.test.ts`),
          exclude: ["sim/tidy.test.ts", ...glob("sim"), ...glob("process")],
          testTimeout: 30_000,
          isolate: false,
        },
      },
      { test: { name: "simulation", include: glob("sim"), testTimeout: 600_000, isolate: false } },
      { test: { name: "process", include: glob("process"), testTimeout: 300_000, fileParallelism: false } },
    ],
  },
});
