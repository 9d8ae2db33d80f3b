/** Having a running node read all that it keeps, and waiting until it has, and has got back from others what it can. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../../node/base/errors.ts";
import { ask } from "../../node/client/ask.ts";
import { type ClusterFile, QuorateClient, type Signer } from "../../node/client/index.ts";
import type { StatusSection } from "../../node/state/queries.ts";
import type { Finding } from "./scrub-data.ts";

const POLL_MS = 100;
/** To bring back what is damaged, when all is read. */
const REPAIR_MS = 10_000;
const ANSWER_MS = 5_000;

export interface ScrubbedNode {
  readonly node: number;
  readonly bytes: number;
  /** Records and values that were damaged. */
  readonly damaged: number;
  /** The first of them. */
  readonly damage: readonly Finding[];
  /** Blocks that others gave back meanwhile, and what the node has written again by itself. */
  readonly repaired: number;
  /** Records and values that still are damaged. */
  readonly left: number;
}

/** Throws `CodedError` where the node does not answer, or not this key. */
export async function scrubNode(
  cluster: ClusterFile,
  signer: Signer,
  node: number,
  onProgress: (bytes: number) => void,
): Promise<ScrubbedNode> {
  const nodes = cluster.nodes.filter(({ id }) => id === node);
  const client = await QuorateClient.openReader({ cluster: { ...cluster, nodes }, signer, deadlineMs: ANSWER_MS });
  try {
    const before = await look(client);
    await ask(client, { type: "scrub" }, "local");
    let now = await look(client);
    for (; now.log["scrubIsAsked"] === true; now = await look(client)) {
      onProgress(count(now.log, "scrubbedBytes") - count(before.log, "scrubbedBytes"));
      await sleep(POLL_MS);
    }
    const damaged = count(now.log, "scrubDamaged");
    const damage = now.log["scrubDamage"] as readonly Finding[];
    const giveUpAt = performance.now() + REPAIR_MS;
    while (now.damaged > 0 && performance.now() < giveUpAt) {
      await sleep(POLL_MS);
      now = await look(client);
    }
    const repaired = now.repaired - before.repaired;
    const bytes = count(now.log, "scrubbedBytes") - count(before.log, "scrubbedBytes");
    return { node, bytes, damaged, damage, repaired, left: Math.max(0, damaged - repaired) };
  } finally {
    client.close();
  }
}

interface Look {
  readonly log: StatusSection;
  /** Blocks, pages and what else is known to be damaged, and what has been mended. */
  readonly damaged: number;
  readonly repaired: number;
}

async function look(client: QuorateClient): Promise<Look> {
  const { sections } = await ask(client, { type: "status" }, "local");
  const { log, repair, ledger = {} } = sections;
  if (log === undefined || repair === undefined) {
    throw new CodedError("not_authorized", "a node tells admins and operators only what is damaged");
  }
  const damaged = count(repair, "damagedBlocks") + count(ledger, "damagedPages") + count(log, "rewriting");
  const repaired = count(repair, "repairedBlocks") + count(ledger, "repairedPages") + count(log, "rewritten");
  return { log, damaged, repaired };
}

function count(section: StatusSection, name: string): number {
  return Number(section[name] ?? 0);
}
