/** The commands against a real cluster of three processes: one cluster, started once, and a story from top to bottom. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CodedError } from "../../node/base/errors.ts";
import { NEWEST_RELEASE } from "../../node/base/release.ts";
import { type ClusterFile, parseClusterFile } from "../../node/client/index.ts";
import { proveReceipt } from "../receipt-file.ts";
import { type Ran, ran, ranJson } from "../run.contract.ts";
import { Spawned } from "../spawned.contract.ts";

const directory = mkdtempSync(join(tmpdir(), "quorate-commands-"));
const dir = join(directory, "cluster");
const HERE = ["--cluster", join(dir, "cluster.json")];
const EUR = ["--ledger", "EUR"];
const HOOK_MS = 120_000;

let cluster: Spawned;

beforeAll(async () => {
  cluster = new Spawned(["dev", "--dir", dir, "--json"]);
  await cluster.says("}\n");
}, HOOK_MS);

afterAll(async () => {
  cluster.ctrlC();
  await cluster.code();
  rmSync(directory, { recursive: true });
}, HOOK_MS);

async function q(...args: readonly string[]): Promise<Ran> {
  return await ran(...args, ...HERE);
}

async function json(...args: readonly string[]): Promise<Record<string, unknown>> {
  return await ranJson(...args, ...HERE);
}

/** Runs a command that must succeed, and gives its text. */
async function done(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await q(...args);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return out;
}

/** Runs a command that must fail with a code. */
async function refused(code: string, ...args: readonly string[]): Promise<void> {
  expect(await q(...args)).toMatchObject({ code: 1, err: expect.stringContaining(`(${code})`) });
}

/** Balance of an account in minor units. */
async function balance(id: string): Promise<bigint> {
  const { accounts } = (await json("account", "show", id)) as {
    accounts: { creditsPosted: string; debitsPosted: string }[];
  };
  return BigInt(accounts[0]?.creditsPosted ?? 0) - BigInt(accounts[0]?.debitsPosted ?? 0);
}

/** Whether a receipt file proves anything. */
function holds(ours: ClusterFile, text: string): boolean {
  try {
    proveReceipt(ours, text);
    return true;
  } catch (error) {
    if (error instanceof CodedError) return false;
    throw error;
  }
}

function file(name: string): string {
  return join(directory, name);
}

describe("status", () => {
  test("dev said what it started, and status agrees", async () => {
    const started = JSON.parse(cluster.out) as { clusterFile: string; nodes: unknown[] };
    expect(started).toMatchObject({ directory: dir, clusterFile: HERE[1], nodes: [{ id: 1 }, { id: 2 }, { id: 3 }] });
    // Nodes have to hear of each other's releases before the cluster goes on to the newest.
    const raised = { release: NEWEST_RELEASE, newest: NEWEST_RELEASE, heldBackBy: [] };
    await expect.poll(async () => (await json("status"))["release"], { timeout: 10_000 }).toEqual(raised);
    const status = await json("status");
    expect(status).toMatchObject({ healthy: true, leader: expect.any(Number) });
    expect((status["nodes"] as { role: string }[]).map(({ role }) => role).sort()).toEqual([
      ...["follower", "follower", "leader"],
    ]);
    const text = await done("status");
    expect(text).toMatch(
      /^node {2}name +address +role +term {2}commit {2}applied {2}digest\n +1 {2}node-1 {2}127\.0\.0\.1:\d+/,
    );
    expect(text).toMatch(
      /\n\nseen by the leader, node \d:\npeer {2}state +match {2}lag {2}in flight {2}pages\n +\d {2}replicate/,
    );
    const follower = { state: "replicate", match: expect.any(Number), lag: expect.any(Number), inFlight: 0 };
    expect(status["peers"]).toMatchObject([follower, follower]);
    expect(text).toMatch(new RegExp(`\\n\\nrelease ${NEWEST_RELEASE}\\n*$`));
  });
});

describe("leader", () => {
  interface Leads {
    readonly leader: number;
    readonly term: number;
    readonly followers: readonly number[];
  }
  const leads = async (): Promise<Leads> => (await json("leader", "show")) as unknown as Leads;

  test("moves to the node that is named, and from there to another", async () => {
    const before = await leads();
    const [to = 0] = before.followers;
    const moved = await json("leader", "transfer", "--to", String(to));
    expect(moved).toMatchObject({ from: before.leader, to, tookMs: expect.any(Number) });
    const after = await leads();
    expect([after.leader, after.term]).toEqual([to, moved["term"]]);
    expect(after.term).toBeGreaterThan(before.term);
    expect(await done("leader", "transfer", "--to", String(to))).toBe(
      `node ${to} leads already (term ${after.term})\n`,
    );
    expect(await done("leader", "transfer")).toMatch(
      /^node \d leads now \(term \d+\), after \d+ ms; before it node \d\n$/,
    );
    expect((await leads()).leader).not.toBe(to);
  });

  test("cannot be a node that the cluster does not have", async () => {
    const { code, err } = await q("leader", "transfer", "--to", "7");
    expect([code, err]).toEqual([2, expect.stringContaining("--to: the cluster has the nodes 1, 2, 3")]);
  });

  test("is not for a bank or an auditor to say", async () => {
    for (const role of ["participant", "auditor"]) {
      const key = file(`leader-${role}.key`);
      await ran("keys", "new", key);
      const publicKey = (await ran("keys", "show", key)).out.trim();
      await done("authority", "create", "--name", `a ${role}`, "--public-key", publicKey, "--role", role);
      const before = await leads();
      await refused("not_authorized", "leader", "transfer", "--key", key);
      expect(await leads()).toEqual(before);
    }
  });

  test("is asked for in vain where nobody answers", async () => {
    await ran("init", "--dir", file("silent"), "--nodes", "3", "--base-port", "1");
    const { code, err } = await ran("leader", "show", "--cluster", file("silent/cluster.json"));
    expect([code, err]).toEqual([1, expect.stringContaining("node 3 is down")]);
  });
});

