import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { equalBytes, toHex } from "../base/bytes.ts";
import { FRAME_BYTES_MAX, SESSION_WINDOW } from "../base/limits.ts";
import { Identity } from "../transport/identity.ts";
import { decodeTransaction } from "../wire/transaction.ts";
import {
  type Account,
  type ClientOptions,
  type Command,
  decodeAnswer,
  encodeAccounts,
  encodeQuery,
  newKey,
  QuorateClient,
} from "./index.ts";
import { ReceiptChecker } from "./receipt-check.ts";
import {
  execute,
  type OnSubmit,
  refuse,
  ScriptedCluster,
  type ScriptedNode,
  silent,
} from "./scripted-cluster.contract.ts";

const SUMMARY = encodeQuery({ type: "summary" });

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function startCluster(
  count = 1,
): Promise<{ cluster: ScriptedCluster; first: ScriptedNode; second: ScriptedNode }> {
  const cluster = await ScriptedCluster.start(count);
  closing.push(() => cluster.stop());
  const [first, second = first] = cluster.nodes as [ScriptedNode, ScriptedNode?];
  return { cluster, first, second };
}

async function openClient(cluster: ScriptedCluster, options: Partial<ClientOptions> = {}): Promise<QuorateClient> {
  const client = await QuorateClient.open({ cluster: cluster.file, signer: cluster.admin, ...options });
  closing.push(() => client.close());
  return client;
}

