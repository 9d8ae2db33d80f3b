import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ran, ran, ranJson } from "./run.contract.ts";

const directory = mkdtempSync(join(tmpdir(), "quorate-run-"));
afterAll(() => rmSync(directory, { recursive: true }));

function at(name: string): string {
  return join(directory, name);
}

/** Commands that a help page lists below `path`, without their arguments. */
function listed(help: string, path: readonly string[]): string[] {
  const prefix = ["  quorate", ...path, ""].join(" ");
  const commands = /^Commands:\n([\s\S]*?)\n\n/m.exec(help)?.[1] ?? "";
  return commands
    .split("\n")
    .filter((line) => line.startsWith(prefix))
    .map((line) => line.slice(prefix.length).split(" ")[0] ?? "");
}

/** Every command there is, as the help pages tell. */
async function allCommands(): Promise<string[][]> {
  const paths: string[][] = [];
  for (const name of listed((await ran("--help")).out, [])) {
    const members = listed((await ran(name, "--help")).out, [name]);
    if (members.length === 0) paths.push([name]);
    else paths.push(...members.map((member) => [name, member]));
  }
  return paths;
}

const COMMANDS = await allCommands();

test("the help pages list the commands of the documents", () => {
  const names = COMMANDS.map((path) => path.join(" "));
  for (const name of [
    ...[
      "day",
      "dev",
      "init",
      "start",
      "status",
      "verify",
      "log show",
      "keys new",
      "keys show",
      "account create",
      "account show",
    ],
    ...["account history", "transfer", "pay", "payment show", "import", "settlement show", "receipt verify"],
    ...["sim run", "sim replay", "sim shrink", "sim diff", "sim view", "sim mutants", "sim report", "acquirer"],
  ]) {
    expect(names).toContain(name);
  }
});

describe.each(COMMANDS.map((path) => [path.join(" "), path] as const))("quorate %s", (_, path) => {
  test("has help with what it does, an example and --json, and does nothing else", async () => {
    const { code, out, err } = await ran(...path, "--help");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(new RegExp(`^quorate ${path.join(" ")}`));
    expect(out).toContain("--json");
    expect(out).toMatch(/Examples:\n {2}quorate \S+/);
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(110);
  });

  test.each([
    ["a flag that does not exist", ["--no-such-flag"]],
    ["arguments too many", ["1", "2", "3", "4", "five"]],
  ])("refuses %s", async (_name, args) => {
    expectWrongUse(await ran(...path, ...args));
    const wrong = await ran(...path, ...args, "--json");
    expect(JSON.parse(wrong.out)).toEqual({ error: { code: "usage", message: expect.any(String) } });
    expect(wrong).toMatchObject({ code: 2, err: expect.stringMatching(/^error: .+ \(usage\)\n$/) });
  });
});

/** Exit code 2, one line on standard error, nothing on standard output. */
function expectWrongUse({ code, out, err }: Ran, message = ""): void {
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toMatch(/^error: [\s\S]+ \(usage\)\n$/);
  expect(err).toContain(message);
}

