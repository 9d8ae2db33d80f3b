import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { newKey, QuorateClient } from "../../node/client/index.ts";
import { ScriptedCluster } from "../../node/client/scripted-cluster.contract.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { encodeAccounts } from "../../node/ledger/records.ts";
import type { QueryAnswer } from "../../node/state/queries.ts";
import { attestation, decodeCheckpoint, encodeCheckpoint } from "../../node/wire/attestation.ts";

import { replayOf } from "../verify/replay-of.ts";
import { type AuditReport, audit } from "./audit.ts";

let cluster: ScriptedCluster;

/** A session, and an account in a block of its own, so many times. */
async function pays(accounts: number): Promise<void> {
  const client = await QuorateClient.open({ cluster: cluster.file, signer: cluster.admin });
  for (let count = 0; count < accounts; count++) {
    await client.submit({
      kind: "createAccounts",
      batch: encodeAccounts([{ id: BigInt(cluster.state.height + 1), ledger: 978, code: 1 }]),
    });
  }
  client.close();
}

async function audited(replay = replayOf(cluster.file)): Promise<AuditReport> {
  return await audit({ cluster: cluster.file, signer: newKey(), replay, onProgress: () => undefined });
}

beforeEach(async () => {
  cluster = await ScriptedCluster.start(3);
  await pays(4);
});
afterEach(async () => await cluster.stop());

/** Where a block bears the digest of its leader's state. */
const STATE_DIGEST_OFFSET = 136;

describe("an audit", () => {
  test("of an honest cluster comes to what all of its nodes have signed", async () => {
    const report = await audited();
    const agrees = (id: number) => ({ id, verdict: "agrees", height: 5 });
    expect(report).toMatchObject({ sound: true, from: 0, height: 5, transactions: 5, difference: null });
    expect(report.nodes).toEqual([agrees(1), agrees(2), agrees(3)]);
  });

  test("goes on from where the last one ended", async () => {
    const replay = replayOf(cluster.file);
    await audited(replay);
    await pays(2);
    const report = await audited(replayOf(cluster.file, replay.state));
    expect(report).toMatchObject({ sound: true, from: 5, height: 8, transactions: 3 });
    expect(await audited(replayOf(cluster.file, replay.state))).toMatchObject({
      sound: true,
      from: 8,
      transactions: 0,
    });
  });

  test("does not call agreed what it could not compare: a cluster never stands lower than it stood", async () => {
    const replay = replayOf(cluster.file);
    await audited(replay);
    const lower = await ScriptedCluster.start(1);
    const { file } = lower;
    const client = await QuorateClient.open({ cluster: file, signer: lower.admin });
    client.close();
    const report = await audit({ cluster: file, signer: newKey(), replay, onProgress: () => undefined });
    await lower.stop();
    expect(report).toMatchObject({ sound: false, checkpointHeight: 0, nodes: [{ verdict: "behind", height: 1 }] });
    expect(report.difference).toBe("the cluster stands at height 1, and an earlier audit executed it up to height 5");
  });

  test("says who has signed another state, and does without a node that is down", async () => {
    const [, second, third] = cluster.nodes;
    if (second === undefined || third === undefined) throw new Error("there are three nodes");
    await third.stop();
    second.lie = (answer) =>
      answer.type === "checkpoint" ? { ...answer, own: otherwise(answer.own, second) } : answer;
    const report = await audited();
    expect(report).toMatchObject({
      sound: false,
      difference: expect.stringMatching(
        /^node 2 has signed another state: the state digest after block 5 is 0{64} there/,
      ),
      nodes: [{ verdict: "agrees" }, { verdict: "differs" }, { verdict: "connection_lost", height: 0 }],
    });
  });

  /** A checkpoint with another digest, properly signed by the same node. */
  function otherwise(encoded: Uint8Array, node: ScriptedCluster["nodes"][number]): Uint8Array {
    const honest = { ...decodeCheckpoint(encoded), digest: new Uint8Array(32) };
    const signature = node.identity.sign(attestationOf(honest));
    return encodeCheckpoint({ ...honest, signatures: [{ nodeKey: node.identity.publicKey, signature }] });
  }

  test("believes no signature of a stranger", async () => {
    for (const node of cluster.nodes) {
      node.lie = (answer) => (answer.type === "checkpoint" ? { ...answer, own: forged(answer.own) } : answer);
    }
    const report = await audited();
    expect(report.sound).toBe(false);
    expect(report.nodes.map(({ verdict }) => verdict)).toEqual(Array(3).fill("checkpoint_invalid"));
  });

  test.each<[string, RegExp, (blocks: readonly Uint8Array[]) => Uint8Array[]]>([
    [
      "a changed transaction",
      /^block 3 does not follow: /,
      (blocks) => blocks.map((block, at) => (at === 2 ? flipped(block, block.length - 1) : block)),
    ],
    [
      "a changed link",
      /^block 3 does not follow: /,
      (blocks) => blocks.map((block, at) => (at === 2 ? flipped(block, 64) : block)),
    ],
    [
      "another state of its leader",
      /^block 4 was made by a leader .* state after block 3/,
      (blocks) => blocks.map((block, at) => (at === 3 ? flipped(block, STATE_DIGEST_OFFSET) : block)),
    ],
    ["a block left out", /^block 3 does not follow: /, (blocks) => blocks.filter((_, at) => at !== 2)],
    ["no blocks at all", /^block 1 was signed for and nobody has it$/, () => []],
  ])("finds %s in the log", async (_what, difference, change) => {
    for (const node of cluster.nodes) {
      node.lie = (answer: QueryAnswer) =>
        answer.type === "blocks" ? { ...answer, blocks: change(answer.blocks) } : answer;
    }
    expect(await audited()).toMatchObject({ sound: false, difference: expect.stringMatching(difference) });
  });
});

function attestationOf(at: ReturnType<typeof decodeCheckpoint>): Uint8Array {
  return attestation(sha256, cluster.clusterId, at);
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
}

function forged(encoded: Uint8Array): Uint8Array {
  const honest = decodeCheckpoint(encoded);
  const signatures = honest.signatures.map(({ nodeKey, signature }) => ({ nodeKey, signature: flipped(signature, 3) }));
  return encodeCheckpoint({ ...honest, signatures });
}
