/** Running the command line in a test: what it printed, and its exit code. */
import { runQuorate } from "./run.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `quorate` with arguments in this process. */
export async function ran(...args: readonly string[]): Promise<Ran> {
  let out = "";
  let err = "";
  const code = await runQuorate(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    terminal: false,
    columns: 110,
  });
  return { code, out, err };
}

/** The one JSON object that a command with `--json` prints. */
export async function ranJson(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { out } = await ran(...args, "--json");
  return JSON.parse(out) as Record<string, unknown>;
}
