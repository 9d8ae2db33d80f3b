import { expect, test } from "vitest";
import { FAST_TIMING } from "../../node/host/config.ts";
import { type BenchArguments, checkArguments, settingsOf } from "./arguments.ts";

const ARGUMENTS: BenchArguments = {
  ...{ load: "bulk", nodes: 3, encrypt: false, fast: false, rounds: 5, accounts: 10_000, manyAccounts: 1_000_000 },
  ...{ transfers: 1_000_000, batch: 8_190, clients: 1, payers: 2_000, payments: 50_000, connections: 6 },
  ...{ inFlight: 512, seed: 1 },
};

test.each([
  ["a load of signed payments at a rate at which the last would have expired", { load: "open", rate: 50 }],
  ["an open load without a rate", { load: "open" }],
  ["a profile of nodes in a cluster that is there", { cluster: "cluster.json", profile: "dir" }],
  ["a profile of nodes that are killed", { load: "failover", profile: "dir" }],
  ["one account, which cannot pay itself", { accounts: 1 }],
  ["one payer", { load: "mixed", payers: 1 }],
] as const)("refused is %s", (_, args) => {
  expect(() => checkArguments({ ...ARGUMENTS, ...args })).toThrow(expect.objectContaining({ code: "usage" }));
});

test("an open load may last as long as its payments are sure to be taken", () => {
  expect(() => checkArguments({ ...ARGUMENTS, load: "open", rate: 125 })).not.toThrow();
  expect(() => checkArguments({ ...ARGUMENTS, load: "open", rate: 124 })).toThrow("49600 at most with --rate 124");
});

test("whatever makes a figure another is among the settings, and nothing else", () => {
  const of = (args: Partial<BenchArguments>): object => settingsOf({ ...ARGUMENTS, ...args }, undefined);
  expect(of({ fast: true })).toMatchObject({ ...FAST_TIMING, profile: false });
  expect(of({ profile: "dir" })).toMatchObject({ profile: true });
  expect(of({ load: "catchup" })).toMatchObject({ rounds: 5, accounts: 10_000, batch: 8_190, clients: 1 });
  expect(of({ load: "growth", transfers: 500_000 })).toMatchObject({ transfers: 1_000_000, measured: 500_000 });
  expect(of({ load: "open", rate: 100 })).toMatchObject({ rate: 100 });
  expect(of({ load: "open", rate: 100 })).not.toHaveProperty("inFlight");
  expect(of({ load: "signed", rate: 100 })).toMatchObject({ inFlight: 512 });
  expect(of({ load: "signed", rate: 100 })).not.toHaveProperty("rate");
});
