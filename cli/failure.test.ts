import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { CodedError } from "../node/base/errors.ts";
import { asCoded } from "./failure.ts";

function thrownBy(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return asCoded(error);
  }
}

describe("what the system refuses has a code and names the place", () => {
  const directory = mkdtempSync(join(tmpdir(), "quorate-failure-"));
  afterAll(() => rmSync(directory, { recursive: true }));

  test.each([
    ["a file that is not there", () => readFileSync(join(directory, "none"))],
    ["a directory that is not there", () => openSync(join(directory, "none", "file"), "w")],
    ["a directory in a file's place", () => readFileSync(directory)],
  ])("%s", (_, act) => {
    const error = thrownBy(act);
    expect(error).toMatchObject({ code: "file_unusable" });
    expect((error as Error).message).not.toContain("ENOENT");
  });

  test("a port that somebody has", async () => {
    const holder = createServer();
    const refused = await new Promise((resolve) => {
      holder.listen(0, "127.0.0.1", () => {
        const { port } = holder.address() as { port: number };
        createServer().once("error", resolve).listen(port, "127.0.0.1");
      });
    });
    holder.close();
    expect(asCoded(refused)).toMatchObject({ code: "address_in_use" });
  });

  test("errors with a code and bugs pass as they are", () => {
    for (const error of [new CodedError("busy", "later"), new TypeError("bug"), "text"]) {
      expect(asCoded(error)).toBe(error);
    }
  });
});
