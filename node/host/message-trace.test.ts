import { expect, test } from "vitest";
import { traceFields } from "./message-trace.ts";

test("a traced message tells its type, its numbers and lengths, and nothing of its contents", () => {
  const message = {
    ...{ type: "clientFrame", connection: 7, leading: true, height: 12n },
    ...{
      frame: new Uint8Array(300),
      blocks: [1, 2],
      reason: "the card number 4000",
      question: { publicKey: "secret" },
    },
  };
  expect(traceFields({ actor: "gateway", message })).toEqual({
    ...{ actor: "gateway", message: "clientFrame", connection: 7, leading: true, height: 12n },
    ...{ "frame.length": 300, "blocks.length": 2 },
  });
  expect(traceFields({ actor: "log", message: "tick" })).toEqual({ actor: "log" });
});
