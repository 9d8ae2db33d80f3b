import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { OutsideRequest, OutsideResponse } from "../base/ports/outside.ts";
import { HttpOutside } from "./http-outside.ts";

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** An external network that answers as told; `path` is what its address ends with. */
async function outsideWith(listener: RequestListener, path = ""): Promise<HttpOutside> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  const outside = new HttpOutside(new Map([["card", new URL(base)]]));
  closing.push(() => outside.close());
  return outside;
}

async function ask(outside: HttpOutside, fields: Partial<OutsideRequest> = {}): Promise<OutsideResponse> {
  const request = {
    endpoint: "card",
    method: "POST",
    path: "/v1/x",
    headers: {},
    body: "{}",
    timeoutMs: 5_000,
  } as const;
  return await new Promise((resolve, reject) => {
    let answers = 0;
    outside.request({ ...request, ...fields }, (response) => {
      answers += 1;
      if (answers > 1) reject(new Error("answered twice"));
      setTimeout(() => resolve(response), 20);
    });
  });
}

test("a request arrives as it was made, and its answer comes back", async () => {
  let seen = "";
  const outside = await outsideWith((request, response) => {
    request.on("data", (chunk: Buffer) => {
      seen = `${request.method} ${request.url} ${String(request.headers["idempotency-key"])} ${chunk.toString()}`;
    });
    request.on("end", () => response.writeHead(201).end("€ taken"));
  });
  const answer = await ask(outside, { headers: { "idempotency-key": "k1" }, body: '{"amount":"1"}' });
  expect(answer).toEqual({ kind: "answer", status: 201, body: "€ taken" });
  expect(seen).toBe('POST /v1/x k1 {"amount":"1"}');
});

test.each([
  ["", "/v1/x"],
  ["/", "/v1/x"],
  ["/gateway/api", "/gateway/api/v1/x"],
  ["/gateway/api/", "/gateway/api/v1/x"],
])("an address that ends with %j keeps its own path in front", async (path, expected) => {
  const outside = await outsideWith((request, response) => response.end(request.url), path);
  expect(await ask(outside)).toMatchObject({ body: expected });
  expect(await ask(outside, { path: "/v1/x?page=2" })).toMatchObject({ body: `${expected}?page=2` });
});

test.each<[string, RequestListener, string]>([
  ["silence", () => undefined, "timeout"],
  ["a connection that breaks", (request) => request.socket.destroy(), "socket hang up"],
  [
    "an answer that is cut",
    (_request, response) => {
      response.writeHead(200, { "content-length": 100 }).write("half");
      setTimeout(() => response.destroy(), 10);
    },
    "cut or too long",
  ],
  ["an answer without end", (_request, response) => response.end("x".repeat(65_537)), "cut or too long"],
])("%s is no answer, for the other side may have acted", async (_name, listener, reason) => {
  const outside = await outsideWith(listener);
  const answer = await ask(outside, { timeoutMs: reason === "timeout" ? 100 : 5_000 });
  expect(answer).toEqual({ kind: "no_answer", reason: expect.stringContaining(reason) as string });
});

test("nobody there, and no such network, are no answer either", async () => {
  const outside = new HttpOutside(new Map([["card", new URL("http://127.0.0.1:1")]]));
  closing.push(() => outside.close());
  expect(await ask(outside)).toMatchObject({ kind: "no_answer" });
  expect(await ask(outside, { endpoint: "bank" })).toEqual({
    kind: "no_answer",
    reason: "no endpoint bank is configured",
  });
});
