import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { OutsideRequest, OutsideResponse } from "../../node/base/ports/outside.ts";
import { HttpOutside } from "../../node/host/http-outside.ts";
import { type RunningAcquirer, startAcquirer } from "./server.ts";

const CALM = { declinePermille: 0, timeoutPermille: 0, latePermille: 0, unavailablePermille: 0, contradictPermille: 0 };
const KEY = "a".repeat(32);
const AUTHORIZATION = { payment: "7", amount: "1250", ledger: 978, cardToken: "tok_1" };

let directory: string;
let journalPath: string;
let acquirer: RunningAcquirer;
let outside: HttpOutside;

async function start(): Promise<void> {
  acquirer = await startAcquirer({ port: 0, seed: 1, rates: CALM, journalPath });
  outside = new HttpOutside(new Map([["card", new URL(`http://127.0.0.1:${acquirer.port}`)]]));
}

async function stop(): Promise<void> {
  outside.close();
  await acquirer.close();
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "acquirer-"));
  journalPath = join(directory, "acquirer.jsonl");
  await start();
});

afterEach(async () => {
  await stop();
  rmSync(directory, { recursive: true });
});

async function ask(request: Partial<OutsideRequest>): Promise<OutsideResponse> {
  const common = { endpoint: "card", headers: {}, body: "", timeoutMs: 20_000, method: "GET", path: "/" } as const;
  return await new Promise((resolve) => {
    outside.request({ ...common, ...request }, resolve);
  });
}

async function authorize(
  body: object = AUTHORIZATION,
  special: Partial<OutsideRequest> = {},
): Promise<OutsideResponse> {
  const headers = { "idempotency-key": KEY };
  return await ask({ method: "POST", path: "/v1/authorizations", headers, body: JSON.stringify(body), ...special });
}

async function inquire(): Promise<OutsideResponse> {
  return await ask({ path: `/v1/requests/${KEY}` });
}

/** What comes back for raw bytes, until the other side closes. */
async function raw(bytes: string, end: boolean): Promise<string> {
  return await new Promise((resolve) => {
    let answer = "";
    const socket = connect(acquirer.port, "127.0.0.1", () => {
      socket.write(bytes);
      if (end) socket.destroy();
    });
    socket.on("data", (chunk) => {
      answer += chunk.toString();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answer));
  });
}

describe("the acquirer over HTTP", () => {
  test("answers a request, an inquiry, and with its books", async () => {
    const answer = await authorize();
    expect(answer).toMatchObject({ kind: "answer", status: 200 });
    expect(await inquire()).toEqual(answer);
    const report = await ask({ path: "/v1/report" });
    expect(report).toMatchObject({ status: 200, body: JSON.stringify(acquirer.report()) });
    expect(acquirer.report()).toMatchObject({ authorized: 1, doubled: [] });
  });

  test.each(["tok_timeout_1", "tok_late_1"])("after %s the same key gets the decision at once", async (cardToken) => {
    const first = await authorize({ ...AUTHORIZATION, cardToken }, { timeoutMs: 300 });
    expect(first).toEqual({ kind: "no_answer", reason: "timeout" });
    await expect.poll(() => acquirer.report().authorized, { timeout: 20_000 }).toBe(1);
    expect(await authorize({ ...AUTHORIZATION, cardToken })).toMatchObject({ kind: "answer", status: 200 });
    expect(acquirer.report()).toMatchObject({ authorized: 1, doubled: [] });
  });

  test("too large a body gets 413, what is not HTTP gets 400, and both leave it standing", async () => {
    expect(await authorize({ ...AUTHORIZATION, cardToken: "x".repeat(70_000) })).toMatchObject({ status: 413 });
    expect(await raw("this is not HTTP\r\n\r\n", false)).toContain("400 Bad Request");
    expect(await inquire()).toMatchObject({ status: 404 });
  });

  test("a request that is broken off is not acted upon", async () => {
    const head = `POST /v1/authorizations HTTP/1.1\r\nhost: x\r\nidempotency-key: ${KEY}\r\ncontent-length: 100\r\n\r\n{`;
    await raw(head, true);
    expect(await inquire()).toMatchObject({ status: 404 });
    expect(acquirer.report()).toMatchObject({ authorized: 0 });
  });
});

describe("the journal", () => {
  test("a restarted acquirer repeats what it decided", async () => {
    const answer = await authorize();
    await stop();
    await start();
    expect(await inquire()).toEqual(answer);
    expect(await authorize()).toEqual(answer);
    expect(acquirer.report()).toMatchObject({ authorized: 1 });
  });

  test("a line that was being written is cut off, and what follows is not lost", async () => {
    const body = JSON.stringify(AUTHORIZATION);
    await stop();
    // Ends with a brace, as a whole line does.
    writeFileSync(
      journalPath,
      `{"key":"${"b".repeat(32)}","action":"authorize","body":${JSON.stringify(body)}`.slice(0, -1),
    );
    await start();
    const answer = await authorize();
    await stop();
    await start();
    expect(await inquire()).toEqual(answer);
    expect(readFileSync(journalPath, "utf8").split("\n")).toHaveLength(2);
  });

  test("damage is not passed over", async () => {
    await authorize();
    appendFileSync(journalPath, '{"key":1}\n');
    await expect(startAcquirer({ port: 0, seed: 1, rates: CALM, journalPath })).rejects.toMatchObject({
      code: "malformed_body",
    });
  });
});
