import { expect, test } from "vitest";
import { LANES } from "./peer-frames.ts";

test("lanes keep their numbers", () => {
  expect(LANES).toEqual({ raft: 1, gossip: 2, forward: 3, catchUp: 4, repair: 5 });
});
