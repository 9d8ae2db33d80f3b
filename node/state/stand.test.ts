import { describe, expect, test } from "vitest";
import { NEWEST_RELEASE } from "../base/release.ts";
import { CONFIGURATION_BYTES, encodeConfiguration } from "../wire/block-configuration.ts";
import { pack, unpack } from "../wire/msgpack.ts";
import { Stand, type StandAt } from "./stand.ts";

const AT: StandAt = {
  ...{ height: 7, timestamp: 1_750_000_000_000_000_000n, term: 3, logBytes: 4_711, release: 1 },
  digest: new Uint8Array(32).fill(0xd1),
  blockHash: new Uint8Array(32).fill(0xb1),
  configuration: { voters: [1, 2, 3], outgoing: [], learners: [4] },
};
const FRESH: StandAt = { ...AT, height: 0 };

/** The fields that the page has in release 1. */
function firstFields(): unknown[] {
  const members = new Uint8Array(CONFIGURATION_BYTES);
  encodeConfiguration(members, AT.configuration);
  return [AT.height, AT.timestamp, AT.digest, AT.blockHash, AT.term, members, AT.logBytes];
}

function taken(page: Uint8Array, releaseMax?: number): StandAt {
  const stand = new Stand(FRESH, releaseMax);
  stand.decodePage(0, page);
  return stand.at;
}

describe("the page of where a state stands", () => {
  test.each([1, 2])("comes back in release %i", (release) => {
    const at = { ...AT, release };
    expect(taken(new Stand(at).encodePage())).toEqual(at);
  });

  test("is in release 1 what programs write that know no other, and has the release behind that in later ones", () => {
    expect(new Stand(AT).encodePage()).toEqual(pack(firstFields()));
    expect(unpack(new Stand({ ...AT, release: 2 }).encodePage())).toEqual(unpack(pack([...firstFields(), 2])));
  });

  test("of a release above what the node reads is refused by both numbers, whatever else is in it", () => {
    const second = new Stand({ ...AT, release: 2 }).encodePage();
    expect(() => taken(second, 1)).toThrow(
      expect.objectContaining({ code: "release_too_new", facts: { release: 2, releaseMax: 1 } }),
    );
    const later = pack([...firstFields(), NEWEST_RELEASE + 1, "what nobody knows yet"]);
    expect(() => taken(later)).toThrow(
      expect.objectContaining({
        code: "release_too_new",
        facts: { release: NEWEST_RELEASE + 1, releaseMax: NEWEST_RELEASE },
      }),
    );
  });

  test.each<[string, unknown]>([
    ["no list", 7],
    ["a field missing", firstFields().slice(1)],
    ["release 1 where it is not said", [...firstFields(), 1]],
    ["no release", [...firstFields(), "2"]],
    ["more behind the release", [...firstFields(), 2, 2]],
  ])("with %s is malformed", (_what, page) => {
    expect(() => taken(pack(page))).toThrow(expect.objectContaining({ code: "malformed_body" }));
  });
});
