import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toHex } from "../../node/base/bytes.ts";
import { newKey, QuorateClient } from "../../node/client/index.ts";
import { ScriptedCluster } from "../../node/client/scripted-cluster.contract.ts";
import { encodeAccounts } from "../../node/ledger/records.ts";
import { type QueryAnswer, QueryRefusal } from "../../node/state/queries.ts";
import type { StateMachine } from "../../node/state/state-machine.ts";
import { replayOf } from "../verify/replay-of.ts";
import { audit } from "./audit.ts";
import { fetchState } from "./fetch-state.ts";

let cluster: ScriptedCluster;

/** So many accounts, in a block of its own. */
async function enters(client: QuorateClient, from: number, count: number): Promise<void> {
  const ids = Array.from({ length: count }, (_, at) => ({ id: BigInt(from + at), ledger: 978, code: 1 }));
  await client.submit({ kind: "createAccounts", batch: encodeAccounts(ids) });
}

async function fetched(): Promise<StateMachine> {
  return await fetchState(cluster.file, newKey());
}

let client: QuorateClient;

/** A checkpoint of more than one page at height 3, and two blocks behind it. */
beforeEach(async () => {
  cluster = await ScriptedCluster.start(3);
  client = await QuorateClient.open({ cluster: cluster.file, signer: cluster.admin });
  await enters(client, 1, 4_000);
  await enters(client, 5_000, 1);
  cluster.checkpoint();
  await enters(client, 6_000, 1);
  await enters(client, 7_000, 1);
});
afterEach(async () => {
  client.close();
  await cluster.stop();
});

describe("a state that is fetched", () => {
  test("is the one of the checkpoint, and an audit goes on from it to what the nodes sign", async () => {
    const state = await fetched();
    expect(state.height).toBe(3);
    const replay = replayOf(cluster.file, state);
    const report = await audit({ cluster: cluster.file, signer: newKey(), replay, onProgress: () => undefined });
    expect(report).toMatchObject({ sound: true, from: 3, height: 5, transactions: 2, difference: null });
    expect(report.stateDigest).toBe(toHex(cluster.state.digest));
  });

  test("is believed when two of three have signed, and not when one has", async () => {
    cluster.checkpoint(2);
    expect((await fetched()).height).toBe(5);
    cluster.checkpoint(1);
    await expect(fetched()).rejects.toMatchObject({ code: "checkpoint_invalid" });
  });

  test("comes from another node where one has none, or is down", async () => {
    const [first, second] = cluster.nodes;
    await first?.stop();
    if (second !== undefined) {
      second.lie = (answer) => {
        if (answer.type === "statePage") throw new QueryRefusal("checkpoint_gone", "the script says so");
        return answer;
      };
    }
    expect((await fetched()).height).toBe(3);
  });

  test.each<[string, string, (answer: QueryAnswer) => QueryAnswer]>([
    [
      "a changed byte",
      "checkpoint_invalid",
      (answer) => (answer.type === "statePage" ? { ...answer, bytes: flipped(answer.bytes, 0) } : answer),
    ],
    [
      "another length",
      "checkpoint_invalid",
      (answer) => (answer.type === "statePage" ? { ...answer, total: answer.total + 1 } : answer),
    ],
    [
      "more than a page",
      "checkpoint_invalid",
      (answer) => (answer.type === "statePage" ? { ...answer, total: 2 ** 40 } : answer),
    ],
    ["no length", "checkpoint_invalid", (answer) => (answer.type === "statePage" ? { ...answer, total: -1 } : answer)],
    [
      "nothing",
      "checkpoint_invalid",
      (answer) => (answer.type === "statePage" ? { ...answer, bytes: new Uint8Array(0) } : answer),
    ],
    [
      "a component less",
      "checkpoint_invalid",
      (answer) => (answer.type === "signedState" ? { ...answer, components: answer.components.slice(0, -1) } : answer),
    ],
    [
      "another order",
      "out_of_range",
      (answer) => (answer.type === "signedState" ? { ...answer, components: answer.components.toReversed() } : answer),
    ],
    [
      "too many pages",
      "malformed_checkpoint",
      (answer) => (answer.type === "signedState" ? { ...answer, components: [["stand", 2 ** 50] as const] } : answer),
    ],
    [
      "another height",
      "checkpoint_invalid",
      (answer) => (answer.type === "signedState" ? { ...answer, state: flipped(answer.state, 2) } : answer),
    ],
  ])("with %s is refused (%s)", async (_what, code, lie) => {
    for (const node of cluster.nodes) node.lie = lie;
    await expect(fetched()).rejects.toMatchObject({
      code,
      message: code === "checkpoint_invalid" ? (expect.stringMatching(/^node 1: /) as string) : expect.anything(),
    });
  });
});

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
}
