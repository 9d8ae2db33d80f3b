/** What a transaction asks for, in words for whoever is to sign it. */
import { U128_MAX } from "../node/base/bytes.ts";
import { decodeAccounts, decodeTransfers, transferFlags } from "../node/ledger/records.ts";
import type { Command } from "../node/wire/body.ts";
import { Assets, CURRENCIES_ONLY } from "./amounts.ts";
import { toJson } from "./output.ts";
import { printableLine } from "./printable.ts";

/** Fields that hold an amount of minor units. */
const AMOUNTS = ["amount", "cap", "dailyLimit", "reviewAmount", "declineAmount", "velocityDeclineAmount"] as const;

/** Records, or the body, of a command. */
export function contentOf(asked: Command): unknown {
  switch (asked.kind) {
    case "createAccounts":
      return decodeAccounts(asked.batch);
    case "createTransfers":
      return decodeTransfers(asked.batch);
    case "sessionOpen":
      return {};
    default:
      return asked.body;
  }
}

/** All that a command says, and its amounts as people write them. No cluster is asked: only currencies are known. */
export function commandText(asked: Command): string {
  const content = contentOf(asked);
  const assets = asked.kind === "createAsset" ? new Assets([asked.body]) : CURRENCIES_ONLY;
  const records = (Array.isArray(content) ? content : [content]) as readonly Readonly<Record<string, unknown>>[];
  const amounts = records.flatMap((record) => amountsOf(record, assets));
  return [`${asked.kind} ${toJson(content)}`, ...amounts.map(printableLine)].join("\n");
}

function amountsOf(record: Readonly<Record<string, unknown>>, assets: Assets): readonly string[] {
  const { id, ledger = 0, flags = 0 } = record as { id?: bigint; ledger?: number; flags?: number };
  const whose = id === undefined ? "" : ` of ${id}`;
  return AMOUNTS.flatMap((name) => {
    const amount = record[name];
    if (typeof amount !== "bigint") return [];
    return [`${name}${whose}: ${resolvesAll(amount, flags) ? "all that is held" : amountText(amount, ledger, assets)}`];
  });
}

/** A post of everything, or a void, which needs no amount. */
function resolvesAll(amount: bigint, flags: number): boolean {
  if ((flags & transferFlags.postPendingTransfer) !== 0) return amount === U128_MAX;
  return (flags & transferFlags.voidPendingTransfer) !== 0 && amount === 0n;
}

function amountText(amount: bigint, ledger: number, assets: Assets): string {
  if (assets.nameOf(ledger) !== `${ledger}`) return assets.formatAmount(amount, ledger);
  return `${amount} minor units${ledger === 0 ? "" : ` of ledger ${ledger}`}`;
}
