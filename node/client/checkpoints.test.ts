import { describe, expect, test } from "vitest";
import { sha256 } from "../host/node-crypto.ts";
import { type ClusterFile, type ClusterNode, formatClusterFile, parseClusterFile } from "../transport/cluster-file.ts";
import { attestation, compareKeys, encodeCheckpoint } from "../wire/attestation.ts";
import { checkCheckpoint, checkStatement, isOfQuorum } from "./checkpoints.ts";
import { newKey } from "./keys.ts";

const KEYS = [1, 2, 3, 4, 5, 6].map(() => newKey());

/** Nodes of which those behind the first `voters` are learners. */
function clusterOf(size: number, voters: number): ClusterFile {
  const nodes = KEYS.slice(0, size).map(({ publicKey }, at): ClusterNode => {
    const node = { id: at + 1, name: `node-${at + 1}`, publicKey, host: "127.0.0.1", port: 7400 + at };
    return at < voters ? node : { ...node, learner: true };
  });
  return parseClusterFile(formatClusterFile({ timestamp: 1n, nodes, adminKey: ADMIN }, nodes));
}

const ADMIN = newKey().publicKey;

function signedBy({ clusterId }: ClusterFile, ...ids: readonly number[]): Uint8Array {
  const fill = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
  const at = { height: 7, blockHash: fill(1), digest: fill(2), historyRoot: fill(3) };
  const message = attestation(sha256, clusterId, at);
  const keys = KEYS.filter((_, place) => ids.includes(place + 1));
  const signatures = keys.map((key) => ({ nodeKey: key.publicKey, signature: key.sign(message) }));
  return encodeCheckpoint({ ...at, signatures: signatures.sort((a, b) => compareKeys(a.nodeKey, b.nodeKey)) });
}

describe("a checkpoint", () => {
  test.each<[what: string, size: number, voters: number, signers: readonly number[], isBelieved: boolean]>([
    ["two of three voters, while three learners are silent", 6, 3, [1, 2], true],
    ["an only voter of three nodes", 3, 1, [1], true],
    ["three learners and a voter of three", 6, 3, [1, 4, 5, 6], false],
    ["two of four voters", 4, 4, [1, 2], false],
    ["learners alone", 3, 1, [2, 3], false],
  ])("signed by %s", (_, size, voters, signers, isBelieved) => {
    const cluster = clusterOf(size, voters);
    const encoded = signedBy(cluster, ...signers);
    expect(isOfQuorum(cluster, checkStatement(cluster, encoded))).toBe(isBelieved);
    if (isBelieved) expect(checkCheckpoint(cluster, encoded).signatures).toHaveLength(signers.length);
    else
      expect(() => checkCheckpoint(cluster, encoded)).toThrow(expect.objectContaining({ code: "checkpoint_invalid" }));
  });

  test("that lacks signatures says whose, and not those of learners", () => {
    const cluster = clusterOf(4, 3);
    const missing = "1 of 3 nodes that vote have signed; missing: node-1, node-3; start them, or remove them";
    expect(() => checkCheckpoint(cluster, signedBy(cluster, 2, 4))).toThrow(missing);
  });

  test("is a statement of any node, a learner, too, and of nobody else", () => {
    const cluster = clusterOf(3, 1);
    expect(checkStatement(cluster, signedBy(cluster, 3)).height).toBe(7);
    expect(() => checkStatement(cluster, signedBy(cluster, 4))).toThrow("no node of this cluster has signed it");
  });
});
