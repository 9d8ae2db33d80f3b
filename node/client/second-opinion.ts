/**
 * What other nodes say of a transaction that one has refused for good.
 *
 * A refusal before the log bears no signature, so a node that lies can hand a transaction on, or keep it, and say that it
 * was refused: whoever believes that and pays again pays twice. So the same bytes go to the other nodes, one after the
 * other, until one has a definite answer. A receipt is signed and counts; a second refusal counts, for of two nodes one is
 * taken to be honest. The first refusal stands alone only where no other node can be reached. Each node is asked once, so
 * an honest refusal comes no later than others take to answer, or to be given up.
 */
import { performance } from "node:perf_hooks";
import type { ClusterNode } from "../transport/cluster-file.ts";
import type { Connection } from "./connection.ts";
import { ClientError, isRetriable } from "./errors.ts";

export interface OtherNodes<Answer> {
  readonly nodes: readonly ClusterNode[];
  readonly connect: (node: ClusterNode) => Promise<Connection>;
  readonly submit: (connection: Connection) => Promise<Answer>;
  /** Of `performance.now`. */
  readonly deadline: number;
}

/**
 * The answer of another node, where it has executed the transaction. Throws `ClientError`: the refusal that counts, or
 * `unconfirmed` where others were reached, or the deadline has passed, and none has said yes or no.
 */
export async function secondOpinion<Answer>(refusal: ClientError, others: OtherNodes<Answer>): Promise<Answer> {
  let undecided: ClientError | undefined;
  for (const node of others.nodes) {
    const connection = await others.connect(node).catch(clientError);
    if (connection instanceof ClientError) continue;
    const asked = others.submit(connection).finally(() => connection.close());
    const answer = await asked.catch(clientError);
    if (!(answer instanceof ClientError)) return answer;
    if (!isRetriable(answer.code)) throw answer;
    undecided = answer;
  }
  if (undecided === undefined && performance.now() < others.deadline) throw refusal;
  const since = undecided === undefined ? "nobody else in time" : `another ${undecided.code}`;
  throw new ClientError("unconfirmed", `one node said ${refusal.code} (${refusal.message}), ${since}`, {}, refusal);
}

function clientError(error: unknown): ClientError {
  if (error instanceof ClientError) return error;
  throw error;
}
