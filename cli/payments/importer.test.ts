import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { ClientError, type Outcome } from "../../node/client/index.ts";
import { type ImportOptions, importPayments } from "./importer.ts";
import type { PaymentRow } from "./payment-row.ts";

type Client = ReturnType<ImportOptions["clientFor"]>;
type Submit = Client["submit"];
type Payment = Extract<Parameters<Submit>[0], { kind: "createPayment" }>["body"];

function rowsOf(count: number): PaymentRow[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ id: BigInt(index + 1), seconds: 5n, payer: 7n, payee: 8n, amount: 100n, ledger: 978 },
  }));
}

function outcomeOf(result: Outcome["result"], attempts = 1): Outcome {
  return { result, attempts, height: 1 } as Outcome;
}

/** A client that answers each payment as it is told to. */
function clientThat(answer: (payment: Payment) => Promise<Outcome> | Outcome): Client {
  return {
    submit: async (command) => {
      if (command.kind !== "createPayment") throw new Error(`unexpected ${command.kind}`);
      return await answer(command.body);
    },
  };
}

function importing(rows: readonly PaymentRow[], client: Client, inFlightMax = 4): ReturnType<typeof importPayments> {
  return importPayments(rows, { clientFor: () => client, inFlightMax });
}

describe("importing", () => {
  test("every row gets exactly one answer, whatever it is", async () => {
    const results: Readonly<Record<string, () => Outcome | Promise<Outcome>>> = {
      "1": async () => {
        await sleep(5); // others are answered meanwhile
        throw new ClientError("outcome_unknown", "no answer");
      },
      "2": () => outcomeOf({ status: "ok", state: "captured" }, 3),
      "3": () => outcomeOf({ status: "ok", state: "review" }),
      "4": () => outcomeOf({ status: "already_exists", what: "id" }),
      "5": () => outcomeOf({ status: "not_found", what: "payee" }),
      "6": () => {
        throw new ClientError("invalid_command", "payer and payee are the same");
      },
      "7": () => outcomeOf({ status: "ok", state: "captured" }),
    };
    const report = await importing(
      rowsOf(7),
      clientThat(({ id }) => (results[`${id}`] as () => Outcome | Promise<Outcome>)()),
    );
    expect(report).toMatchObject({
      payments: 7,
      states: { captured: 2, review: 1 },
      existing: 1,
      refused: [
        { id: 5n, reason: "not_found (payee)" },
        { id: 6n, reason: "invalid_command" },
      ],
      lost: [1n],
      retried: 1,
    });
  });

  test("a row becomes a payment that is captured at once, at its own time, by wallet or by card", async () => {
    const seen: Payment[] = [];
    const client = clientThat((payment) => {
      seen.push(payment);
      return outcomeOf({ status: "ok", state: "captured" });
    });
    const [row] = rowsOf(1) as [PaymentRow];
    await importing([row, { ...row, id: 2n, cardToken: "tok_1" }], client, 1);
    const common = { payer: 7n, payee: 8n, amount: 100n, ledger: 978, capture: "automatic", initiatedAt: 5n };
    expect(seen).toEqual([
      { ...common, id: 1n, channel: "wallet" },
      { ...common, id: 2n, channel: "card", cardToken: "tok_1" },
    ]);
  });

  test("never more than so many are in flight, and as many where there is enough to do", async () => {
    let inFlight = 0;
    let most = 0;
    const client = clientThat(async () => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await sleep(1);
      inFlight -= 1;
      return outcomeOf({ status: "ok", state: "captured" });
    });
    await importing(rowsOf(50), client, 8);
    expect(most).toBe(8);
    expect(await importing(rowsOf(2), client, 8)).toMatchObject({ states: { captured: 2 } });
  });

  test("answers are told as they come, with their number", async () => {
    const told: (readonly [bigint, number])[] = [];
    await importPayments(rowsOf(3), {
      clientFor: () => clientThat(() => outcomeOf({ status: "ok", state: "captured" })),
      inFlightMax: 1,
      onAnswer: ({ row }, answered) => told.push([row.id, answered]),
    });
    expect(told).toEqual([
      [1n, 1],
      [2n, 2],
      [3n, 3],
    ]);
  });

  test("the signer of a row is asked for by row", async () => {
    const by: string[] = [];
    const client = (name: string): Client =>
      clientThat(({ id }) => {
        by.push(`${name} ${id}`);
        return outcomeOf({ status: "ok", state: "captured" });
      });
    const clients = [client("even"), client("odd")] as const;
    await importPayments(rowsOf(3), { clientFor: ({ id }) => clients[Number(id % 2n)] as Client, inFlightMax: 1 });
    expect(by).toEqual(["odd 1", "even 2", "odd 3"]);
  });

  test.each([
    ["a closed client", new ClientError("closed", "the client was closed")],
    ["a bug", new TypeError("x is undefined")],
  ])("%s ends the import instead of counting as an answer", async (_, error) => {
    const client = clientThat(() => {
      throw error;
    });
    await expect(importing(rowsOf(3), client)).rejects.toBe(error);
  });

  test.each(["outcome_unknown", "unavailable"])(
    "a cluster that answers nothing any more (%s) ends the import; the rest is not even submitted",
    async (code) => {
      let submitted = 0;
      const client = clientThat(async ({ id }) => {
        submitted += 1;
        if (id <= 10n) return outcomeOf({ status: "ok", state: "captured" });
        await sleep(1);
        throw new ClientError(code, "no answer");
      });
      await expect(importing(rowsOf(1_000), client)).rejects.toMatchObject({
        code,
        message: expect.stringContaining("10 payments have their answer; run it again"),
      });
      await sleep(20);
      expect(submitted).toBeLessThan(30);
    },
  );

  test("half, 99 % and all are answered within the times told", async () => {
    const client = clientThat(async ({ id }) => {
      await sleep(id === 100n ? 60 : 0);
      return outcomeOf({ status: "ok", state: "captured" });
    });
    const { p50Ms, p99Ms, maxMs } = await importing(rowsOf(100), client, 100);
    expect(p50Ms).toBeLessThanOrEqual(p99Ms);
    expect(p99Ms).toBeLessThanOrEqual(maxMs);
    expect(maxMs).toBeGreaterThanOrEqual(59);
  });
});
