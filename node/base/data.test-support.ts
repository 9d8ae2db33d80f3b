/** Published data that tests run on. It lies beside the project, or where QUORATE_DATA says, and is no part of it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "vitest";

const DATA: string = process.env["QUORATE_DATA"] ?? join(import.meta.dirname, "../../../shared/data");

export function dataPath(name: string): string {
  return join(DATA, name);
}

/** Skips a test whose data is not here, and says so. */
export function needsData(context: TestContext, path: string): void {
  if (existsSync(path)) return;
  process.stderr.write(
    `skipped: "${context.task.name}"; there is no ${path} (QUORATE_DATA says where the data lies)\n`,
  );
  context.skip(`${path} is not here`);
}
