/**
 * The sandbox acquirer as a process of its own: HTTP on the loopback address around the core, with a journal.
 * docs/acquirer.md describes the protocol.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as later } from "node:timers";
import { Prng } from "../../node/base/prng.ts";
import { AcquirerCore, type AcquirerRates, type AcquirerReport } from "./core.ts";
import { Journal } from "./journal.ts";

const BODY_BYTES_MAX = 65_536;

export interface AcquirerOptions {
  /** 0 for any free port. */
  readonly port: number;
  readonly seed: number;
  readonly rates: AcquirerRates;
  /** File of decisions; created where it is not there. */
  readonly journalPath: string;
}

export interface RunningAcquirer {
  readonly port: number;
  report(): AcquirerReport;
  close(): Promise<void>;
}

/** Starts the acquirer. Throws where the journal is damaged or the port is taken. */
export async function startAcquirer(options: AcquirerOptions): Promise<RunningAcquirer> {
  const journal = new Journal(options.journalPath);
  const core = new AcquirerCore({
    random: new Prng(options.seed),
    rates: options.rates,
    onDecision: (decision) => journal.append(decision),
  });
  for (const decision of journal.past) core.remember(decision);
  const server = createServer((request, response) => {
    readBody(request, (body) => {
      if (body === undefined) response.writeHead(413).end();
      else serve(core, request, body, response);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, "127.0.0.1", () => resolve());
  });
  return {
    port: (server.address() as AddressInfo).port,
    report: () => core.report(),
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      await closed;
      journal.close();
    },
  };
}

function serve(core: AcquirerCore, request: IncomingMessage, body: string, response: ServerResponse): void {
  const key = request.headers["idempotency-key"];
  const headers = typeof key === "string" ? { "idempotency-key": key } : {};
  const reply = core.handle({ method: request.method ?? "", path: request.url ?? "", headers, body });
  if (reply.kind === "never") return;
  later(() => {
    if (response.destroyed) return;
    response.writeHead(reply.status, { "content-type": "application/json" }).end(reply.body);
  }, reply.delayMs).unref();
}

function readBody(request: IncomingMessage, done: (body: string | undefined) => void): void {
  const chunks: Buffer[] = [];
  let length = 0;
  request.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length <= BODY_BYTES_MAX) chunks.push(chunk);
  });
  request.on("end", () => done(length > BODY_BYTES_MAX ? undefined : Buffer.concat(chunks).toString("utf8")));
}
