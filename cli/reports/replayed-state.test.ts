import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ClusterFile, Command } from "../../node/client/index.ts";
import { encodeAccounts, encodeTransfers, type TransferInput, transferFlags } from "../../node/ledger/records.ts";
import { CLUSTER, GENESIS, recordsOf, SECOND, START, signed, writeLog } from "../verify/node-log.test-support.ts";
import { accountsIn, accountTransfersIn, transfersIn } from "./read-state.ts";
import { executedLog } from "./replayed-state.ts";

const ACCOUNTS = [1n, 2n, 3n];

function moves(...transfers: readonly TransferInput[]): Command {
  const common = { ledger: 978, code: 1 };
  return { kind: "createTransfers", batch: encodeTransfers(transfers.map((each) => ({ ...common, ...each }))) };
}

/** A log of one command a block, behind the blocks that open a session and the accounts. */
async function withLog<T>(commands: readonly Command[], act: (data: string) => T): Promise<T> {
  const opening = encodeAccounts(ACCOUNTS.map((id) => ({ id, ledger: 978, code: 1 })));
  const all: Command[] = [{ kind: "sessionOpen" }, { kind: "createAccounts", batch: opening }, ...commands];
  const data = mkdtempSync(join(tmpdir(), "quorate-reports-"));
  try {
    await writeLog(data, recordsOf(all.map((command, sequence) => signed(sequence, command))));
    return act(data);
  } finally {
    rmSync(data, { recursive: true });
  }
}

function codeOf(act: () => unknown): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

const silent = (): void => undefined;
const PAY = moves({ id: 1n, debitAccountId: 1n, creditAccountId: 2n, amount: 5n });

describe("a past state", () => {
  const move = fc.record({
    from: fc.nat(2),
    to: fc.nat(2),
    amount: fc.bigInt({ min: 0n, max: 50n }),
    held: fc.boolean(),
  });

  test("at every height has the accounts of a model that was told the same, and debits equal credits", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(move, { minLength: 1, maxLength: 8 }), async (all) => {
        const commands = all.map(({ from, to, amount, held }, index) =>
          moves({
            ...{ id: BigInt(index + 1), amount, flags: held ? transferFlags.pending : 0 },
            ...{ debitAccountId: ACCOUNTS[from] ?? 0n, creditAccountId: ACCOUNTS[to] ?? 0n },
          }),
        );
        await withLog(commands, (data) => {
          const model = new Map(ACCOUNTS.map((id) => [id, [0n, 0n, 0n, 0n]]));
          all.forEach(({ from, to, amount, held }, index) => {
            if (from !== to) {
              const debit = model.get(ACCOUNTS[from] ?? 0n) as bigint[];
              const credit = model.get(ACCOUNTS[to] ?? 0n) as bigint[];
              debit[held ? 0 : 1] = (debit[held ? 0 : 1] ?? 0n) + amount;
              credit[held ? 2 : 3] = (credit[held ? 2 : 3] ?? 0n) + amount;
            }
            const state = executedLog({ cluster: CLUSTER, data }, { height: index + 3 }, silent);
            expect(state.height).toBe(index + 3);
            const accounts = [...accountsIn(state, 978)];
            const rows = accounts.map((a) => [
              a.id,
              [a.debitsPending, a.debitsPosted, a.creditsPending, a.creditsPosted],
            ]);
            expect(rows).toEqual([...model]);
            const debits = accounts.reduce((sum, a) => sum + a.debitsPosted + a.debitsPending, 0n);
            expect(accounts.reduce((sum, a) => sum + a.creditsPosted + a.creditsPending, 0n)).toBe(debits);
          });
        });
      }),
      { numRuns: 12 },
    );
  });

  test("at a time is that after the last block up to it", async () => {
    await withLog([PAY, PAY], (data) => {
      const heightAt = (time: bigint): number => executedLog({ cluster: CLUSTER, data }, { time }, silent).height;
      expect(heightAt(START)).toBe(0);
      expect(heightAt(START + 3n * SECOND)).toBe(3);
      expect(heightAt(START + 4n * SECOND - 1n)).toBe(3);
      expect(heightAt(START + 100n * SECOND)).toBe(4);
      expect(executedLog({ cluster: CLUSTER, data }, {}, silent).height).toBe(4);
    });
  });

  test("behind the end of the log is not there", async () => {
    await withLog([PAY], (data) => {
      expect(codeOf(() => executedLog({ cluster: CLUSTER, data }, { height: 4 }, silent))).toBe("height_not_there");
      expect(codeOf(() => executedLog({ cluster: CLUSTER, data }, { height: 3 }, silent))).toBeUndefined();
    });
  });

  test("of another cluster is not believed", async () => {
    await withLog([PAY], (data) => {
      const foreign: ClusterFile = { ...CLUSTER, genesis: { ...GENESIS, timestamp: START + 1n } };
      expect(codeOf(() => executedLog({ cluster: foreign, data }, {}, silent))).toBe("log_unsound");
    });
  });

  test("before a torn tail is there, in it is not", async () => {
    await withLog([PAY, PAY, PAY], (data) => {
      const path = join(data, "log", readdirSync(join(data, "log"))[0] ?? "");
      const bytes = readFileSync(path);
      const last = bytes.findLastIndex((byte) => byte !== 0) - 100;
      bytes.writeUInt8(bytes.readUInt8(last) ^ 1, last);
      writeFileSync(path, bytes);
      expect(executedLog({ cluster: CLUSTER, data }, { height: 4 }, silent).height).toBe(4);
      // It was the last write: a torn tail, which nobody had been promised.
      expect(codeOf(() => executedLog({ cluster: CLUSTER, data }, { height: 5 }, silent))).toBe("height_not_there");
    });
  });

  test("is read whole, however many pages it takes", async () => {
    const batch = (first: number): Command =>
      moves(
        ...Array.from({ length: 8_000 }, (_, index) => {
          return { id: BigInt(first + index), debitAccountId: 1n, creditAccountId: 2n, amount: 1n };
        }),
      );
    await withLog([batch(1), batch(8_001)], (data) => {
      const state = executedLog({ cluster: CLUSTER, data }, {}, silent);
      const ids = Array.from({ length: 16_000 }, (_, index) => BigInt(index + 1));
      expect([...transfersIn(state)].map(({ id }) => id)).toEqual(ids);
      expect([...accountTransfersIn(state, 2n)].map(({ id }) => id)).toEqual(ids);
      expect([...transfersIn(state, 840)]).toEqual([]);
    });
  });
});
