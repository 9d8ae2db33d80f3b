import { expect, test } from "vitest";
import { DigestRing } from "./digest-ring.ts";

const digest = (height: number): Uint8Array => new Uint8Array(32).fill(height);

test("remembers the newest heights, each until the ring has come round", () => {
  const ring = new DigestRing(4);
  expect([ring.newest, ring.at(0)]).toEqual([undefined, undefined]);
  for (let height = 5; height <= 12; height++) {
    ring.add({ height, digest: digest(height) });
    expect(ring.newest).toEqual({ height, digest: digest(height) });
    for (let asked = 0; asked <= 20; asked++) {
      const kept = asked >= 5 && asked <= height && asked > height - 4;
      expect(ring.at(asked)).toEqual(kept ? digest(asked) : undefined);
    }
  }
});
