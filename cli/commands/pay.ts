/** `quorate pay`: one payment, through risk and its channel. */
import { setTimeout as sleep } from "node:timers/promises";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { ask } from "../../node/client/ask.ts";
import type { QuorateClient } from "../../node/client/index.ts";
import type { PaymentView } from "../../node/state/queries.ts";
import { CHANNELS } from "../../node/wire/kinds.ts";
import { parseId } from "../amounts.ts";
import { assetsNamed, CLUSTER_OPTIONS, newId, withReader } from "../cluster-access.ts";
import { command } from "../command.ts";
import { whole } from "../numbers.ts";
import { EXIT } from "../output.ts";
import { paymentText } from "../payment-text.ts";
import { SUBMIT_OPTIONS, submitOne } from "../submit.ts";

const POLL_MS = 100;
const WAIT_SECONDS_MAX = 3_600;
/** States in which the external network has not answered yet. */
const WAITING = ["authorizing", "capturing", "voiding"];
/** States in which the payer's money is held or has moved, or a person must decide. */
const WELL = ["authorized", "captured", "review"];

/** The payment once its network has answered, or as it is when `seconds` have passed. */
export async function answeredPayment(client: QuorateClient, id: bigint, seconds: number): Promise<PaymentView> {
  const deadline = Date.now() + seconds * 1_000;
  for (;;) {
    const { payment } = await ask(client, { type: "payment", id });
    if (payment === null) throw new CodedError("not_found", `there is no payment ${id} that you may see`);
    if (!WAITING.includes(payment.state) || Date.now() >= deadline) return payment;
    await sleep(POLL_MS);
  }
}

export const pay: CommandModule = command({
  command: "pay",
  describe: "make a payment; exit code 1 when it is declined or fails",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS })
      .option("id", { type: "string", describe: "its id; give the same again and nothing happens twice" })
      .option("payer", {
        type: "string",
        demandOption: true,
        describe: "account that pays, or a card holder's reference",
      })
      .option("payee", { type: "string", demandOption: true, describe: "account that is paid" })
      .option("amount", { type: "string", demandOption: true, describe: "such as 12.50" })
      .option("ledger", { type: "string", demandOption: true, describe: "currency such as EUR, or an asset" })
      .option("channel", { choices: CHANNELS, describe: "without it: wallet where the payer is an account, else card" })
      .option("card-token", { type: "string", describe: "token of the card to charge" })
      .option("capture", {
        choices: ["automatic", "manual"] as const,
        default: "automatic" as const,
        describe: "manual holds only",
      })
      .option("reference", { type: "string", describe: "text for the payee, at most 64 characters" })
      .option("wait", {
        type: "number",
        default: 10,
        coerce: whole("wait", 0, WAIT_SECONDS_MAX),
        describe: "seconds to wait for the card network",
      })
      .example("$0 pay --payer 7 --payee 8 --amount 12.50 --ledger EUR", "from wallet to wallet")
      .example("$0 pay --payer 99 --payee 8 --amount 5 --ledger EUR --card-token tok_1", "by card"),
  handler: async (args, output) => {
    const assets = await assetsNamed(args, args.ledger);
    const ledger = assets.ledgerOf(args.ledger);
    const id = args.id === undefined ? newId(Date.now()) : parseId(args.id);
    const { channel, reference } = args;
    const cardToken = args["card-token"];
    const body = {
      id,
      payer: parseId(args.payer),
      payee: parseId(args.payee),
      amount: assets.parseAmount(args.amount, ledger),
      ledger,
      capture: args.capture,
      ...(channel === undefined ? {} : { channel }),
      ...(cardToken === undefined ? {} : { cardToken }),
      ...(reference === undefined ? {} : { reference }),
    };
    const outcome = await submitOne(args, output, { kind: "createPayment", body });
    if (outcome === undefined) return EXIT.done;
    const { height } = outcome;
    const payment = await withReader(args, async (client) => await answeredPayment(client, id, args.wait));
    output.result({ ...payment, height }, paymentText(payment, assets));
    return WELL.includes(payment.state) ? EXIT.done : EXIT.failed;
  },
});
