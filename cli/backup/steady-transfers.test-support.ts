/** Transfers without end, one by one, for tests of real processes: what was acknowledged, and in which block. */

import { ask } from "../../node/client/ask.ts";
import {
  type ClusterFile,
  decodeTransfers,
  encodeAccounts,
  encodeTransfers,
  QuorateClient,
  type Signer,
  TransferStatus,
} from "../../node/client/index.ts";
import { batchResults } from "../../node/wire/results.ts";
import { until } from "../waiting.test-support.ts";

const SHAPE = { ledger: 978, code: 1 };
const LOOKED_UP = 1_000;

interface Acknowledged {
  readonly id: bigint;
  readonly height: number;
}

export class SteadyTransfers {
  readonly acknowledged: Acknowledged[] = [];
  /** Why it ended, if it was not told to. */
  failure: string | undefined;
  readonly #client: QuorateClient;
  #next: bigint;
  #stopped = false;
  readonly #running: Promise<void>;

  private constructor(client: QuorateClient, first: bigint) {
    this.#client = client;
    this.#next = first;
    this.#running = this.#run().catch((error: unknown) => {
      this.failure = String(error);
    });
  }

  /** Begins with two accounts, which may be there, and a transfer with this id. */
  static async start(
    cluster: ClusterFile,
    signer: Signer,
    first: bigint,
    deadlineMs: number,
  ): Promise<SteadyTransfers> {
    const client = await QuorateClient.open({ cluster, signer, deadlineMs });
    const batch = encodeAccounts([1n, 2n].map((id) => ({ id, ...SHAPE })));
    await client.submit({ kind: "createAccounts", batch });
    return new SteadyTransfers(client, first);
  }

  /** Resolves when so many more are acknowledged. */
  async answers(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    await until(`${count} more answers`, () => {
      if (this.failure !== undefined) throw new Error(this.failure);
      return this.acknowledged.length >= wanted ? true : undefined;
    });
  }

  /** Ends when what is under way is answered, or has failed. */
  async rest(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    this.#client.close();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const id = this.#next++;
      const batch = encodeTransfers([{ id, debitAccountId: 1n, creditAccountId: 2n, amount: 1n, ...SHAPE }]);
      const { result, height } = await this.#client.submit({ kind: "createTransfers", batch });
      if (batchResults(result)[0]?.status !== TransferStatus.created) throw new Error(`transfer ${id} is not created`);
      this.acknowledged.push({ id, height });
    }
  }
}

/** Those of the ids that a cluster does not know. */
export async function missingOf(client: QuorateClient, ids: readonly bigint[]): Promise<bigint[]> {
  const missing: bigint[] = [];
  for (let at = 0; at < ids.length; at += LOOKED_UP) {
    const asked = ids.slice(at, at + LOOKED_UP);
    const { records } = await ask(client, { type: "transfers", ids: asked });
    const found = new Set(decodeTransfers(records).map(({ id }) => id));
    missing.push(...asked.filter((id) => !found.has(id)));
  }
  return missing;
}