describe("wrong use: exit code 2, what to do on standard error, nothing on standard output", () => {
  const PAY = ["pay", "--payer", "7", "--payee", "8", "--amount", "1", "--ledger", "EUR"];
  const CREATE = ["account", "create", "--ledger", "EUR"];
  const MOVE = ["transfer", "--from", "7", "--to", "8", "--amount", "1", "--ledger", "EUR"];

  test.each<readonly [readonly string[], string]>([
    [[], "say what to do"],
    [["acount"], "there is no such command; did you mean account?"],
    [["account"], "say which: create, show, history"],
    [["account", "shwo", "7"], "there is no such command; did you mean show?"],
    [["day", "--limit", "0"], "--limit must be a whole number from 1"],
    [["day", "--limit", "many"], "--limit must be a whole number"],
    [["day", "--limit", "1.5"], "--limit must be a whole number"],
    [["day", "--limit", "5", "--limit", "6"], "--limit"],
    [["day", "--input"], "--input needs a value"],
    [["day", "--seed", "-1"], "--seed must be a whole number from 0"],
    [["day", "--nodes", "10"], "a cluster has 1 to 9 nodes"],
    [["bench-peers", "--rounds", "0"], "--rounds must be a whole number from 1"],
    [["bench-peers", "--rounds", "abc"], "--rounds must be a whole number"],
    [["bench-peers", "--seconds", "2.5"], "--seconds must be a whole number"],
    [["bench-peers", "--payments", "0"], "--payments must be a whole number from 1"],
    [["dev", "--nodes", "0"], "a cluster has 1 to 9 nodes"],
    [["init"], "Missing required argument: dir"],
    [["init", "--dir", at("x"), "--nodes", "2.5"], "a cluster has 1 to 9 nodes"],
    [["init", "--dir", at("x"), "--base-port", "65534"], "no room for 3 ports"],
    [["init", "--dir", at("x"), "--names", "a,b"], "--names: 2 given for 3 nodes"],
    [["init", "--dir", at("x"), "--names", "a,b,a"], "--names: a stands twice"],
    [["init", "--dir", at("x"), "--names", "a,b,../c"], '--names: "../c" is no name for a node'],
    [["init", "--dir", at("x"), "--names", "a,b,3"], '--names: "3" is no name for a node'],
    [["member", "add", "--dir", at("x"), "--port", "1", "--name", "A"], '--name: "A" is no name for a node'],
    [["member", "remove", "0"], "--node must be a node's name, or its id, a whole number from 1 to 255"],
    [["member", "rejoin", "256"], "--node must be a node's name, or its id"],
    [["leader", "transfer", "--to", "North"], "--to must be a node's name, or its id"],
    [["start"], "Missing required argument: config"],
    [["verify"], "too few arguments: 0 given, 1 needed"],
    [["verify", at("none")], "there is no directory"],
    [["verify", directory], "has no node's data"],
    [["log", "show", directory, "--from", "0"], "--from must be a whole number from 1"],
    [["log", "show", directory, "--from", "9", "--to", "8"], "--to 8 is before --from 9"],
    [["log", "show", at("none")], "there is no directory"],
    [["keys", "show"], "too few arguments"],
    [["authority", "create", "--name", "a", "--public-key", "zz"], '"zz" is not a public key'],
    [["authority", "create", "--name", "a", "--public-key", "00", "--role", "king"], "Choices"],
    [["configure", "settlement", "--ledger", "EUR", "--hub-account", "0"], '"0" is not an id'],
    [["configure", "settlement", "--ledger", "EUR", "--hub-account", "2", "--window-seconds", "0"], "--window-seconds"],
    [["configure", "participant", "--ledger", "EUR", "--account", "2", "--authority", "0"], "--authority"],
    [["configure", "card", "--ledger", "EUR", "--clearing-account", "3", "--hold-seconds", "x"], "--hold-seconds"],
    [["configure", "risk", "--ledger", "EUR", "--review-amount=-1"], '"-1" is not an amount'],
    [["configure", "risk", "--ledger", "EUR", "--decline-count", "-1"], "--decline-count"],
    [["risk", "block", "bob"], '"bob" is not an id'],
    [["account", "create"], "Missing required argument: ledger"],
    [["account", "create", "--ledger", "5X"], '"5X" is neither a currency'],
    [[...CREATE, "--id", "0"], '"0" is not an id'],
    [[...CREATE, "--code", "65536"], "--code must be a whole number from 1 to 65535"],
    [[...CREATE, "--code", "1.5"], "--code must be a whole number"],
    [["account", "show", "7", "x"], '"x" is not an id'],
    [["account", "history", "7", "--limit", "8191"], "--limit must be a whole number from 1 to 8190"],
    [["transfer"], "a transfer needs --from, --to, --amount and --ledger"],
    [["transfer", "--from", "7", "--to", "8", "--amount", "1"], "a transfer needs"],
    [["transfer", "--post", "1", "--void", "2"], "mutually exclusive"],
    [["transfer", "--post", "1", "--from", "7"], "leave out --from"],
    [["transfer", "--post", "1", "--amount", "1"], "--amount needs --ledger"],
    [["transfer", "--reverse", "1", "--code", "2"], "a reversal has no --timeout, and a code of its own"],
    [["transfer", "--reverse", "1", "--post", "2"], "mutually exclusive"],
    [["transfer", "--reverse", "1", "--to", "2"], "--reverse takes accounts from the transfer"],
    [[...MOVE, "--timeout", "5"], "--timeout is for --pending"],
    [[...MOVE, "--pending", "--timeout", "-5"], "--timeout must be a whole number"],
    [[...MOVE, "--receipt"], "--receipt needs a value"],
    [["pay"], "Missing required arguments: payer, payee, amount, ledger"],
    [[...PAY, "--channel", "cash"], "Choices"],
    [[...PAY, "--capture", "never"], "Choices"],
    [[...PAY, "--wait", "-1"], "--wait must be a whole number"],
    [[...PAY.slice(0, -4), "--amount", "1.005", "--ledger", "EUR"], "at most 2 decimals"],
    [["payment", "show", "-7"], '"-7" is not an id'],
    [["payment", "review", "7", "maybe"], "Choices"],
    [["payment", "list", "--state", "paid"], "Choices"],
    [["payment", "list", "--after", "-1"], "--after must be a whole number"],
    [["import"], "too few arguments"],
    [["import", "payments.csv", "--in-flight", "0"], "--in-flight must be a whole number from 1"],
    [["settlement", "show"], "Missing required argument: ledger"],
    [["statement", "7", "--from", "yesterday"], '"yesterday" is not a time'],
    [["statement", "7", "--from", "2026-02-01", "--to", "2026-01-01"], "--to must be later than --from"],
    [["trial-balance", "EUR", "--height", "1"], "--height is about every account: it needs --dir"],
    [["trial-balance", "--csv", at("x")], "--csv is about every account: it needs --dir"],
    [["trial-balance", "--dir", at("x")], "a ledger must be named"],
    [["trial-balance", "EUR", "--dir", at("x"), "--height", "0"], "--height must be a whole number from 1"],
    [["trial-balance", "EUR", "--dir", at("x"), "--height", "1", "--at", "2026-01-01"], "exclude each other"],
    [["trial-balance", "EUR", "--dir", at("x")], "there is no directory"],
    [["export", "keys", "--dir", at("x"), "--out", at("y")], "Choices"],
    [["export", "accounts", "--dir", at("x")], "Missing required argument: out"],
    [["settlement", "close", "--ledger", "0"], '"0" is neither a currency'],
    [["sim", "run", "--seeds", "5..2"], "is not a range"],
    [["sim", "replay"], "say which run: --seed N, with --mutant NAME where a bug is planted and --scenario FILE"],
    [["acquirer", "--journal", at("x"), "--port", "65536"], "--port must be a whole number from 0 to 65535"],
    [["acquirer"], "Missing required argument: journal"],
  ])("quorate %j", async (args, message) => {
    expectWrongUse(await ran(...args), message);
  });

  test("leaves no files behind", () => {
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe("failures: exit code 1 and an error code", () => {
  beforeAll(async () => {
    await ran("init", "--dir", at("cluster"));
    writeFileSync(at("broken.json"), "{", { mode: 0o644 });
    writeFileSync(at("broken.key"), "{", { mode: 0o600 });
    writeFileSync(at("payments.csv"), "id,time,payer,payee,amount\n1,0,7,8,x\n");
    writeFileSync(at("good.csv"), "id,time,payer,payee,amount\n1,0,7,8,1\n");
    writeFileSync(at("typo.json"), '{"version":1,"colums":{}}');
  });

  const HERE = (): string[] => ["--cluster", join(at("cluster"), "cluster.json")];

  test.each<readonly [string, string, () => readonly string[]]>([
    ["no cluster file", "cluster_file_unreadable", () => ["status", "--cluster", at("none.json")]],
    ["a broken cluster file", "cluster_file_invalid", () => ["status", "--cluster", at("broken.json")]],
    ["no key file", "key_file_unreadable", () => ["status", ...HERE(), "--key", at("none.key")]],
    ["a key file that is none", "key_invalid", () => ["keys", "show", at("broken.key")]],
    ["a key file that others may read", "key_file_exposed", () => ["keys", "show", at("broken.json")]],
    ["a key that would be overwritten", "file_exists", () => ["keys", "new", at("broken.json")]],
    ["a key in no directory", "key_file_unwritable", () => ["keys", "new", join(at("none"), "a.key")]],
    ["a directory that is not empty", "dir_not_empty", () => ["init", "--dir", at("cluster")]],
    ["a directory in a file's place", "dir_unusable", () => ["init", "--dir", at("broken.json")]],
    ["no configuration", "file_unreadable", () => ["start", "--config", at("none.json")]],
    ["a broken configuration", "config_invalid", () => ["start", "--config", at("broken.json")]],
    ["no receipt", "file_unusable", () => ["receipt", "verify", at("none.receipt"), ...HERE()]],
    ["a receipt that is none", "receipt_invalid", () => ["receipt", "verify", at("broken.json"), ...HERE()]],
    ["no payments file", "file_unreadable", () => ["import", at("none.csv")]],
    ["a broken payments file", "csv_invalid", () => ["import", at("payments.csv")]],
    ["no mapping file", "file_unusable", () => ["import", at("good.csv"), "--mapping", at("none.json")]],
    ["a typo in a mapping file", "mapping_invalid", () => ["import", at("good.csv"), "--mapping", at("typo.json")]],
    ["a day of no file", "file_unreadable", () => ["day", "--input", at("none.csv")]],
    ["a journal in no directory", "file_unusable", () => ["acquirer", "--journal", join(at("none"), "journal")]],
  ])("%s", async (_, code, args) => {
    const people = await ran(...args());
    expect(people).toMatchObject({ code: 1, out: "" });
    expect(people.err).toMatch(new RegExp(`^error: [^\\n]+ \\(${code}\\)\\n$`));
    expect(await ranJson(...args())).toEqual({ error: { code, message: expect.any(String) } });
  });

  test("a cluster that is down is shown node by node", async () => {
    const { code, out, err } = await ran("status", ...HERE());
    expect(code).toBe(1);
    expect(out.split("\n")[1]).toMatch(/^ {3}1 {2}node-1 {2}127\.0\.0\.1:7400 {2}down {5}0 {7}0 {8}0$/);
    expect(err).toBe(
      "no leader that a quorum follows: start nodes 1, 2 and 3, for a quorum of nodes 1, 2 and 3 must run; or look into their logs\n",
    );
  });
});

describe("what needs no cluster", () => {
  test("--version", async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8")) as {
      version: string;
    };
    expect(await ran("--version")).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });

  test("keys new, keys show", async () => {
    const file = at("alice.key");
    const made = await ranJson("keys", "new", file);
    expect(made).toEqual({ file, publicKey: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await ran("keys", "show", file)).out).toBe(`${String(made["publicKey"])}\n`);
  });

  test("init writes a configuration for each node, that can be started", async () => {
    const dir = at("five");
    const result = await ranJson("init", "--dir", dir, "--nodes", "5", "--base-port", "9000", "--host", "localhost");
    expect(result).toMatchObject({ clusterFile: join(dir, "cluster.json"), adminKey: join(dir, "admin.key") });
    expect(result["configs"]).toHaveLength(5);
    for (const config of result["configs"] as string[]) expect(existsSync(config)).toBe(true);
    const { nodes } = JSON.parse(readFileSync(join(dir, "cluster.json"), "utf8")) as { nodes: { port: number }[] };
    expect(nodes.map(({ port }) => port)).toEqual([9000, 9001, 9002, 9003, 9004]);
  });

  test("init gives the nodes their names, and each a directory of its name", async () => {
    const dir = at("named");
    const { configs } = await ranJson("init", "--dir", dir, "--nodes", "2", "--names", "north,south");
    expect(configs).toEqual(["north", "south"].map((name) => join(dir, name, "config.json")));
    const { nodes } = JSON.parse(readFileSync(join(dir, "cluster.json"), "utf8")) as { nodes: { name: string }[] };
    expect(nodes.map(({ name }) => name)).toEqual(["north", "south"]);
  });
});
