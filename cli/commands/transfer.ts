/** `quorate transfer`: one transfer, held, posted or voided. */
import type { CommandModule } from "yargs";
import { U32_MAX, U128_MAX } from "../../node/base/bytes.ts";
import { CodedError } from "../../node/base/errors.ts";
import { ask } from "../../node/client/ask.ts";
import { decodeTransfers, encodeTransfers, type Transfer, transferFlags } from "../../node/ledger/records.ts";
import type { ReverseTransferBody } from "../../node/wire/kinds.ts";
import { type Assets, parseId } from "../amounts.ts";
import {
  assetsFor,
  assetsNamed,
  CLUSTER_OPTIONS,
  type ClusterArguments,
  newId,
  withReader,
} from "../cluster-access.ts";
import { command } from "../command.ts";
import { U16_MAX, whole } from "../numbers.ts";
import { SUBMIT_OPTIONS, submitRecord } from "../submit.ts";

interface TransferArguments {
  readonly id?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly amount?: string | undefined;
  readonly ledger?: string | undefined;
  readonly code: number;
  readonly pending: boolean;
  readonly timeout: number;
  readonly post?: string | undefined;
  readonly void?: string | undefined;
  readonly reverse?: string | undefined;
}

const DEFAULT_CODE = 1;
const MOVES_NOTHING = transferFlags.pending | transferFlags.voidPendingTransfer;
const NOTHING = { debitAccountId: 0n, creditAccountId: 0n, ledger: 0, timeout: 0, pendingId: 0n };

function usage(message: string): CodedError {
  return new CodedError("usage", message);
}

/** The record that the arguments describe. */
function recordOf(args: TransferArguments, id: bigint, assets: Assets): Transfer {
  const userData = { userData128: 0n, userData64: 0n, userData32: 0 };
  const common = { ...NOTHING, id, ...userData, timestamp: 0n };
  const pending = args.post ?? args.void;
  if (pending !== undefined) {
    if (args.from !== undefined || args.to !== undefined || args.pending) {
      throw usage("--post and --void take accounts from the held transfer: leave out --from, --to and --pending");
    }
    const ledger = args.ledger === undefined ? undefined : assets.ledgerOf(args.ledger);
    if (args.amount !== undefined && ledger === undefined) throw usage("--amount needs --ledger, to know its decimals");
    // Everything that is held, where no amount is named.
    const everything = args.post === undefined ? 0n : U128_MAX;
    const amount = args.amount === undefined ? everything : assets.parseAmount(args.amount, ledger ?? 0);
    const flags = args.post === undefined ? transferFlags.voidPendingTransfer : transferFlags.postPendingTransfer;
    return { ...common, pendingId: parseId(pending), amount, ledger: ledger ?? 0, code: 0, flags };
  }
  const { from, to, amount } = args;
  if (from === undefined || to === undefined || amount === undefined || args.ledger === undefined) {
    throw usage("a transfer needs --from, --to, --amount and --ledger; or --post ID, --void ID or --reverse ID");
  }
  if (args.timeout > 0 && !args.pending) throw usage("--timeout is for --pending transfers");
  const ledger = assets.ledgerOf(args.ledger);
  const accounts = { debitAccountId: parseId(from), creditAccountId: parseId(to) };
  const flags = args.pending ? transferFlags.pending : 0;
  return {
    ...common,
    ...accounts,
    amount: assets.parseAmount(amount, ledger),
    ledger,
    code: args.code,
    timeout: args.timeout,
    flags,
  };
}

/** What to give back: the amount that is named, or all that is left of the transfer. */
async function reversalOf(
  args: TransferArguments & ClusterArguments,
  id: bigint,
  transfer: bigint,
): Promise<ReverseTransferBody> {
  if (args.from !== undefined || args.to !== undefined || args.pending) {
    throw usage("--reverse takes accounts from the transfer: leave out --from, --to and --pending");
  }
  if (args.timeout > 0 || args.code !== DEFAULT_CODE) throw usage("a reversal has no --timeout, and a code of its own");
  return await withReader(args, async (client) => {
    const [original] = decodeTransfers((await ask(client, { type: "transfers", ids: [transfer] })).records);
    const { amount: reversed } = await ask(client, { type: "reversed", id: transfer });
    if (original === undefined || reversed === null) {
      throw new CodedError("not_found", `there is no transfer ${transfer} that you may see`);
    }
    if ((original.flags & MOVES_NOTHING) !== 0) {
      const reason = `transfer ${transfer} moves nothing: what it holds is given up with --void, and what was posted is reversed by the id of the post`;
      throw new CodedError("wrong_state", reason);
    }
    const assets = await assetsFor(client, original.ledger, args.ledger ?? "");
    if (args.ledger !== undefined && assets.ledgerOf(args.ledger) !== original.ledger) {
      throw usage(`transfer ${transfer} is in ${assets.nameOf(original.ledger)}, not in ${args.ledger}`);
    }
    if (args.amount !== undefined) {
      return { id, transfer, amount: assets.parseAmount(args.amount, original.ledger) };
    }
    // Asked again with its id, it is the same reversal, whatever is left by now.
    const [again] = decodeTransfers((await ask(client, { type: "transfers", ids: [id] })).records);
    if (again !== undefined) return { id, transfer, amount: again.amount };
    const left = original.amount - BigInt(reversed);
    if (left === 0n) throw new CodedError("exceeds_original", `all of transfer ${transfer} has been given back`);
    return { id, transfer, amount: left };
  });
}

export const transfer: CommandModule = command({
  command: "transfer",
  describe: "move money between two accounts, or hold it, or post or void what is held",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS })
      .option("id", { type: "string", describe: "its id; give the same again and nothing happens twice" })
      .option("from", { type: "string", describe: "account to debit" })
      .option("to", { type: "string", describe: "account to credit" })
      .option("amount", { type: "string", describe: "such as 12.50" })
      .option("ledger", { type: "string", describe: "currency such as EUR, or an asset" })
      .option("code", {
        type: "number",
        default: DEFAULT_CODE,
        coerce: whole("code", 1, U16_MAX),
        describe: "what kind of transfer it is, 1 to 65535: your own numbers",
      })
      .option("pending", { type: "boolean", default: false, describe: "hold the money only" })
      .option("timeout", {
        type: "number",
        default: 0,
        coerce: whole("timeout", 0, U32_MAX),
        describe: "seconds after which a hold ends by itself; 0 for never",
      })
      .option("post", { type: "string", describe: "id of a held transfer to carry out" })
      .option("void", { type: "string", describe: "id of a held transfer to give up" })
      .option("reverse", { type: "string", describe: "id of a transfer to give back, wholly or to --amount" })
      .conflicts("post", ["void", "reverse"])
      .conflicts("void", "reverse")
      .example("$0 transfer --from 7 --to 8 --amount 12.50 --ledger EUR", "12.50 euros from account 7 to account 8")
      .example("$0 transfer --post 42", "carries out transfer 42, which was made with --pending")
      .example("$0 transfer --reverse 42 --amount 5", "5 of what transfer 42 moved go back, in its own currency"),
  handler: async (args, output) => {
    const id = args.id === undefined ? newId(Date.now()) : parseId(args.id);
    if (args.reverse !== undefined) {
      const body = await reversalOf(args, id, parseId(args.reverse));
      await submitRecord(args, { kind: "reverseTransfer", body }, output, id);
      return;
    }
    const batch = encodeTransfers([
      recordOf(args, id, await assetsNamed(args, ...(args.ledger === undefined ? [] : [args.ledger]))),
    ]);
    await submitRecord(args, { kind: "createTransfers", batch }, output, id);
  },
});
