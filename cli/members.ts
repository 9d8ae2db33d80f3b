/** What a cluster says of its members: in one node's word, and in that of a quorum. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../node/base/errors.ts";
import { quorumOf } from "../node/base/quorum.ts";
import { ask } from "../node/client/ask.ts";
import { type ClusterFile, type ClusterNode, QuorateClient, type Signer } from "../node/client/index.ts";
import type { NodeRole } from "../node/state/members.ts";
import type { QueryAnswer } from "../node/state/queries.ts";
import { votersIn } from "../node/transport/cluster-file.ts";

/** What a node that is not asked in vain takes at most, with an election in between. */
const ANSWER_MS = 5_000;
/** Nodes that stand at different heights say the same soon. */
const PATIENCE_MS = 3_000;
const POLL_MS = 100;

export type MembersAnswer = Extract<QueryAnswer, { readonly type: "members" }>;
export type Configuration = MembersAnswer["configuration"];

/** What a node does now, whatever it is to do. */
export function standing({ voters, outgoing, learners }: Configuration, id: number): string {
  if (voters.includes(id)) return outgoing.length > 0 && !outgoing.includes(id) ? "voter, joining" : "voter";
  if (outgoing.includes(id)) return learners.includes(id) ? "voter, becoming a learner" : "voter, leaving";
  return learners.includes(id) ? "learner" : "-";
}

/** What a node is to be; undefined where there never was such a node. */
export function roleIn({ members: known }: MembersAnswer, id: number): NodeRole | undefined {
  return known.find((node) => node.id === id)?.role;
}

export async function members(client: QuorateClient): Promise<MembersAnswer> {
  return await ask(client, { type: "members" });
}

/**
 * What a quorum of the voters that a cluster file names says alike, each out of its own state; undefined where none does. It is
 * what the file believes when a quorum signs it, and no fewer may say whom it is to believe from now on.
 */
export async function agreedMembers(cluster: ClusterFile, signer: Signer): Promise<MembersAnswer | undefined> {
  const voters = votersIn(cluster);
  const quorum = quorumOf(voters.length);
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const asked = voters.map(async (node) => await membersBy(cluster, node, signer));
    const { agreed, answers } = await firstAlike(asked, quorum);
    if (agreed !== undefined || answers < quorum || performance.now() >= giveUpAt) return agreed;
    await sleep(POLL_MS);
  }
}

/** One node's word; undefined where it gives none. */
async function membersBy(cluster: ClusterFile, node: ClusterNode, signer: Signer): Promise<MembersAnswer | undefined> {
  try {
    const alone = { ...cluster, nodes: [node] };
    const client = await QuorateClient.openReader({ cluster: alone, signer, deadlineMs: ANSWER_MS });
    try {
      return await members(client);
    } finally {
      client.close();
    }
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}

interface Said {
  readonly agreed: MembersAnswer | undefined;
  /** How many have answered. */
  readonly answers: number;
}

/** Resolves as soon as so many have said the same, or all have answered or will not. */
async function firstAlike(asked: readonly Promise<MembersAnswer | undefined>[], enough: number): Promise<Said> {
  const said: string[] = [];
  return await new Promise<Said>((resolve, reject) => {
    const heard = asked.map(async (one) => {
      const answer = await one;
      if (answer === undefined) return;
      const text = textOf(answer);
      said.push(text);
      const alike = said.filter((other) => other === text).length;
      if (alike >= enough) resolve({ agreed: answer, answers: said.length });
    });
    Promise.all(heard).then(() => resolve({ agreed: undefined, answers: said.length }), reject);
  });
}

/** All that counts in an answer. */
function textOf({ members: known, configuration: { voters, outgoing, learners } }: MembersAnswer): string {
  const rows = known.map(({ id, publicKey, host, port, role }) => [id, publicKey, host, port, role]);
  return JSON.stringify([rows, voters, outgoing, learners]);
}