test("status tells a node that is another than the cluster file says from one that is down", async () => {
  const { nodes } = JSON.parse(readFileSync(HERE[1] as string, "utf8")) as { nodes: { port: number }[] };
  await ran("init", "--dir", file("impostor"), "--nodes", "1", "--base-port", String(nodes[0]?.port));
  const { code, out } = await ran("status", "--cluster", file("impostor/cluster.json"));
  expect(code).toBe(1);
  expect(out).toMatch(/^ +1 .* wrong_node +0 +0 +0$/m);
});

describe("digital assets", () => {
  const GOLD = ["--ledger", "GOLD"];

  test("are issued up to their cap, paid and burned, in amounts of their own decimals", async () => {
    const key = file("mint.key");
    await ran("keys", "new", key);
    const publicKey = (await ran("keys", "show", key)).out.trim();
    await done("authority", "create", "--name", "mint", "--public-key", publicKey, "--role", "issuer");
    const mint = ["--key", key];
    const create = ["asset", "create", "--ledger", "1000", "--code", "GOLD", "--decimals", "6"];
    await refused("asset_unknown", "account", "create", "--id", "950", "--ledger", "HRK");
    await done(...create, "--cap", "100.5", ...mint);
    await refused("already_exists", ...create, ...mint);
    await done("account", "create", "--id", "951", ...GOLD, ...mint);
    await done("account", "create", "--id", "952", "--ledger", "1000");
    await done("asset", "issue", ...GOLD, "--account", "951", "--amount", "100.500000", ...mint);
    await refused("exceeds_credits", "asset", "issue", ...GOLD, "--account", "951", "--amount", "0.000001", ...mint);
    await refused("not_authorized", "asset", "issue", ...GOLD, "--account", "951", "--amount", "1");
    await done("transfer", "--from", "951", "--to", "952", "--amount", "12.345678", ...GOLD, ...mint);
    await done("asset", "burn", ...GOLD, "--account", "951", "--amount", "8.154322", ...mint);
    expect(await done("account", "show", "951", "952")).toMatch(/80\.000000 GOLD.*\n.* 12\.345678 GOLD /);
    expect(await done("account", "history", "952")).toContain("+12.345678 GOLD");
    expect(await done("asset", "show", "gold")).toContain("in circulation     92.345678 GOLD");
    const precise = ["transfer", "--from", "952", "--to", "951", "--amount", "1.2345678", ...GOLD];
    expect(await q(...precise)).toMatchObject({ code: 2, err: expect.stringContaining("at most 6 decimals") });
  });
});

