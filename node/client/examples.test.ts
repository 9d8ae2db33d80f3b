/** Examples of the documents that need a cluster: they run here, and stand there word for word. */
import { afterEach, expect, test } from "vitest";
import {
  decodeAnswer,
  decodeTransfers,
  encodeAccounts,
  encodeQuery,
  encodeTransfers,
  KnownAssets,
  QuorateClient,
  type SeenChangeEvent,
} from "./index.ts";
import { ScriptedCluster } from "./scripted-cluster.contract.ts";

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** A client of a cluster with two accounts, and three transfers between them. */
async function example(): Promise<QuorateClient> {
  const cluster = await ScriptedCluster.start(1);
  closing.push(() => cluster.stop());
  const client = await QuorateClient.open({ cluster: cluster.file, signer: cluster.admin });
  closing.push(() => {
    client.close();
  });
  const accounts = [1n, 2n].map((id) => ({ id, ledger: 978, code: 1 }));
  await client.submit({ kind: "createAccounts", batch: encodeAccounts(accounts) });
  const pay = { debitAccountId: 1n, creditAccountId: 2n, ledger: 978, code: 1, amount: 5n };
  const transfers = [10n, 11n, 12n].map((id) => ({ ...pay, id, userData64: id === 12n ? 0n : 2_026n }));
  await client.submit({ kind: "createTransfers", batch: encodeTransfers(transfers) });
  return client;
}

test("a query", async () => {
  const client = await example();
  // #region query
  const query = { type: "queryTransfers", ledger: 978, userData64: 2_026n, limit: 100 } as const;
  const answer = decodeAnswer(query.type, await client.query(encodeQuery(query)));
  const transfers = decodeTransfers(answer.records); // decodeAccounts, decodeBalances
  expect(transfers.map(({ id }) => id)).toEqual([10n, 11n]);

  expect(answer.next).toBe("0"); // nothing is left; otherwise:
  const following = { ...query, timestampMin: BigInt(answer.next) }; // timestampMax in reversed order
  // #endregion
  expect(encodeQuery(following).length).toBeGreaterThan(0);
});

test("changes", async () => {
  const client = await example();
  const handledEvents: SeenChangeEvent[] = [];
  const enough = new AbortController();
  const { signal } = enough;
  const handle = (event: SeenChangeEvent): void => {
    handledEvents.push(event);
    if (handledEvents.length === 2) enough.abort();
  };
  let handled = 1n;
  // #region events
  for await (const event of client.events({ cursor: handled, follow: true, signal })) {
    handle(event);
    handled = event.cursor; // keep it with what was done, and go on from it after a crash
  }
  // #endregion
  expect(handledEvents.map(({ transfer }) => transfer.id)).toEqual([11n, 12n]);
  expect(handled).toBe(3n);
});

test("amounts", async () => {
  const client = await example();
  // #region amounts
  const { assets } = decodeAnswer("assets", await client.query(encodeQuery({ type: "assets" })));
  const known = new KnownAssets(assets); // and all currencies; without a cluster, `new KnownAssets()`

  const euro = known.ledgerOf("EUR") ?? 0; // undefined for what is no asset
  expect(euro).toBe(978);
  expect(known.parseAmount("1250.5", euro)).toBe(125_050n); // minor units, as the ledger has them
  expect(() => known.parseAmount("1250.505", euro)).toThrow("this asset has at most 2 decimals");
  expect(known.plainAmount(125_050n, euro)).toBe("1250.50");
  expect(known.formatAmount(125_050n, euro)).toBe("1,250.50 EUR");
  // #endregion
});