async function until(condition: () => boolean): Promise<void> {
  const giveUp = performance.now() + 20_000;
  while (!condition() && performance.now() < giveUp) {
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
  expect(condition()).toBe(true);
}

function newAccount(id: bigint): Account {
  const balances = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
  const user = { userData128: 0n, userData64: 0n, userData32: 0 };
  return { id, ...balances, ...user, ledger: 978, code: 1, flags: 0, timestamp: 0n };
}

function createAccount(id: bigint): Command {
  return { kind: "createAccounts", batch: encodeAccounts([newAccount(id)]) };
}

function accountsIn(cluster: ScriptedCluster): number {
  const answer = cluster.state.query({ type: "summary" }, { authority: 0, seesAll: true });
  return answer.type === "summary" ? answer.accounts : -1;
}

describe("submitting", () => {
  test("gives a checked receipt with the result", async () => {
    const { cluster } = await startCluster();
    const client = await openClient(cluster);
    const outcome = await client.submit(createAccount(1n));
    expect(outcome).toMatchObject({ result: { status: "ok", count: 1 }, height: 2, attempts: 1 });
    expect(client.inFlight).toBe(0);
    expect(accountsIn(cluster)).toBe(1);
  });

  test("an answer that is lost is asked for again with the same bytes, elsewhere, and nothing is done twice", async () => {
    const { cluster, first, second } = await startCluster(2);
    const client = await openClient(cluster, { firstNode: 1 });
    first.onSubmit = ({ receipt, hangUp }) => {
      receipt();
      hangUp();
    };
    const outcome = await client.submit(createAccount(1n));
    expect(outcome).toMatchObject({ result: { status: "ok" }, attempts: 2 });
    expect(client.node).toBe(2);
    expect(second.submitted).toHaveLength(1);
    expect(second.submitted[0]).toEqual(first.submitted.at(-1));
    expect(accountsIn(cluster)).toBe(1);
  });

  test.each(["busy", "disk_full", "no_leader", "not_leader"])("a passing %s is waited out", async (code) => {
    const { cluster, first } = await startCluster();
    const client = await openClient(cluster);
    let refusals = 3;
    first.onSubmit = (call) => (refusals-- > 0 ? refuse(code) : execute)(call);
    expect((await client.submit(createAccount(1n))).attempts).toBe(4);
  });

  test.each(["bad_signature", "malformed_body", "invalid_command", "expired", "unknown_key"])(
    "a definite %s is the answer",
    async (code) => {
      const { cluster, first } = await startCluster();
      const client = await openClient(cluster);
      first.onSubmit = refuse(code);
      await expect(client.submit(createAccount(1n))).rejects.toMatchObject({ code });
      first.onSubmit = execute;
      expect((await client.submit(createAccount(1n))).result.status).toBe("ok");
    },
  );

  test("a node that does not answer is left for another, and what waits there goes along", async () => {
    const { cluster, first } = await startCluster(2);
    const client = await openClient(cluster, { firstNode: 1 });
    first.onSubmit = silent;
    const outcomes = await Promise.all([1n, 2n, 3n].map((id) => client.submit(createAccount(id))));
    expect(outcomes.map(({ result }) => result.status)).toEqual(["ok", "ok", "ok"]);
    expect(client.node).toBe(2);
  });

  test("a node that is behind is left for another at once", async () => {
    const { cluster, first } = await startCluster(2);
    const client = await openClient(cluster, { firstNode: 1 });
    first.onSubmit = refuse("behind");
    expect((await client.submit(createAccount(1n))).attempts).toBe(2);
    expect(client.node).toBe(2);
  });

  test("a node that finds no leader for longer than an election takes is left for another", async () => {
    const { cluster, first } = await startCluster(2);
    const client = await openClient(cluster, { firstNode: 1 });
    first.onSubmit = refuse("no_leader");
    const began = performance.now();
    expect((await client.submit(createAccount(1n))).result.status).toBe("ok");
    expect(client.node).toBe(2);
    expect(performance.now() - began).toBeLessThan(4_000);
  });

  test("many at once, answered in any order, keep within the session's window", async () => {
    const { cluster, first } = await startCluster();
    const client = await openClient(cluster);
    const open = new Set<number>();
    let widest = 0;
    first.onSubmit = async (call) => {
      const { sequence } = decodeTransaction(call.transaction);
      open.add(sequence);
      widest = Math.max(widest, sequence - Math.min(...open));
      await new Promise((resolve) => {
        setTimeout(resolve, Number(BigInt(`0x${toHex(call.transaction.slice(-4))}`) % 20n));
      });
      await execute(call);
      open.delete(sequence);
    };
    const ids = Array.from({ length: 400 }, (_, i) => BigInt(i + 1));
    const outcomes = await Promise.all(ids.map((id) => client.submit(createAccount(id))));
    expect(outcomes.every(({ result }) => result.status === "ok")).toBe(true);
    expect(accountsIn(cluster)).toBe(400);
    expect(new Set(first.submitted.map((encoded) => toHex(decodeTransaction(encoded).session))).size).toBe(1);
    expect(widest).toBeGreaterThan(64);
    expect(widest).toBeLessThan(SESSION_WINDOW);
  });

  test("expiry follows log time, whatever the local clock says", async () => {
    const { cluster, first } = await startCluster();
    cluster.aheadNs = 3_600_000_000_000n;
    const client = await openClient(cluster);
    cluster.aheadNs += 60_000_000_000n;
    await client.submit(createAccount(1n));
    await client.submit(createAccount(2n));
    const lives = first.submitted.map((encoded) =>
      Number((decodeTransaction(encoded).expiry - cluster.now()) / 1_000_000_000n),
    );
    expect(lives[1]).toBeGreaterThan(180);
    expect(lives[1]).toBeLessThanOrEqual(240);
    expect(lives[2]).toBeGreaterThan(250); // the receipt has told what time it is
    expect(lives[2]).toBeLessThanOrEqual(300);
  });

  test("a request that no frame can hold never leaves", async () => {
    const { cluster, first } = await startCluster();
    const client = await openClient(cluster);
    const batch = new Uint8Array(FRAME_BYTES_MAX + 1);
    await expect(client.submit({ kind: "createTransfers", batch })).rejects.toMatchObject({ code: "frame_too_large" });
    expect(first.submitted).toHaveLength(1);
    expect((await client.submit(createAccount(1n))).result.status).toBe("ok");
  });
});

describe("deadlines", () => {
  test("what was sent and not answered has an unknown outcome, and asking again with the same id is safe", async () => {
    const { cluster, first } = await startCluster();
    const client = await openClient(cluster);
    first.onSubmit = ({ receipt }) => void receipt();
    await expect(client.submit(createAccount(1n), 150)).rejects.toMatchObject({
      code: "outcome_unknown",
      message: expect.stringContaining("retry with the same id") as string,
    });
    first.onSubmit = execute;
    await client.submit(createAccount(1n));
    expect(accountsIn(cluster)).toBe(1);
  });

  test("what was refused each time because the disk is full was never executed, and its caller is told why", async () => {
    const { cluster, first } = await startCluster();
    const client = await openClient(cluster);
    first.onSubmit = refuse("disk_full");
    await expect(client.submit(createAccount(1n), 1_000)).rejects.toMatchObject({ code: "disk_full" });
    expect(decodeAnswer("summary", await client.query(SUMMARY))).toMatchObject({ accounts: 0 });
    first.onSubmit = execute;
    expect((await client.submit(createAccount(1n))).result.status).toBe("ok");
  });

  test("what may have been ordered before the disk was full has an unknown outcome", async () => {
    const { cluster, first } = await startCluster();
    const client = await openClient(cluster);
    first.onSubmit = (call) => {
      first.onSubmit = refuse("disk_full");
      call.receipt();
      void refuse("not_leader")(call);
    };
    const expected = { code: "outcome_unknown", message: expect.stringContaining("disk_full") as string };
    await expect(client.submit(createAccount(1n), 1_000)).rejects.toMatchObject(expected);
    // So has what others may submit.
    const transaction = first.submitted.at(-1) as Uint8Array;
    await expect(client.submitSigned(transaction, 1_000)).rejects.toMatchObject(expected);
    first.onSubmit = execute;
    await client.submitSigned(transaction);
    expect(accountsIn(cluster)).toBe(1);
  });

  test("what was never sent was never executed, and is called so", async () => {
    const { cluster, first } = await startCluster();
    const client = await openClient(cluster);
    await first.stop();
    await until(() => client.node === undefined);
    await expect(client.submit(createAccount(1n), 200)).rejects.toMatchObject({ code: "unavailable" });
    await expect(client.query(SUMMARY, "linearizable", 100)).rejects.toMatchObject({ code: "unavailable" });
  });

  test("hold while the window is full of requests with longer ones", async () => {
    const { cluster, first } = await startCluster();
    const client = await openClient(cluster);
    first.onSubmit = silent;
    const patient = Array.from({ length: 128 }, (_, i) => client.submit(createAccount(BigInt(i + 1)), 20_000));
    const ended = Promise.allSettled(patient);
    const startedAt = performance.now();
    await expect(client.submit(createAccount(999n), 100)).rejects.toMatchObject({ code: "unavailable" });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    client.close();
    expect(new Set((await ended).map(({ status }) => status))).toEqual(new Set(["rejected"]));
  });

  test("a question that is not answered is asked again, then given up", async () => {
    const { cluster, first } = await startCluster();
    const client = await openClient(cluster);
    expect(decodeAnswer("summary", await client.query(SUMMARY))).toMatchObject({ height: 1, sessions: 1 });
    first.answersQueries = false;
    await expect(client.query(SUMMARY, "local", 150)).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("nodes", () => {
  test("that are down are passed over", async () => {
    const { cluster, first } = await startCluster(2);
    await first.stop();
    const client = await openClient(cluster, { firstNode: 1 });
    expect(client.node).toBe(2);
  });

  test("that are somebody else are passed over, and named when there is nobody else", async () => {
    const { cluster, first, second } = await startCluster(2);
    const { port } = first;
    await first.stop();
    first.port = port;
    await first.start(Identity.generate());
    const client = await openClient(cluster, { firstNode: 1 });
    expect(client.node).toBe(2);
    await second.stop();
    const one = { ...cluster.file, nodes: cluster.file.nodes.slice(0, 1) };
    await expect(QuorateClient.open({ cluster: one, signer: cluster.admin })).rejects.toMatchObject({
      code: "wrong_node",
    });
  });

  test("that are somebody else do not keep us from waiting for one that is down", async () => {
    const { cluster, first, second } = await startCluster(2);
    const { port } = first;
    await first.stop();
    first.port = port;
    await first.start(Identity.generate());
    await second.stop();
    const client = openClient(cluster, { firstNode: 1 });
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    await second.start();
    expect((await client).node).toBe(2);
  });

  test.each(["too_many_connections", "mending"])("that close with %s say so and are passed over", async (code) => {
    const { cluster, first } = await startCluster(2);
    first.onConnect = (socket) => socket.close(1008, code);
    const client = await openClient(cluster, { firstNode: 1 });
    expect(client.node).toBe(2);
    const one = { ...cluster.file, nodes: cluster.file.nodes.slice(0, 1) };
    await expect(QuorateClient.openReader({ cluster: one, signer: cluster.admin })).rejects.toMatchObject({
      code,
    });
  });

  test("that talk nonsense are passed over", async () => {
    const { cluster, first } = await startCluster(2);
    first.onConnect = (socket) => socket.send(new Uint8Array([0xc1]));
    expect((await openClient(cluster, { firstNode: 1 })).node).toBe(2);
  });

  test("that do not take the key say why", async () => {
    const { cluster } = await startCluster();
    const key = newKey();
    const impostor = { publicKey: key.publicKey, sign: (message: Uint8Array) => newKey().sign(message) };
    const options = { cluster: cluster.file, signer: impostor, deadlineMs: 5_000 };
    await expect(QuorateClient.openReader(options)).rejects.toMatchObject({ code: "bad_signature" });
    await expect(QuorateClient.open({ ...options, signer: key })).rejects.toMatchObject({ code: "unknown_key" });
  });

  test("an empty cluster file is nobody's fault but its own", async () => {
    const { cluster } = await startCluster();
    const nobody = { ...cluster.file, nodes: [] };
    await expect(QuorateClient.open({ cluster: nobody, signer: cluster.admin })).rejects.toMatchObject({
      code: "no_node",
    });
  });
});

describe("receipts", () => {
  test("that are forged are not believed: another node is asked", async () => {
    const { cluster, first } = await startCluster(2);
    const client = await openClient(cluster, { firstNode: 1 });
    first.onSubmit = ({ request, receipt, answer }) => {
      const forged = receipt();
      forged[forged.length - 1] = (forged.at(-1) as number) ^ 1;
      answer({ type: "receipt", request, receipt: forged });
    };
    const outcome = await client.submit(createAccount(1n));
    expect(outcome.attempts).toBe(2);
    expect(client.node).toBe(2);
    expect(accountsIn(cluster)).toBe(1);
  });

  test("when all nodes forge, the outcome is unknown", async () => {
    const { cluster, first } = await startCluster();
    const client = await openClient(cluster);
    first.onSubmit = ({ request, answer }) => answer({ type: "receipt", request, receipt: new Uint8Array([0xc0]) });
    await expect(client.submit(createAccount(1n), 300)).rejects.toMatchObject({ code: "outcome_unknown" });
    expect(first.submitted.length).toBeGreaterThan(1);
  });

  test("hold for one transaction, one cluster and its nodes only, and no byte of one may change", async () => {
    const { cluster } = await startCluster();
    const client = await openClient(cluster);
    const one = await client.submit(createAccount(1n));
    const two = await client.submit(createAccount(2n));
    const checker = new ReceiptChecker(cluster.file);
    expect(checker.check(one.receiptBytes, one.transaction).height).toBe(2);
    const invalid = expect.objectContaining({ code: "receipt_invalid" }) as Error;
    expect(() => checker.check(one.receiptBytes, two.transaction)).toThrow(invalid);
    const { cluster: other } = await startCluster();
    expect(() => new ReceiptChecker(other.file).check(one.receiptBytes, one.transaction)).toThrow(invalid);
    const strangers = cluster.file.nodes.map((node) => ({ ...node, publicKey: Identity.generate().publicKey }));
    const foreign = new ReceiptChecker({ ...cluster.file, nodes: strangers });
    expect(() => foreign.check(one.receiptBytes, one.transaction)).toThrow(invalid);
    fc.assert(
      fc.property(fc.nat(one.receiptBytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const forged = one.receiptBytes.slice();
        forged[at] = (forged[at] as number) ^ flip;
        expect(() => checker.check(forged, one.transaction)).toThrow(invalid);
      }),
      { numRuns: 400 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 800 }), (bytes) => {
        expect(() => checker.check(bytes, one.transaction)).toThrow(invalid);
      }),
    );
  });
});

describe("a node that lies", () => {
  const far: OnSubmit = (call) => {
    const ahead = decodeTransaction(call.transaction).expiry - BigInt(Date.now()) * 1_000_000n;
    return (ahead > 600_000_000_000n ? refuse("expiry_too_far") : execute)(call);
  };
  const placesOf = (nodes: readonly ScriptedNode[]): Set<string> => {
    const all = nodes.flatMap(({ submitted }) => submitted.map(decodeTransaction));
    return new Set(all.filter(({ sequence }) => sequence > 0).map((t) => `${toHex(t.session)} ${t.sequence}`));
  };
  const idsOfOpenings = (nodes: readonly ScriptedNode[]): Set<string> => {
    const all = nodes.flatMap(({ submitted }) => submitted.map(decodeTransaction));
    return new Set(all.filter(({ sequence }) => sequence === 0).map((t) => toHex(t.session)));
  };

  test.each(["expired", "invalid_command", "session_unknown", "sequence_reused", "closed"])(
    "cannot pass off as %s what it has handed on",
    async (code) => {
      const { cluster, first, second } = await startCluster(3);
      const client = await openClient(cluster, { firstNode: 1 });
      first.onSubmit = (call) => {
        call.receipt();
        void refuse(code)(call);
      };
      expect((await client.submit(createAccount(1n))).result.status).toBe("ok");
      expect(accountsIn(cluster)).toBe(1);
      expect([first, second].map(({ submitted }) => submitted.at(-1))).toEqual([
        first.submitted[1],
        first.submitted[1],
      ]);
      expect(placesOf(cluster.nodes).size).toBe(1);
      expect(client.node).toBe(1);
      await until(() => second.connections === 0);
    },
  );

  test("is one of two that say no: a refusal counts when another node says no, too", async () => {
    const { cluster, first, second } = await startCluster(3);
    const client = await openClient(cluster, { firstNode: 1 });
    first.onSubmit = refuse("unknown_key");
    second.onSubmit = refuse("busy");
    const third = cluster.nodes[2] as ScriptedNode;
    third.onSubmit = refuse("unknown_key");
    await expect(client.submit(createAccount(1n))).rejects.toMatchObject({ code: "unknown_key" });
    expect([second, third].map(({ submitted }) => submitted)).toEqual([[first.submitted[1]], [first.submitted[1]]]);
  });

  test("is all there is where no other can be reached: then its refusal stands", async () => {
    const { cluster, first, second } = await startCluster(2);
    const client = await openClient(cluster, { firstNode: 1 });
    first.onSubmit = refuse("unknown_key");
    await second.stop();
    await expect(client.submit(createAccount(1n))).rejects.toMatchObject({ code: "unknown_key" });
  });

  test("is not believed before another that is there has said yes or no", async () => {
    const { cluster, first, second } = await startCluster(2);
    const client = await openClient(cluster, { firstNode: 1 });
    first.onSubmit = refuse("unknown_key");
    second.onSubmit = refuse("busy");
    await expect(client.submit(createAccount(1n), 1_000)).rejects.toMatchObject({
      code: "outcome_unknown",
      message: expect.stringContaining("unknown_key") as string,
    });
    second.onConnect = () => undefined;
    await expect(client.submit(createAccount(1n), 1_000)).rejects.toMatchObject({ code: "outcome_unknown" });
    second.onConnect = undefined;
    second.onSubmit = silent;
    const asked = second.submitted.length;
    const late = expect(client.submit(createAccount(1n))).rejects.toMatchObject({ code: "closed" });
    await until(() => second.submitted.length > asked);
    const closedAt = performance.now();
    client.close();
    await late;
    expect(performance.now() - closedAt).toBeLessThan(1_500); // an attempt lasts longer
    await until(() => second.connections === 0);
  });

  test("that nobody is left to ask leaves what was sent before with an unknown outcome", async () => {
    const { cluster, first } = await startCluster();
    const client = await openClient(cluster);
    first.onSubmit = (call) => {
      call.receipt();
      first.onConnect = (socket) => socket.close(1008, "bad_signature");
      call.hangUp();
    };
    await expect(client.submit(createAccount(1n))).rejects.toMatchObject({ code: "outcome_unknown" });
    expect(accountsIn(cluster)).toBe(1);
  });

  test("and signs a result that is none is not believed", async () => {
    const { cluster, first } = await startCluster(2);
    const client = await openClient(cluster, { firstNode: 1 });
    first.onSubmit = ({ request, receipt, answer }) => {
      answer({ type: "receipt", request, receipt: receipt(new Uint8Array([0xc0])) });
    };
    expect(await client.submit(createAccount(1n))).toMatchObject({ result: { status: "ok" }, attempts: 2 });
    expect(accountsIn(cluster)).toBe(1);
  });

  test("about a time that cannot be is passed over", async () => {
    const { cluster, first } = await startCluster(2);
    first.greetsWith = () => 2n ** 64n - 1n;
    expect((await openClient(cluster, { firstNode: 1 })).node).toBe(2);
    expect(first.submitted).toEqual([]);
  });

  test.each([
    ["an hour ahead", 3_600_000_000_000n, execute],
    ["an hour ahead, and refuses before the log", 3_600_000_000_000n, far],
    ["a year ahead", 31_536_000_000_000_000n, execute],
    ["an hour back", -3_600_000_000_000n, execute],
  ])("about the time, %s, is left for another when it opens a session", async (_, lie, onSubmit) => {
    const { cluster, first } = await startCluster(3);
    first.greetsWith = () => cluster.now() + lie;
    for (const node of cluster.nodes) node.onSubmit = onSubmit;
    const client = await openClient(cluster, { firstNode: 1 });
    expect(client.node).toBe(2);
    expect((await client.submit(createAccount(1n))).result.status).toBe("ok");
    // Whoever keeps what was refused opens a session that nothing was signed for.
    expect(idsOfOpenings(cluster.nodes).size).toBe(2);
  });

  /** A client at the second node, which has told a time that is an hour ahead, and the first one up again. */
  async function misled(): Promise<Awaited<ReturnType<typeof startCluster>> & { client: QuorateClient }> {
    const started = await startCluster(2);
    const { cluster, first, second } = started;
    const client = await openClient(cluster, { firstNode: 1 });
    second.greetsWith = () => cluster.now() + 3_600_000_000_000n;
    await first.stop();
    await until(() => client.node === undefined);
    await client.query(SUMMARY);
    await first.start();
    return { ...started, client };
  }

  test("about the time spoils nothing: the same number is signed anew at another's", async () => {
    const { cluster, first, client } = await misled();
    expect(await client.submit(createAccount(1n))).toMatchObject({ result: { status: "ok" }, attempts: 2 });
    expect(client.node).toBe(1);
    expect(placesOf(cluster.nodes).size).toBe(1);
    const { expiry } = decodeTransaction(first.submitted.at(-1) as Uint8Array);
    expect(expiry - cluster.now()).toBeLessThan(301_000_000_000n);
  });

  test("and keeps what expires too late until its time has come does not have both executed", async () => {
    const { cluster, first, second, client } = await misled();
    let kept = new Uint8Array();
    second.onSubmit = (call) => {
      kept = call.transaction.slice();
      void refuse("expiry_too_far")(call);
    };
    first.onSubmit = (call) => {
      first.onSubmit = execute;
      void refuse("expiry_too_far")(call);
      cluster.aheadNs += 3_600_000_000_000n;
      cluster.apply(kept);
    };
    await expect(client.submit(createAccount(1n))).rejects.toMatchObject({
      code: "outcome_unknown",
      message: expect.stringContaining("same id") as string,
    });
    expect(accountsIn(cluster)).toBe(1);
    expect(placesOf(cluster.nodes).size).toBe(1);
  });
});

describe("sessions", () => {
  test("that the cluster has forgotten are opened anew, and the transaction is executed once", async () => {
    const { cluster } = await startCluster();
    const client = await openClient(cluster);
    await client.submit(createAccount(1n));
    cluster.forgetSessions();
    const outcomes = await Promise.all([2n, 3n, 4n].map((id) => client.submit(createAccount(id))));
    expect(outcomes.every(({ result }) => result.status === "ok")).toBe(true);
    expect(accountsIn(cluster)).toBe(3);
    const summary = decodeAnswer("summary", await client.query(SUMMARY));
    expect(summary.type === "summary" && summary.sessions).toBe(1);
  });

  test("that a node no longer knows, before the log, are opened anew as well", async () => {
    const { cluster, first } = await startCluster();
    const client = await openClient(cluster);
    let refusals = 1;
    first.onSubmit = (call) => (refusals-- > 0 ? refuse("session_unknown") : execute)(call);
    expect((await client.submit(createAccount(1n))).result.status).toBe("ok");
    const sessions = new Set(first.submitted.map((encoded) => toHex(decodeTransaction(encoded).session)));
    expect(sessions.size).toBe(2);
  });

  test("a cluster that forgets at once is not asked for ever", async () => {
    const { cluster, first } = await startCluster();
    const client = await openClient(cluster);
    first.onSubmit = (call) => {
      const opening = decodeTransaction(call.transaction).sequence === 0;
      return (opening ? execute : refuse("session_unknown"))(call);
    };
    await expect(client.submit(createAccount(1n))).rejects.toMatchObject({ code: "session_unknown" });
  });

  test("are not used up by refusals, however many come in a row", async () => {
    const { cluster, first } = await startCluster();
    const client = await openClient(cluster);
    first.onSubmit = (call) => {
      const opening = decodeTransaction(call.transaction).sequence === 0;
      return (opening ? execute : refuse("invalid_command"))(call);
    };
    for (let i = 0; i < SESSION_WINDOW + 10; i++) {
      await expect(client.submit(createAccount(1n))).rejects.toMatchObject({ code: "invalid_command" });
    }
    first.onSubmit = execute;
    expect((await client.submit(createAccount(1n))).result.status).toBe("ok");
    expect(accountsIn(cluster)).toBe(1);
  });

  test("a reader may come to submit", async () => {
    const { cluster } = await startCluster();
    const client = await QuorateClient.openReader({ cluster: cluster.file, signer: cluster.admin });
    closing.push(() => client.close());
    expect((await client.submit(createAccount(1n))).result.status).toBe("ok");
  });
});

describe("closing", () => {
  test("ends what is under way, refuses what comes, and leaves no connection", async () => {
    const { cluster, first } = await startCluster();
    const client = await openClient(cluster);
    first.onSubmit = silent;
    const open = expect(client.submit(createAccount(1n))).rejects.toMatchObject({ code: "closed" });
    await until(() => first.submitted.length === 2);
    client.close();
    await open;
    await expect(client.submit(createAccount(2n))).rejects.toMatchObject({ code: "closed" });
    await expect(client.query(SUMMARY)).rejects.toMatchObject({ code: "closed" });
    expect(client.node).toBeUndefined();
    await until(() => first.connections === 0);
  });

  test("while it connects leaves no connection either", async () => {
    const { cluster, first } = await startCluster();
    const client = await openClient(cluster);
    await first.stop();
    await until(() => client.node === undefined);
    let closed = false;
    first.greetsAfter = until(() => closed);
    await first.start();
    const late = expect(client.submit(createAccount(1n))).rejects.toMatchObject({ code: "closed" });
    await until(() => first.connections === 1);
    client.close();
    closed = true;
    await late;
    await until(() => first.connections === 0);
  });

  test("a client that could not be opened leaves no connection", async () => {
    const { cluster, first } = await startCluster();
    first.onSubmit = refuse("session_limit");
    await expect(openClient(cluster)).rejects.toMatchObject({ code: "session_limit" });
    await until(() => first.connections === 0);
  });
});

test("a batch's results come back one an event", async () => {
  const { cluster } = await startCluster();
  const client = await openClient(cluster);
  const ids = Array.from({ length: 8_190 }, (_, i) => BigInt(i + 1));
  const batch = encodeAccounts(ids.map(newAccount));
  const first = await client.submit({ kind: "createAccounts", batch });
  const again = await client.submit({ kind: "createAccounts", batch });
  expect(first.result).toMatchObject({ status: "ok", count: 8_190 });
  expect(equalBytes(first.receiptBytes, again.receiptBytes)).toBe(false);
  expect(accountsIn(cluster)).toBe(8_190);
});
