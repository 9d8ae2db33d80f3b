/**
 * An audit from outside: the log is fetched from the cluster, executed again from the first block or from where an earlier
 * audit ended, and held against what each node signs of its state and what a quorum has signed.
 *
 * A node is asked for its signature first and for blocks afterwards, so what it has signed is always among the blocks that
 * are executed. Blocks of any node will do: a wrong one does not chain, or leads to other digests than the others signed.
 */
import { toHex } from "../../node/base/bytes.ts";
import { CodedError, errorCode, errorMessage } from "../../node/base/errors.ts";
import { ask } from "../../node/client/ask.ts";
import { type ClusterFile, QuorateClient, type Signer } from "../../node/client/index.ts";
import type { Replay } from "../../node/replica/replay.ts";
import type { SignedCheckpoint } from "../../node/wire/attestation.ts";
import { type Statement, statementOf } from "./statements.ts";

/** What an audit found out about a node. */
interface NodeFinding {
  readonly id: number;
  /** `agrees`, `differs`, `behind` what was executed before, or the code of why it could not be asked. */
  readonly verdict: string;
  /** Height at which it has signed. */
  readonly height: number;
  readonly difference?: string;
}

export interface AuditReport {
  readonly sound: boolean;
  /** Height up to which the log was executed, and where this run began. */
  readonly height: number;
  readonly from: number;
  readonly transactions: number;
  readonly stateDigest: string;
  /** Height of the newest checkpoint that a quorum has signed and that the log agrees with; 0 for none. */
  readonly checkpointHeight: number;
  readonly nodes: readonly NodeFinding[];
  /** The first thing that does not hold. */
  readonly difference: string | null;
}

export interface Auditor {
  readonly cluster: ClusterFile;
  readonly signer: Signer;
  readonly replay: Replay;
  readonly onProgress: (height: number, target: number) => void;
}

/** Audits a running cluster; throws `ClientError` when no node can be asked for blocks. */
export async function audit(auditor: Auditor): Promise<AuditReport> {
  const { replay } = auditor;
  const from = replay.state.height;
  const findings: NodeFinding[] = [];
  const statements: Statement[] = [];
  for (const { id } of auditor.cluster.nodes) {
    try {
      statements.push(await statementOf(auditor, id));
    } catch (error) {
      findings.push({ id, verdict: errorCode(error), height: 0, difference: errorMessage(error) });
    }
  }
  const compared = await execute(auditor, statements);
  for (const { id, own } of statements) {
    const difference = compared.get(own);
    const verdict = difference === undefined ? "behind" : difference === AGREES ? "agrees" : "differs";
    const differs = verdict === "differs" && difference !== undefined ? { difference } : {};
    findings.push({ id, verdict, height: own.height, ...differs });
  }
  const quorum = statements.flatMap(({ agreed }) => agreed ?? []).filter((agreed) => compared.get(agreed) === AGREES);
  const [first = fallenBack(from, statements)] = [...compared.values()].filter((difference) => difference !== AGREES);
  return {
    sound: replay.problem === undefined && first === null && statements.length > 0,
    ...{ height: replay.state.height, from, transactions: replay.transactions },
    stateDigest: toHex(replay.state.digest),
    checkpointHeight: quorum.reduce((highest, { height }) => Math.max(highest, height), 0),
    nodes: findings.sort((a, b) => a.id - b.id),
    difference: replay.problem ?? first,
  };
}

/** A cluster never stands lower than an audit of it has been: then its history is another. */
function fallenBack(from: number, statements: readonly Statement[]): string | null {
  const highest = Math.max(0, ...statements.map(({ own }) => own.height));
  if (statements.length === 0 || highest >= from) return null;
  return `the cluster stands at height ${highest}, and an earlier audit executed it up to height ${from}`;
}

/** Throws as `ask`, and says what to do where the nodes have given up the beginning of their logs. */
async function blocksFrom(client: QuorateClient, from: number): Promise<readonly Uint8Array[]> {
  try {
    return (await ask(client, { type: "blocks", from })).blocks;
  } catch (error) {
    if (errorCode(error) !== "block_compacted") throw error;
    throw new CodedError("block_compacted", `${errorMessage(error)}; begin with --from-checkpoint`, {}, error);
  }
}

/** What is said of a statement that was compared and is right. */
const AGREES = "";

/** Executes the log up to the highest statement; for each that could be compared, how it differs, in words. */
async function execute(auditor: Auditor, statements: readonly Statement[]): Promise<Map<SignedCheckpoint, string>> {
  const { cluster, signer, replay, onProgress } = auditor;
  const compared = new Map<SignedCheckpoint, string>();
  const signed = statements.flatMap(({ id, own, agreed }) => [
    { who: `node ${id}`, statement: own },
    ...(agreed === undefined ? [] : [{ who: "a quorum", statement: agreed }]),
  ]);
  const compare = (): void => {
    for (const { who, statement } of signed) {
      if (statement.height !== replay.state.height) continue;
      const difference = replay.difference(statement);
      compared.set(statement, difference === undefined ? AGREES : `${who} has signed another state: ${difference}`);
    }
  };
  const target = Math.max(0, ...signed.map(({ statement }) => statement.height));
  const client = await QuorateClient.openReader({ cluster, signer });
  try {
    compare();
    while (replay.state.height < target && replay.problem === undefined) {
      const blocks = await blocksFrom(client, replay.state.height + 1);
      if (blocks.length === 0) replay.problem = `block ${replay.state.height + 1} was signed for and nobody has it`;
      for (const block of blocks) {
        replay.apply(block);
        compare();
      }
      onProgress(replay.state.height, target);
    }
  } finally {
    client.close();
  }
  return compared;
}
