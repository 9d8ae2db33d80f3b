import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NEWEST_RELEASE } from "../base/release.ts";
import { CONFIG_DEFAULTS, type NodeConfig, parseConfig } from "./config.ts";

const REQUIRED = { version: 1, id: 2, cluster: "../cluster.json", identity: "identity.key", data: "data" };

function parse(fields: object): NodeConfig {
  return parseConfig(JSON.stringify(fields));
}

function refusal(place: string, reason: string): Error {
  return expect.objectContaining({
    code: "config_invalid",
    facts: { path: place },
    message: expect.stringContaining(`${place}: ${reason}`) as string,
  }) as Error;
}

describe("a configuration", () => {
  test("needs the five settings that nobody can guess; the rest has defaults", () => {
    expect(parse(REQUIRED)).toEqual({ ...REQUIRED, ...CONFIG_DEFAULTS });
    for (const name of Object.keys(REQUIRED)) {
      const { [name]: _, ...rest } = REQUIRED as Record<string, unknown>;
      expect(() => parse(rest)).toThrow(refusal(`config.${name}`, "is missing"));
    }
  });

  test("may change one timing and leave the others", () => {
    expect(parse({ ...REQUIRED, timing: { tickMs: 5 } }).timing).toEqual({ ...CONFIG_DEFAULTS.timing, tickMs: 5 });
  });

  test("may name the acquirer", () => {
    const endpoints = { card: "https://acquirer.example/api" };
    expect(parse({ ...REQUIRED, endpoints }).endpoints).toEqual(endpoints);
  });

  test("may name the key for data at rest, and nothing else there", () => {
    const encryption = { keyFile: "data.key" };
    expect(parse({ ...REQUIRED, encryption }).encryption).toEqual(encryption);
    expect(() => parse({ ...REQUIRED, encryption: {} })).toThrow(refusal("config.encryption.keyFile", "is missing"));
    const typo = { keyfile: "data.key" };
    expect(() => parse({ ...REQUIRED, encryption: typo })).toThrow(
      refusal("config.encryption.keyfile", "there is no such setting; did you mean keyFile?"),
    );
  });

  test("may hold an upgrade back, to a release that the program knows", () => {
    expect(parse({ ...REQUIRED, releaseMax: 1 }).releaseMax).toBe(1);
    const above = (): unknown => parse({ ...REQUIRED, releaseMax: NEWEST_RELEASE + 1 });
    expect(above).toThrow(refusal("config.releaseMax", "must be an integer from 1 to"));
  });

  test("may name nodes that shall rather lead, each once", () => {
    expect(parse({ ...REQUIRED, preferredLeaders: [3, 1] }).preferredLeaders).toEqual([3, 1]);
    const bad = (preferredLeaders: unknown) => () => parse({ ...REQUIRED, preferredLeaders });
    expect(bad(3)).toThrow(refusal("config.preferredLeaders", "must be a list"));
    expect(bad([1, 0])).toThrow(refusal("config.preferredLeaders[1]", "must be an integer"));
    expect(bad([1, 2, 1])).toThrow(refusal("config.preferredLeaders", "names a node twice"));
  });

  test("must be JSON, and an object", () => {
    expect(() => parseConfig("{ id: 1 }")).toThrow(
      expect.objectContaining({ code: "config_invalid", message: expect.stringContaining("not JSON") as string }),
    );
    for (const text of ["[]", "null", "7", '"x"'])
      expect(() => parseConfig(text)).toThrow(refusal("config", "must be"));
  });
});

