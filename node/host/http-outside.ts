/**
 * The world outside over HTTP: endpoints by name, kept-alive connections, a hard timeout and a bounded answer. Whatever
 * goes wrong on the way is `no_answer`: the other side may have acted.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { errorMessage } from "../base/errors.ts";
import type { Outside, OutsideRequest, OutsideResponse } from "../base/ports/outside.ts";

const ANSWER_BYTES_MAX = 65_536;
const SOCKETS_MAX = 64;

export class HttpOutside implements Outside {
  readonly #endpoints: ReadonlyMap<string, URL>;
  readonly #http: HttpAgent = new HttpAgent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  readonly #https: HttpsAgent = new HttpsAgent({ keepAlive: true, maxSockets: SOCKETS_MAX });

  /** `endpoints` maps names to base addresses. */
  constructor(endpoints: ReadonlyMap<string, URL>) {
    this.#endpoints = endpoints;
  }

  request(request: OutsideRequest, done: (response: OutsideResponse) => void): void {
    let settled = false;
    const settle = (response: OutsideResponse): void => {
      if (settled) return;
      settled = true;
      done(response);
    };
    const base = this.#endpoints.get(request.endpoint);
    if (base === undefined) {
      setImmediate(() => settle({ kind: "no_answer", reason: `no endpoint ${request.endpoint} is configured` }));
      return;
    }
    const secure = base.protocol === "https:";
    const outgoing = (secure ? httpsRequest : httpRequest)(below(base, request.path), {
      method: request.method,
      headers: { ...request.headers, "content-length": Buffer.byteLength(request.body) },
      agent: secure ? this.#https : this.#http,
    });
    const timer = setTimeout(() => {
      settle({ kind: "no_answer", reason: "timeout" });
      outgoing.destroy();
    }, request.timeoutMs);
    outgoing.on("error", (error) => {
      clearTimeout(timer);
      settle({ kind: "no_answer", reason: errorMessage(error) });
    });
    outgoing.on("response", (response) => {
      readBody(response, (body) => {
        clearTimeout(timer);
        if (body === undefined) settle({ kind: "no_answer", reason: "the answer is cut or too long" });
        else settle({ kind: "answer", status: response.statusCode ?? 0, body });
      });
    });
    outgoing.end(request.body);
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

/** The address of a path below a base, whose own path stays in front. */
function below(base: URL, path: string): URL {
  const address = new URL(base);
  const [pathname = "", search = ""] = path.split("?", 2);
  address.pathname = base.pathname.replace(/\/$/, "") + pathname;
  address.search = search;
  return address;
}

/** `done` gets the body, or undefined for one that is cut or too long; only its first call counts. */
function readBody(response: IncomingMessage, done: (body: string | undefined) => void): void {
  const chunks: Buffer[] = [];
  let length = 0;
  response.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length <= ANSWER_BYTES_MAX) chunks.push(chunk);
    else {
      done(undefined); // before the end, which may have arrived already
      response.destroy();
    }
  });
  response.on("end", () => done(Buffer.concat(chunks).toString("utf8")));
  response.on("close", () => done(undefined));
  response.on("error", () => done(undefined));
}
