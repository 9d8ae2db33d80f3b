import { expect, test } from "vitest";
import { encodePeerFrame, LANES } from "./peer-frames.ts";

test("a peer's frame is its lane and the payload as it is; lanes keep their numbers", () => {
  expect(LANES).toEqual({ raft: 1, gossip: 2, forward: 3, catchUp: 4 });
  for (const lane of Object.values(LANES)) {
    expect(encodePeerFrame(lane, new Uint8Array([7, 8]))).toEqual(new Uint8Array([lane, 7, 8]));
    expect(encodePeerFrame(lane, new Uint8Array(0))).toEqual(new Uint8Array([lane]));
  }
});
