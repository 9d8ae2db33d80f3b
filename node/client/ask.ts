/** Typed queries: asked and answered in the shapes of the state. */
import { decodeAnswer, encodeQuery, type Query, type QueryAnswer } from "../state/queries.ts";
import type { Consistency } from "../wire/client-frames.ts";
import type { QuorateClient } from "./client.ts";

/** Asks a query and decodes its answer; throws as `QuorateClient.query`, or `WireError`. */
export async function ask<T extends Query["type"]>(
  client: QuorateClient,
  query: Query & { readonly type: T },
  consistency: Consistency = "linearizable",
): Promise<Extract<QueryAnswer, { readonly type: T }> | (QueryAnswer & { readonly type: T })> {
  return decodeAnswer<T>(query.type, await client.query(encodeQuery(query), consistency));
}