describe("accounts and transfers", () => {
  const CUSTOMER = ["account", "create", "--id", "7", ...EUR, "--debits-must-not-exceed-credits"];

  test("accounts are created once; the same again is a success, another one is not", async () => {
    expect(await done("account", "create", "--id", "1", ...EUR)).toMatch(/^1 created at height \d+\n$/);
    expect(await json(...CUSTOMER)).toMatchObject({ id: "7", status: "created", height: expect.any(Number) });
    expect(await json(...CUSTOMER)).toMatchObject({ id: "7", status: "exists" });
    await refused("exists_with_different_flags", "account", "create", "--id", "7", ...EUR);
    await done("account", "create", "--id", "8", ...EUR);
  });

  test("an account without an id gets one that rises with time", async () => {
    const ids = [await json("account", "create", ...EUR), await json("account", "create", ...EUR)].map(({ id }) =>
      BigInt(String(id)),
    );
    expect(ids[1]).toBeGreaterThan(ids[0] as bigint);
  });

  test("money moves, and the same transfer moves it once", async () => {
    const transfer = ["transfer", "--id", "100", "--from", "1", "--to", "7", "--amount", "100", ...EUR];
    await done(...transfer);
    expect(await json(...transfer)).toMatchObject({ status: "exists" });
    expect(await balance("7")).toBe(10_000n);
    expect(await balance("1")).toBe(-10_000n);
  });

  test("nobody overdraws an account that may not be, and the failed id stays failed", async () => {
    const transfer = ["transfer", "--id", "101", "--from", "7", "--to", "8", "--amount", "100.01", ...EUR];
    await refused("exceeds_credits", ...transfer);
    await refused("id_already_failed", ...transfer);
    expect(await balance("8")).toBe(0n);
  });

  test("money is held, posted in part, and given back", async () => {
    const hold = ["transfer", "--pending", "--from", "7", "--to", "8", ...EUR];
    await done(...hold, "--id", "102", "--amount", "30", "--timeout", "600");
    await done(...hold, "--id", "103", "--amount", "20");
    expect(await balance("7")).toBe(10_000n);
    const { accounts } = (await json("account", "show", "7")) as { accounts: object[] };
    expect(accounts[0]).toMatchObject({ debitsPending: "5000", flags: ["debitsMustNotExceedCredits"] });
    await done("transfer", "--id", "104", "--post", "102", "--amount", "12.50", ...EUR);
    await done("transfer", "--id", "105", "--void", "103");
    await refused("pending_transfer_already_posted", "transfer", "--post", "102");
    expect(await balance("7")).toBe(8_750n);
    expect(await balance("8")).toBe(1_250n);
  });

  test("a transfer is given back in parts, never more than it moved", async () => {
    await done("transfer", "--id", "120", "--from", "1", "--to", "8", "--amount", "10", ...EUR);
    const part = ["transfer", "--id", "121", "--reverse", "120", "--amount", "4", ...EUR];
    await done(...part);
    expect(await json(...part)).toMatchObject({ status: "exists" });
    await refused("exceeds_original", "transfer", "--reverse", "120", "--amount", "6.01", ...EUR);
    const foreign = await q("transfer", "--reverse", "120", "--amount", "1", "--ledger", "JPY");
    expect(foreign).toMatchObject({ code: 2, err: expect.stringContaining("is in EUR, not in JPY") });
    await done("transfer", "--reverse", "120", "--id", "122");
    expect(await json("transfer", "--reverse", "120", "--id", "122")).toMatchObject({ status: "exists" });
    expect(await json(...part.filter((word) => !["--amount", "4", ...EUR].includes(word)))).toMatchObject({
      status: "exists",
    });
    await refused("exceeds_original", "transfer", "--reverse", "120");
    for (const held of ["102", "105"]) {
      const { code, err } = await q("transfer", "--reverse", held);
      expect([code, err]).toEqual([1, expect.stringMatching(/moves nothing.*--void/)]);
    }
    await refused("not_found", "transfer", "--reverse", "777777");
  });

  test("show says which accounts are not there", async () => {
    const { code, out, err } = await q("account", "show", "7", "999");
    expect(code).toBe(1);
    expect(out).toContain("87.50 EUR");
    expect(err).toBe("not found, or not yours to see: 999\n");
  });

  test("history is newest first, with who was on the other side", async () => {
    const lines = (await done("account", "history", "7")).trimEnd().split("\n");
    expect(lines.map((line) => line.replace(/^\S+Z /, "").replaceAll(/ +/g, " "))).toEqual([
      "time transfer step account amount",
      " 105 voided to 8 -20.00 EUR",
      " 104 posted to 8 -12.50 EUR",
      " 103 held to 8 -20.00 EUR",
      " 102 held to 8 -30.00 EUR",
      " 100 from 1 +100.00 EUR",
    ]);
    const oldest = await json("account", "history", "7", "--oldest-first", "--limit", "1");
    expect(oldest["transfers"]).toMatchObject([{ id: "100", amount: "10000" }]);
  });
});

