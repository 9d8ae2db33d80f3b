import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ran, ranJson } from "../run.contract.ts";

test("verify tells where a torn tail begins, and that it is no damage, in words and as JSON", async () => {
  const directory = mkdtempSync(join(tmpdir(), "quorate-torn-"));
  try {
    const cluster = join(directory, "cluster");
    await ran("init", "--nodes", "1", "--dir", cluster);
    const data = join(cluster, "node-1", "data");
    mkdirSync(join(data, "log"), { recursive: true });
    const file = "log/0000000000000001.wal";
    writeFileSync(join(data, file), Buffer.alloc(40, 7));
    const { code, out } = await ran("verify", cluster);
    expect([code, out]).toEqual([0, expect.stringContaining(`TORN ${data}: 40 bytes`)]);
    expect(out).toContain(`${file}, byte 0, height 1`);
    expect(await ranJson("verify", cluster)).toMatchObject({
      sound: true,
      nodes: [{ tornBytes: 40, tornAt: { file, offset: 0, height: 1 }, problems: [] }],
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
});
