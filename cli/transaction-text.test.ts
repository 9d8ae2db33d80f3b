import { expect, test } from "vitest";
import { U128_MAX } from "../node/base/bytes.ts";
import { encodeTransfers, type TransferInput, transferFlags } from "../node/ledger/records.ts";
import type { Command } from "../node/wire/body.ts";
import { commandText } from "./transaction-text.ts";

const TRANSFER = { id: 5n, debitAccountId: 7n, creditAccountId: 8n, amount: 900_000n, ledger: 978, code: 1 };
const RESOLVE = { id: 6n, pendingId: 5n, ledger: 0, code: 0 };
const ASSET = { ledger: 1_000, code: "GOLD", decimals: 6, issuer: 6, cap: 21_000_000n };

function transfers(...inputs: readonly TransferInput[]): Command {
  return { kind: "createTransfers", batch: encodeTransfers(inputs) };
}

test.each<readonly [string, Command, readonly string[]]>([
  ["a currency's", transfers(TRANSFER), ["amount of 5: 9,000.00 EUR"]],
  [
    "each of a batch",
    transfers(TRANSFER, { ...TRANSFER, id: 9n, ledger: 392 }),
    ["amount of 5: 9,000.00 EUR", "amount of 9: 900,000 JPY"],
  ],
  [
    "of an asset that is not known",
    transfers({ ...TRANSFER, ledger: 1_000 }),
    ["amount of 5: 900000 minor units of ledger 1000"],
  ],
  ["of an asset that is made", { kind: "createAsset", body: ASSET }, ["cap: 21.000000 GOLD"]],
  [
    "to post all",
    transfers({ ...RESOLVE, amount: U128_MAX, flags: transferFlags.postPendingTransfer }),
    ["amount of 6: all that is held"],
  ],
  [
    "to post a part",
    transfers({ ...RESOLVE, amount: 3n, flags: transferFlags.postPendingTransfer }),
    ["amount of 6: 3 minor units"],
  ],
  [
    "to void",
    transfers({ ...RESOLVE, amount: 0n, flags: transferFlags.voidPendingTransfer }),
    ["amount of 6: all that is held"],
  ],
  [
    "to reverse",
    { kind: "reverseTransfer", body: { id: 7n, transfer: 5n, amount: 10n } },
    ["amount of 7: 10 minor units"],
  ],
  ["none", { kind: "capturePayment", body: { id: 7n } }, []],
])("amounts: %s", (_name, asked, expected) => {
  const [first = "", ...amounts] = commandText(asked).split("\n");
  expect(first).toMatch(new RegExp(`^${asked.kind} [[{]`));
  expect(amounts).toEqual(expected);
});
