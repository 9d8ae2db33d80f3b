/** What each node signs of the state that it holds, asked one by one. */
import { equalBytes } from "../../node/base/bytes.ts";
import { ask } from "../../node/client/ask.ts";
import { checkStatement, isOfQuorum } from "../../node/client/checkpoints.ts";
import { type ClusterFile, QuorateClient, type Signer } from "../../node/client/index.ts";
import type { SignedCheckpoint } from "../../node/wire/attestation.ts";

const TIMEOUT_MS = 5_000;

/** A node's own signature on its state, and what it knows of a quorum's. */
export interface Statement {
  readonly id: number;
  readonly own: SignedCheckpoint;
  /** Undefined also where those who have signed are no quorum by the cluster file: it may name voters that have not come up yet. */
  readonly agreed: SignedCheckpoint | undefined;
}

interface Asker {
  readonly cluster: ClusterFile;
  readonly signer: Signer;
}

/** Asks a node; throws as the client does, or `ClientError` `checkpoint_invalid` for a signature that is not good. */
export async function statementOf({ cluster, signer }: Asker, id: number): Promise<Statement> {
  const nodes = cluster.nodes.filter((node) => node.id === id);
  const client = await QuorateClient.openReader({ cluster: { ...cluster, nodes }, signer, deadlineMs: TIMEOUT_MS });
  try {
    const { own, agreed } = await ask(client, { type: "checkpoint" }, "local");
    return {
      id,
      own: signedBy(nodes, checkStatement({ ...cluster, nodes }, own)),
      agreed: agreed === null ? undefined : ofQuorum(cluster, checkStatement(cluster, agreed)),
    };
  } finally {
    client.close();
  }
}

/** Without what others have signed besides: they are asked themselves. */
function signedBy(nodes: ClusterFile["nodes"], statement: SignedCheckpoint): SignedCheckpoint {
  const signatures = statement.signatures.filter((one) => {
    return nodes.some(({ publicKey }) => equalBytes(publicKey, one.nodeKey));
  });
  return { ...statement, signatures };
}

function ofQuorum(cluster: ClusterFile, agreed: SignedCheckpoint): SignedCheckpoint | undefined {
  return isOfQuorum(cluster, agreed) ? agreed : undefined;
}
