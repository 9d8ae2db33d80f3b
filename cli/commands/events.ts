/** `quorate events`: the stream of changes, for programs that follow the ledger. */
import type { CommandModule } from "yargs";
import { U64_MAX } from "../../node/base/bytes.ts";
import { CodedError } from "../../node/base/errors.ts";
import { ask } from "../../node/client/ask.ts";
import type { QuorateClient, SeenChangeEvent } from "../../node/client/index.ts";
import { accountFlags, transferFlags } from "../../node/ledger/records.ts";
import { type Assets, CURRENCIES_ONLY, formatTime } from "../amounts.ts";
import { assetsFor, CLUSTER_OPTIONS, withReader } from "../cluster-access.ts";
import { command } from "../command.ts";
import { interruption } from "../interruption.ts";
import { whole } from "../numbers.ts";
import { toJson } from "../output.ts";
import { flagNames, TIME_OPTIONS } from "../reading.ts";

function parseCursor(text: string): bigint {
  if (/^\d{1,20}$/.test(text) && BigInt(text) <= U64_MAX) return BigInt(text);
  throw new CodedError("usage", `--from must be the cursor of an event, a whole number`);
}

function named(account: SeenChangeEvent["debitAccount"]): object | undefined {
  return account && { ...account, flags: flagNames(accountFlags, account.flags) };
}

function jsonLine({ debitAccount, creditAccount, transfer, ...event }: SeenChangeEvent): string {
  const flags = flagNames(transferFlags, transfer.flags);
  const accounts = { debitAccount: named(debitAccount), creditAccount: named(creditAccount) };
  return toJson({ ...event, transfer: { ...transfer, flags }, ...accounts });
}

function textLine({ cursor, timestamp, type, transfer, ledger }: SeenChangeEvent, assets: Assets): string {
  const { id, debitAccountId, creditAccountId, amount } = transfer;
  const what = `${id}  ${debitAccountId} -> ${creditAccountId}  ${assets.formatAmount(amount, ledger)}`;
  return `${cursor}  ${formatTime(timestamp)}  ${type}  ${what}`;
}

/** Throws for the cursor of an event that has not happened: it is another cluster's, or mistyped. */
async function assureThere(client: QuorateClient, cursor: bigint): Promise<void> {
  const { next } = await ask(client, { type: "changeEvents", cursor: cursor - 1n, limit: 1 });
  if (BigInt(next) >= cursor) return;
  throw new CodedError(
    "out_of_range",
    `there are fewer than ${cursor} events: --from is the cursor of one that was read`,
  );
}

export const events: CommandModule = command({
  command: "events",
  describe: "every transfer and expiry, in the order in which they happened, one a line; at least once, without gaps",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...TIME_OPTIONS })
      .option("from", {
        type: "string",
        coerce: parseCursor,
        describe: "go on behind this cursor: that of the last event that was handled",
      })
      .option("follow", { type: "boolean", default: false, describe: "wait for more, until Ctrl-C" })
      .option("limit", {
        type: "number",
        coerce: whole("limit", 1, Number.MAX_SAFE_INTEGER),
        describe: "end after so many",
      })
      .example("$0 events --follow --json", "everything from the beginning, and what comes")
      .example("$0 events --from 1042 --limit 10", "the ten after the one with cursor 1042"),
  handler: async (args, output) => {
    const { from, since, until, follow, limit = Number.POSITIVE_INFINITY } = args;
    const { signal, end } = interruption();
    let count = 0;
    let assets = CURRENCIES_ONLY;
    let last = from ?? 0n;
    await withReader(args, async (client) => {
      if (last > 0n) await assureThere(client, last);
      const range = {
        ...(since === undefined ? {} : { timestampMin: since }),
        ...(until === undefined ? {} : { timestampMax: until }),
      };
      for await (const event of client.events({ cursor: last, ...range, follow, signal })) {
        if (!output.json && assets.nameOf(event.ledger) === `${event.ledger}`) {
          assets = await assetsFor(client, event.ledger);
        }
        output.print(output.json ? jsonLine(event) : textLine(event, assets));
        last = event.cursor;
        count += 1;
        if (count >= limit) break;
      }
    });
    end();
    output.note(`${count} events; go on with --from ${last}`);
  },
});