describe("typos", () => {
  test.each([
    ["config.identiti", { identiti: "x" }, "did you mean identity?"],
    ["config.logLvel", { logLvel: "info" }, "did you mean logLevel?"],
    ["config.Data", { Data: "x" }, "did you mean data?"],
    ["config.checkpointblocks", { checkpointblocks: 1 }, "did you mean checkpointBlocks?"],
    ["config.timing.tickMS", { timing: { tickMS: 5 } }, "did you mean tickMs?"],
    ["config.timing.heartbeatTick", { timing: { heartbeatTick: 5 } }, "did you mean heartbeatTicks?"],
    ["config.endpoints.crad", { endpoints: { crad: "http://localhost" } }, "did you mean card?"],
  ])("%s is refused with what was probably meant", (place, fields, meant) => {
    expect(() => parse({ ...REQUIRED, ...fields })).toThrow(refusal(place, `there is no such setting; ${meant}`));
  });

  test.each([
    ["config.replicationFactor", { replicationFactor: 3 }],

    ["config.__proto__", {}],
  ])("%s is like no setting, and nothing is suggested", (place, fields) => {
    const text = JSON.stringify({ ...REQUIRED, ...fields });
    const source = place === "config.__proto__" ? text.replace("{", '{"__proto__":1,') : text;
    expect(() => parseConfig(source)).toThrow(
      expect.objectContaining({ message: `${place}: there is no such setting` }),
    );
  });

  test("any one slip of a finger in a name is refused and its name suggested", () => {
    const names = Object.keys({ ...REQUIRED, ...CONFIG_DEFAULTS }).filter((name) => name.length > 3);
    const letter = fc.constantFrom("a", "e", "i", "n", "t", "x");
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.nat(),
        fc.constantFrom("drop", "add", "swap"),
        letter,
        (name, at, slip, by) => {
          const place = at % name.length;
          const rest = name.slice(place + 1);
          const wrong = name.slice(0, place) + { drop: "", add: by + (name[place] ?? ""), swap: by }[slip] + rest;
          fc.pre(!names.includes(wrong));
          const attempt = (): NodeConfig => parse({ ...REQUIRED, ...CONFIG_DEFAULTS, [wrong]: 1 });
          expect(attempt).toThrow(refusal(`config.${wrong}`, "there is no such setting; did you mean"));
        },
      ),
    );
  });
});

describe("values that cannot be", () => {
  test.each<[string, object, string]>([
    ["config.version", { version: 2 }, "must be an integer from 1 to 1"],
    ["config.id", { id: 0 }, "must be an integer from 1 to 255"],
    ["config.id", { id: "1" }, "must be an integer"],
    ["config.id", { id: 1.5 }, "must be an integer"],
    ["config.id", { id: null }, "must be an integer"],
    ["config.cluster", { cluster: "" }, "must be a text"],
    ["config.data", { data: ["data"] }, "must be a text"],
    ["config.identity", { identity: true }, "must be a text"],
    ["config.logLevel", { logLevel: "verbose" }, "must be one of trace, debug, info, warn, error, silent"],
    ["config.timing", { timing: 20 }, "must be an object"],
    ["config.timing.tickMs", { timing: { tickMs: 0 } }, "must be an integer from 1 to 1000"],
    ["config.timing.heartbeatTicks", { timing: { heartbeatTicks: 8 } }, "must be at most half of electionTimeoutTicks"],
    ["config.timing.leaseDriftPermille", { timing: { leaseDriftPermille: 0 } }, "must be an integer from 1 to 500"],
    ["config.checkpointBlocks", { checkpointBlocks: -1 }, "must be an integer"],
    ["config.segmentBytes", { segmentBytes: 1_024 }, "must be an integer from 8388608"],
    ["config.cacheBytes", { cacheBytes: 1e300 }, "must be an integer"],
    ["config.endpoints", { endpoints: [] }, "must be an object"],
    ["config.endpoints.card", { endpoints: { card: "localhost:80" } }, "must be an http or https address"],
    ["config.endpoints.card", { endpoints: { card: "http://" } }, "must be an http or https address"],
    ["config.endpoints.card", { endpoints: { card: 5 } }, "must be an http or https address"],
  ])("%s: %j", (place, fields, reason) => {
    expect(() => parse({ ...REQUIRED, ...fields })).toThrow(refusal(place, reason));
  });

  test("whatever the file holds, it is a configuration or refused with the one code", () => {
    const known = fc.constantFrom(...Object.keys({ ...REQUIRED, ...CONFIG_DEFAULTS }));
    fc.assert(
      fc.property(fc.dictionary(fc.oneof(known, fc.string()), fc.jsonValue()), (fields) => {
        try {
          const config = parse({ ...REQUIRED, ...fields });
          expect(config.timing.heartbeatTicks * 2).toBeLessThanOrEqual(config.timing.electionTimeoutTicks);
        } catch (error) {
          expect(error).toMatchObject({ code: "config_invalid" });
        }
      }),
      { numRuns: 300 },
    );
  });
});
