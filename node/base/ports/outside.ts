/** A request to an external payment network. */
export interface OutsideRequest {
  /** Which configured endpoint, by name (`card`, ...): addresses are the host's business. */
  readonly endpoint: string;
  readonly method: "GET" | "POST";
  /** Path below the endpoint's address, starting with `/`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text, empty for GET. */
  readonly body: string;
  readonly timeoutMs: number;
}

/** What became of it. After `no_answer` the other side may or may not have acted. */
export type OutsideResponse =
  | { readonly kind: "answer"; readonly status: number; readonly body: string }
  | { readonly kind: "no_answer"; readonly reason: string };

/** The world outside the cluster: acquirers, banks, webhooks. */
export interface Outside {
  /** Starts the request; `done` is called exactly once. */
  request(request: OutsideRequest, done: (response: OutsideResponse) => void): void;
}