/** What a command printed, one JSON object a line. */
function jsonLines(out: string): Record<string, unknown>[] {
  return out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("queries and events", () => {
  test("balances of an account after each transfer, by time", async () => {
    await done("account", "create", "--id", "30", ...EUR, "--history");
    for (const id of ["301", "302", "303"]) {
      await done("transfer", "--id", id, "--from", "1", "--to", "30", "--amount", "1", ...EUR);
    }
    const { balances } = (await json("account", "balances", "30")) as { balances: Record<string, string>[] };
    expect(balances.map(({ creditsPosted }) => creditsPosted)).toEqual(["300", "200", "100"]);
    const since = balances[1]?.["timestamp"] ?? "";
    const text = await done("account", "balances", "30", "--since", since, "--oldest-first", "--limit", "1");
    expect(text).toContain("2.00 EUR");
  });

  test("accounts and transfers by what they are, page after page", async () => {
    const accounts = await json("query", "accounts", ...EUR, "--limit", "2");
    expect(accounts).toMatchObject({ accounts: [{ ledger: 978 }, { ledger: 978 }] });
    const first = await json("query", "transfers", "--newest-first", "--limit", "2");
    expect(first).toMatchObject({ transfers: [{ id: "303" }, { id: "302" }] });
    const next = String(first["next"]);
    const second = await json("query", "transfers", "--newest-first", "--limit", "1", "--until", next);
    expect(second).toMatchObject({ transfers: [{ id: "301" }] });
    expect(await json("query", "transfers", "--code", "9")).toMatchObject({ transfers: [], next: "0" });
  });

  test("events, one a line, go on behind a cursor, and wait for more", async () => {
    const { out, err } = await q("events", "--json");
    const all = jsonLines(out);
    expect(all.map(({ cursor }) => cursor)).toEqual(all.map((_, index) => `${index + 1}`));
    expect(err).toBe(`${all.length} events; go on with --from ${all.length}\n`);
    expect(all.at(-1)).toMatchObject({
      ...{ type: "single_phase", transfer: { id: "303", flags: [] } },
      ...{ creditAccount: { id: "30", creditsPosted: "300", flags: ["history"] } },
    });
    const from = ["--from", `${all.length - 1}`];
    const follower = q("events", "--json", "--follow", "--limit", "2", ...from);
    await done("transfer", "--id", "304", "--from", "1", "--to", "30", "--amount", "1", ...EUR);
    expect(jsonLines((await follower).out).map(({ transfer }) => (transfer as { id: string }).id)).toEqual([
      "303",
      "304",
    ]);
    expect(await done("account", "show", "30", "--consistency", "local")).toContain("EUR");
    expect((await q("events", "--from", `${all.length + 1}`)).err).toBe(
      `0 events; go on with --from ${all.length + 1}\n`,
    );
    await refused("out_of_range", "events", "--from", `${all.length + 2}`);
  });

  test("how fresh an answer must be, is said and kept", async () => {
    const [linearizable, stale] = [
      await json("account", "show", "30"),
      await json("account", "show", "30", "--consistency", "5000ms"),
    ];
    expect(stale["accounts"]).toEqual(linearizable["accounts"]);
    expect(await q("account", "show", "30", "--consistency", "fresh")).toMatchObject({ code: 2 });
    expect(await q("events", "--from", "yesterday")).toMatchObject({ code: 2 });
    expect(await q("query", "transfers", "--since", "noon")).toMatchObject({ code: 2 });
  });
});

describe("payments and receipts", () => {
  const PAY = ["pay", "--payer", "7", "--payee", "8", ...EUR];

  test("a payment, its state and its receipt", async () => {
    const text = await done(...PAY, "--id", "500", "--amount", "12.50", "--receipt", file("payment.receipt"));
    expect(text).toMatch(/^payment +500\nstate +captured\namount +12\.50 EUR\n/);
    expect(await json("payment", "show", "500")).toMatchObject({ id: "500", state: "captured", amount: "1250" });
    const verified = await json("receipt", "verify", file("payment.receipt"));
    expect(verified).toMatchObject({ valid: true, kind: "createPayment", result: { status: "ok", state: "captured" } });
  });

  test("any flipped byte of a receipt, or of its transaction, and it proves nothing", async () => {
    const good = readFileSync(file("payment.receipt"), "utf8");
    const ours = parseClusterFile(readFileSync(HERE[1] as string, "utf8"));
    expect(proveReceipt(ours, good)).toMatchObject({ height: expect.any(Number) });
    const parts = JSON.parse(good) as { transaction: string; receipt: string };
    const held: string[] = [];
    for (const part of ["transaction", "receipt"] as const) {
      const bytes = Buffer.from(parts[part], "hex");
      for (const at of bytes.keys()) {
        bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
        const flipped = JSON.stringify({ ...parts, [part]: bytes.toString("hex") });
        if (holds(ours, flipped)) held.push(`${part} byte ${at}`);
        if (at === 50) writeFileSync(file("flipped.receipt"), flipped);
        bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      }
    }
    expect(held).toEqual([]);
    const { code, out, err } = await q("receipt", "verify", file("flipped.receipt"));
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(/\((receipt_invalid|malformed_receipt)\)\n$/);
  });

  test("a receipt of a cluster that is not ours proves nothing", async () => {
    await ran("init", "--dir", file("other"));
    const other = await ran("receipt", "verify", file("payment.receipt"), "--cluster", file("other/cluster.json"));
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining("(receipt_invalid)") });
  });

  test("a receipt that could not be written is said before anything is paid", async () => {
    await refused("file_unusable", ...PAY, "--id", "501", "--amount", "1", "--receipt", file("none/x.receipt"));
    await refused("file_unusable", ...PAY, "--id", "501", "--amount", "1", "--receipt", directory);
    await refused("not_found", "payment", "show", "501");
  });

  test("the same payment again is refused and not made twice", async () => {
    await refused("already_exists", ...PAY, "--id", "500", "--amount", "12.50");
    expect(await balance("7")).toBe(7_500n);
  });

  test("no money: failed, exit code 1", async () => {
    const { code, out } = await q(...PAY, "--id", "502", "--amount", "75.01");
    expect(code).toBe(1);
    expect(out).toContain("failed: exceeds_credits");
  });

  test("held by hand, then captured, then voided", async () => {
    expect(await done(...PAY, "--id", "503", "--amount", "5", "--capture", "manual")).toContain("authorized");
    expect(await done("payment", "capture", "503")).toContain("captured");
    await refused("wrong_state", "payment", "void", "503");
    await done(...PAY, "--id", "504", "--amount", "5", "--capture", "manual");
    expect(await done("payment", "void", "504")).toContain("voided");
    expect(await balance("7")).toBe(7_000n);
  });

  test("risk sets aside, declines and blocks; a reviewer decides", async () => {
    await done("configure", "risk", ...EUR, "--review-amount", "20", "--decline-amount", "50");
    expect((await done("risk", "show")).split("\n")).toEqual([
      "rules of EUR",
      "  review from               20.00 EUR",
      "  decline from              50.00 EUR",
      "  window of the next three  86400 s",
      "  payments before review    off",
      "  payments before decline   off",
      "  sum before decline        off",
      "blocked payers              none",
      "",
    ]);
    expect(await done(...PAY, "--id", "505", "--amount", "20")).toContain("review: amount_review");
    expect((await q(...PAY, "--id", "506", "--amount", "50")).code).toBe(1);
    expect(await json("payment", "list", "--state", "review")).toMatchObject({ payments: [{ id: "505" }], next: 0 });
    expect(await done("payment", "review", "505", "approve")).toContain("captured");
    await done("risk", "block", "7");
    expect((await q(...PAY, "--id", "507", "--amount", "1")).out).toContain("decline: payer_blocked");
    await done("risk", "unblock", "7");
    await done(...PAY, "--id", "508", "--amount", "1");
  });

  test("payment list goes on where the page before ended", async () => {
    const first = await json("payment", "list", "--limit", "2");
    const second = await json("payment", "list", "--limit", "2", "--after", String(first["next"]));
    const ids = [first, second].map(({ payments }) => (payments as { id: string }[]).map(({ id }) => id));
    expect(ids).toEqual([
      ["500", "502"],
      ["503", "504"],
    ]);
  });

  test("by card, through the acquirer", async () => {
    await done("account", "create", "--id", "3", ...EUR);
    await done("configure", "card", ...EUR, "--clearing-account", "3");
    const { code, out } = await q(
      ...["pay", "--id", "510", "--payer", "99", "--payee", "8", "--amount", "3", ...EUR, "--card-token", "tok_1"],
    );
    // The sandbox declines a few of a hundred.
    expect([/state +captured/, /state +failed: /][code]?.test(out), out).toBe(true);
  });
});

describe("checkpoints and audits", () => {
  /** Waits for a checkpoint at or above a height: one is signed every two seconds in which there are blocks. */
  async function fetchAbove(height: number, ...args: readonly string[]): Promise<Record<string, unknown>> {
    for (let attempt = 1; ; attempt++) {
      await done("account", "create", ...EUR);
      const found = await ran("checkpoint", "fetch", "--json", ...args, ...HERE);
      const checkpoint = JSON.parse(found.out) as Record<string, unknown>;
      if (found.code === 0 && Number(checkpoint["height"]) > height) return checkpoint;
      if (attempt > 100) throw new Error(`no checkpoint above height ${height}: ${found.out}${found.err}`);
      await new Promise((resolve) => {
        setTimeout(resolve, 200);
      });
    }
  }

  test("a quorum signs the history, and a later one is proved to extend an earlier one, offline", async () => {
    const first = await fetchAbove(0, "--out", file("first.checkpoint"));
    expect((first["signers"] as number[]).length).toBeGreaterThanOrEqual(2);
    const since = ["--since", file("first.checkpoint")];
    const later = await fetchAbove(Number(first["height"]), "--out", file("later.checkpoint"), ...since);
    expect(later["extendsHeight"]).toBe(first["height"]);
    expect(await json("checkpoint", "verify", file("later.checkpoint"), ...since)).toMatchObject({ valid: true });
    await refused(
      "history_forked",
      "checkpoint",
      "verify",
      file("first.checkpoint"),
      "--since",
      file("later.checkpoint"),
    );
    writeFileSync(
      file("cut.checkpoint"),
      readFileSync(file("later.checkpoint"), "utf8").replace(/"path":\["..../, '"path":["0000'),
    );
    await refused("history_forked", "checkpoint", "verify", file("cut.checkpoint"), ...since);
    writeFileSync(file("bad.checkpoint"), "{}");
    await refused("checkpoint_invalid", "checkpoint", "verify", file("bad.checkpoint"));
  });

  test("a receipt is anchored under the signatures of a quorum", async () => {
    const { height } = await json("receipt", "verify", file("payment.receipt"));
    await fetchAbove(Number(height));
    const anchored = await json("receipt", "anchor", file("payment.receipt"), "--out", file("anchored.receipt"));
    expect(Number(anchored["anchoredAt"])).toBeGreaterThanOrEqual(Number(height));
    expect(await done("receipt", "verify", file("anchored.receipt"))).toContain("part of the history signed at height");
    const text = readFileSync(file("anchored.receipt"), "utf8");
    writeFileSync(file("unanchored.receipt"), text.replace(/"path":\["..../, '"path":["0000'));
    await refused("receipt_invalid", "receipt", "verify", file("unanchored.receipt"));
  });

  test("an auditor executes the log again and comes to what all nodes sign, and goes on from there the next time", async () => {
    await ran("keys", "new", file("auditor.key"));
    const { publicKey } = await ranJson("keys", "show", file("auditor.key"));
    await done("authority", "create", "--name", "auditor", "--public-key", String(publicKey), "--role", "auditor");
    const AUDIT = ["audit", "--key", file("auditor.key"), "--state", file("audit")];
    const first = await json(...AUDIT);
    expect(first).toMatchObject({ sound: true, from: 0, difference: null });
    expect((first["nodes"] as { verdict: string }[]).map(({ verdict }) => verdict)).toEqual(Array(3).fill("agrees"));
    await done("account", "create", ...EUR);
    expect(await json(...AUDIT)).toMatchObject({ sound: true, from: first["height"], transactions: 2 });
  });
});

describe("settlement", () => {
  test("a window is opened, netted between authorities and closed", async () => {
    await ran("keys", "new", file("bank.key"));
    const { publicKey } = await ranJson("keys", "show", file("bank.key"));
    const bank = await json("authority", "create", "--name", "bank", "--public-key", String(publicKey));
    const BANK = ["--key", file("bank.key")];
    expect(await done("authority", "show", ...BANK)).toMatch(/: bank\nroles: participant\n/);
    await done("account", "create", "--id", "20", ...EUR, ...BANK);
    await done("account", "create", "--id", "21", ...EUR, ...BANK);
    await done("account", "create", "--id", "2", ...EUR);
    await done("account", "create", "--id", "9", ...EUR);
    await done("configure", "settlement", ...EUR, "--hub-account", "2");
    await done("configure", "participant", ...EUR, "--authority", "1", "--account", "9");
    await done("configure", "participant", ...EUR, "--authority", String(bank["id"]), "--account", "21");
    await done("pay", "--id", "520", "--payer", "7", "--payee", "20", "--amount", "4", ...EUR);
    const closed = await json("settlement", "close", ...EUR);
    expect(closed).toMatchObject({ state: "settled", payments: 1 });
    const { windows } = (await json("settlement", "show", ...EUR)) as { windows: { positions: object[] }[] };
    expect(windows.find(({ positions }) => positions.length > 0)?.positions).toMatchObject([
      { name: "admin", net: "-400" },
      { name: "bank", net: "400" },
    ]);
    expect(await done("settlement", "show", ...EUR)).toMatch(/bank +0\.00 EUR +4\.00 EUR +4\.00 EUR/);
    expect(await balance("21")).toBe(400n);
  });

  test("in a currency without it, that is said", async () => {
    expect(await done("settlement", "show", "--ledger", "JPY")).toBe("settlement is not set up in this currency\n");
    await refused("not_configured", "settlement", "close", "--ledger", "JPY");
  });
});

describe("authority", () => {
  const keyFiles = ["ann", "ben", "cem", "dan", "app"] as const;
  const as = (name: string): string[] => ["--key", file(`${name}.key`)];
  const publicKeys = new Map<string, string>();
  const keysOf = (...names: readonly string[]): string[] =>
    names.flatMap((name) => ["--public-key", publicKeys.get(name) ?? ""]);
  const pay = (id: string): string[] => ["transfer", "--id", id, "--from", "70", "--to", "71", "--amount", "1", ...EUR];

  const cosign = async (name: string, key: string): Promise<string> =>
    await done("tx", "cosign", file(`${name}.tx`), "--out", file(`${name}2.tx`), ...as(key));

  test("two of three sign: one is not enough, two are, and again it is answered only", async () => {
    for (const name of keyFiles) {
      publicKeys.set(name, String((await ranJson("keys", "new", file(`${name}.key`)))["publicKey"]));
    }
    await done("authority", "create", "--name", "firm", ...keysOf("ann", "ben", "cem"), "--threshold", "2");
    const accounts = [...as("ann"), "--to-cosign", file("a.tx")];
    await refused("threshold_not_met", "account", "create", "--id", "70", ...EUR, ...as("ann"));
    await done("account", "create", "--id", "70", ...EUR, ...accounts);
    await refused("file_exists", "account", "create", "--id", "71", ...EUR, ...accounts);
    await refused("threshold_not_met", "tx", "submit", file("a.tx"));
    await done("tx", "cosign", file("a.tx"), "--out", file("wrong.tx"), ...as("dan"));
    await refused("unknown_cosigner", "tx", "submit", file("wrong.tx"));
    await cosign("a", "ben");
    await refused("file_exists", "tx", "cosign", file("a.tx"), "--out", file("a2.tx"), ...as("cem"));
    await refused("already_signed", "tx", "cosign", file("a.tx"), "--out", file("a3.tx"), ...as("ann"));
    expect(await q("tx", "submit", file("none.tx"))).toMatchObject({ code: 2 });
    expect(await done("tx", "submit", file("a2.tx"))).toMatch(/^createAccounts: all created at height \d+\n$/);
    await done("account", "create", "--id", "71", ...EUR);
    const signed = await json(...pay("400"), ...as("cem"), "--to-cosign", file("b.tx"));
    expect(signed).toMatchObject({ file: file("b.tx"), kind: "createTransfers" });
    expect(await json("tx", "cosign", file("b.tx"), "--out", file("b2.tx"), ...as("ann"))).toMatchObject({
      ...{
        file: file("b2.tx"),
        signers: [publicKeys.get("cem"), publicKeys.get("ann")],
        content: [{ id: "400", amount: "100" }],
      },
    });
    const first = await json("tx", "submit", file("b2.tx"), "--receipt", file("b.receipt"));
    expect(first).toMatchObject({ records: [{ status: "created" }] });
    await done("tx", "cosign", file("b2.tx"), "--out", file("b3.tx"), ...as("ben"));
    expect((await json("tx", "submit", file("b3.tx")))["records"]).toEqual(first["records"]);
    expect(await balance("70")).toBe(-100n);
    expect(await json("receipt", "verify", file("b.receipt"))).toMatchObject({ valid: true });
  });

  test("keys are replaced at once, and a revoked one signs nothing any more", async () => {
    await done(...pay("401"), ...as("ann"), "--to-cosign", file("c.tx"));
    await cosign("c", "cem");
    const rotate = ["authority", "rotate", ...keysOf("ann", "ben", "dan"), "--threshold", "2", ...as("ann")];
    await done(...rotate, "--to-cosign", file("r.tx"));
    await cosign("r", "cem");
    expect(await done("tx", "submit", file("r2.tx"))).toMatch(/^replaceKeys is done at height \d+\n$/);
    await refused("unknown_cosigner", "tx", "submit", file("c2.tx"));
    await refused("unknown_key", ...pay("402"), ...as("cem"));
    await done(...pay("403"), ...as("dan"), "--to-cosign", file("d.tx"));
    await cosign("d", "ben");
    await done("tx", "submit", file("d2.tx"));
    expect(await balance("70")).toBe(-200n);
    expect(await done("authority", "show", ...as("dan"))).toContain("signatures needed: 2");
  });

  test("a delegate debits up to its limit a day", async () => {
    const delegate = ["authority", "delegate", ...keysOf("app"), ...EUR, "--daily-limit", "1.50", "--account", "70"];
    await done(...delegate, ...as("ann"), "--to-cosign", file("e.tx"));
    await cosign("e", "ben");
    await done("tx", "submit", file("e2.tx"));
    await done(...pay("404"), ...as("app"));
    await refused("exceeds_delegated_limit", ...pay("405"), ...as("app"));
    const show = await json("authority", "show", ...as("ann"));
    expect(show["delegates"]).toMatchObject([{ dailyLimit: "150", spentToday: "100", account: "70" }]);
    await done("authority", "undelegate", publicKeys.get("app") ?? "");
    await refused("unknown_key", ...pay("406"), ...as("app"));
  });

  test("a frozen account is not debited, and shows it", async () => {
    await done("account", "freeze", "7");
    await refused("debit_account_frozen", "transfer", "--from", "7", "--to", "8", "--amount", "0.01", ...EUR);
    expect(await json("account", "show", "7")).toMatchObject({
      accounts: [{ flags: ["debitsMustNotExceedCredits", "frozen"] }],
    });
    await done("account", "unfreeze", "7");
    await done("transfer", "--from", "7", "--to", "8", "--amount", "0.01", ...EUR);
    await done("transfer", "--from", "8", "--to", "7", "--amount", "0.01", ...EUR);
  });
});

describe("import", () => {
  const CSV = ["id,time,payer,payee,amount", "600,0,7,8,1.00", "601,5,7,8,2.00", "602,9,7,8,0.50"];

  test("makes each payment once, however often it is run", async () => {
    writeFileSync(file("payments.csv"), CSV.join("\r\n"));
    const before = await balance("7");
    expect(await json("import", file("payments.csv"))).toMatchObject({
      ...{ payments: 3, states: { captured: 3 }, existing: 0, refused: 0, lost: 0 },
    });
    expect(await json("import", file("payments.csv"))).toMatchObject({ states: {}, existing: 3, refused: 0 });
    expect(await balance("7")).toBe(before - 350n);
  });

  test("tells what was refused, and why, with exit code 1", async () => {
    writeFileSync(file("wrong.csv"), [...CSV, "603,9,7,999,1", "604,9,7,7,1"].join("\n"));
    const { code, out } = await q("import", file("wrong.csv"));
    expect(code).toBe(1);
    expect(out).toMatch(/^there before +3$/m);
    expect(out).toMatch(/^refused: payment 603: not_found \(payee\)$/m);
    expect(out).toMatch(/^refused: payment 604: invalid_command$/m);
  });
});

describe("who may not", () => {
  test("a key that nobody has entered is refused, whatever it asks for", async () => {
    await ran("keys", "new", file("stranger.key"));
    await refused("unknown_key", "account", "create", ...EUR, "--key", file("stranger.key"));
    const { code, out } = await q("status", "--key", file("stranger.key"));
    expect([code, out.match(/unknown_key/g)?.length]).toEqual([1, 3]);
  });

  test("a bank may not spend what is not its own, nor do an operator's work", async () => {
    const BANK = ["--key", file("bank.key")];
    await refused("not_authorized", "pay", "--payer", "7", "--payee", "20", "--amount", "1", ...EUR, ...BANK);
    await refused("not_authorized", "risk", "block", "7", ...BANK);
  });
});

describe("statements", () => {
  test("have running balances, in the period that is asked, as text, JSON and files", async () => {
    const csv = file("7.csv");
    const text = await done("statement", "7", "--csv", csv, "--parquet", file("7.parquet"));
    expect(text).toMatch(/^account 7\nbefore: 0\.00 EUR, held of it 0\.00 EUR, held for it 0\.00 EUR\n/);
    expect(text).toMatch(/moved +from +1 +\+100\.00 EUR +100\.00 EUR$/m);
    const whole = (await json("statement", "7")) as { closing: Record<string, string>; lines: { timestamp: string }[] };
    const { creditsPosted, debitsPosted } = whole.closing;
    expect(BigInt(creditsPosted ?? 0) - BigInt(debitsPosted ?? 0)).toBe(await balance("7"));
    expect(readFileSync(csv, "utf8").split("\r\n")).toHaveLength(whole.lines.length + 2);
    const second = whole.lines[1]?.timestamp ?? "";
    const rest = (await json("statement", "7", "--from", second)) as { lines: unknown[]; opening: object };
    expect(rest).toMatchObject({ lines: whole.lines.slice(1), opening: { creditsPosted: "10000", debitsPosted: "0" } });
    expect(await json("statement", "7", "--to", second)).toMatchObject({ lines: whole.lines.slice(0, 1) });
    await refused("not_found", "statement", "777777");
  });
});

describe("reports of a node's data", () => {
  const DIR = ["--dir", dir];

  test("are made of a running node's, too: a trial balance at every moment, and exports that can be read", async () => {
    const accounts = (await ranJson("trial-balance", "EUR", ...DIR)) as {
      height: number;
      totals: Record<string, string>;
      accounts: { id: string; creditsPosted: string; debitsPosted: string }[];
    };
    expect(accounts.totals["debitsPosted"]).toBe(accounts.totals["creditsPosted"]);
    const seven = accounts.accounts.find(({ id }) => id === "7");
    expect(BigInt(seven?.creditsPosted ?? 0) - BigInt(seven?.debitsPosted ?? 0)).toBe(await balance("7"));
    const { out } = await ran("trial-balance", "GOLD", ...DIR);
    expect(out).toMatch(/^GOLD at height \d+\n[\s\S]*\ntotal .* 221\.500000 GOLD .* 221\.500000 GOLD\n$/);
    const now = await json("trial-balance", "EUR");
    expect(now).toMatchObject({ totals: [{ ledger: 978, ...accounts.totals, balanced: true }] });
    expect(await done("trial-balance")).toMatch(/^at height \d+\nledger .*\n(?:.*\n)*GOLD .* 221\.500000 GOLD\n$/);
    const before = (await ranJson("trial-balance", "EUR", ...DIR, "--height", `${accounts.height - 1}`)) as {
      height: number;
    };
    expect(before.height).toBe(accounts.height - 1);
    expect(await ran("trial-balance", "EUR", ...DIR, "--height", "999999")).toMatchObject({ code: 1 });
    expect(await ran("trial-balance", "EUR", ...DIR, "--at", "2020-01-01")).toMatchObject({ code: 1 });
    for (const what of ["transfers", "accounts", "payments"]) {
      const csv = file(`${what}.csv`);
      const { rows } = (await ranJson("export", what, ...DIR, "--out", csv)) as { rows: number };
      expect(rows).toBeGreaterThan(5);
      expect(readFileSync(csv, "utf8").split("\r\n")).toHaveLength(rows + 2);
      const parquet = file(`${what}.parquet`);
      expect(await ranJson("export", what, ...DIR, "--format", "parquet", "--out", parquet)).toMatchObject({ rows });
      expect(await parquetReadObjects({ file: new Uint8Array(readFileSync(parquet)).buffer })).toHaveLength(rows);
    }
  });

  test("an offline statement says what the cluster says", async () => {
    const { from: _, to: __, ...online } = await json("statement", "7");
    const { from: ___, to: ____, ...offline } = await ranJson("statement", "7", ...DIR);
    expect(offline).toEqual(online);
  });
});

describe("verify", () => {
  test("leaves a running cluster alone", async () => {
    expect(await ran("verify", dir)).toMatchObject({ code: 1, err: expect.stringContaining("(data_in_use)") });
  });

  test("finds a stopped one sound, and every node where a quorum is", async () => {
    cluster.ctrlC();
    expect(await cluster.code(), cluster.err).toBe(0);
    const verified = (await ranJson("verify", dir)) as { nodes: { height: number; problems: string[] }[] };
    expect(verified).toMatchObject({ sound: true, problems: [], agreedHeight: verified.nodes[0]?.height });
    expect(verified.nodes).toHaveLength(3);
    const one = await ran("verify", join(dir, "node-2"));
    expect(one.code).toBe(0);
    expect(one.out).toMatch(/^data +height +transactions +segments +torn bytes +checkpoint +digest\n\S+ .* sound\n$/);
  });

  test("goes on with its data when it is started again", async () => {
    const before = (await ranJson("verify", dir))["agreedHeight"] as number;
    cluster = new Spawned(["dev", "--dir", dir, "--json"]);
    await cluster.says("}\n");
    const { nodes } = (await json("status")) as { nodes: { height: number }[] };
    expect(nodes[0]?.height).toBeGreaterThanOrEqual(before);
    expect(await balance("21")).toBe(400n);
    cluster.ctrlC();
    expect(await cluster.code()).toBe(0);
  });

  test("finds a single flipped byte, and says in which node and where", async () => {
    const log = join(dir, "node-2", "data", "log");
    const segment = join(log, readdirSync(log)[0] ?? "");
    const bytes = readFileSync(segment);
    bytes.writeUInt8(bytes.readUInt8(3_000) ^ 0x10, 3_000);
    writeFileSync(segment, bytes);
    const { code, out } = await ran("verify", dir);
    expect(code).toBe(1);
    expect(out).toMatch(/node-2.* DAMAGED$/m);
    expect(out).toMatch(/node-1.* sound$/m);
    expect(out).toMatch(/^PROBLEM \S*node-2\/data: .*\.wal, byte \d+/m);
    expect(await ranJson("verify", dir)).toMatchObject({
      sound: false,
      nodes: [{ problems: [] }, { problems: [expect.any(String)] }, { problems: [] }],
    });
  });
});
