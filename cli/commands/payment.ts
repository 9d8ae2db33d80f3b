/** `quorate payment`: payments that exist. */
import type { CommandModule } from "yargs";
import { U32_MAX } from "../../node/base/bytes.ts";
import { QUERY_RESULTS_MAX } from "../../node/base/limits.ts";
import { ask } from "../../node/client/ask.ts";
import type { Command } from "../../node/client/index.ts";
import { PAYMENT_STATES } from "../../node/state/payments/payment.ts";
import { formatTime, parseId } from "../amounts.ts";
import { assetsFor, CLUSTER_OPTIONS, withReader } from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { whole } from "../numbers.ts";
import { type Output, table } from "../output.ts";
import { paymentText } from "../payment-text.ts";
import { SUBMIT_OPTIONS, type SubmitArguments, submitOne } from "../submit.ts";
import { answeredPayment } from "./pay.ts";

const WAIT_SECONDS = 10;

async function change(args: SubmitArguments, id: bigint, step: Command, output: Output): Promise<void> {
  if ((await submitOne(args, output, step)) === undefined) return;
  await print(args, id, WAIT_SECONDS, output);
}

async function print(args: SubmitArguments, id: bigint, waitSeconds: number, output: Output): Promise<void> {
  await withReader(args, async (client) => {
    const payment = await answeredPayment(client, id, waitSeconds);
    output.result(payment, paymentText(payment, await assetsFor(client, payment.ledger)));
  });
}

const show: CommandModule = command({
  command: "show <id>",
  describe: "everything that is known of a payment",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .positional("id", { type: "string", demandOption: true, describe: "payment id" })
      .example("$0 payment show 42", "state, risk verdict, channel and settlement window of payment 42"),
  handler: async (args, output) => {
    await print(args, parseId(args.id), 0, output);
  },
});

const list: CommandModule = command({
  command: "list",
  describe: "payments in the order of their creation",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .option("state", { choices: PAYMENT_STATES, describe: "only those in this state" })
      .option("limit", {
        type: "number",
        default: 20,
        coerce: whole("limit", 1, QUERY_RESULTS_MAX),
        describe: "how many at most",
      })
      .option("after", {
        type: "number",
        default: 0,
        coerce: whole("after", 0, U32_MAX),
        describe: "go on after this place: `next` of the page before",
      })
      .example("$0 payment list --state review", "what waits for a reviewer"),
  handler: async (args, output) => {
    const { state, limit, after } = args;
    const query = { type: "payments", after, limit, ...(state === undefined ? {} : { state }) } as const;
    const { payments, next, assets } = await withReader(args, async (client) => {
      const answer = await ask(client, query);
      return { ...answer, assets: await assetsFor(client, ...answer.payments.map(({ ledger }) => ledger)) };
    });
    const rows = payments.map((p) => [
      ...[formatTime(BigInt(p.createdAt)), p.id, p.channel, p.payer, p.payee],
      ...[assets.formatAmount(BigInt(p.amount), p.ledger), p.state, [...p.reasons, p.failure].join(" ")],
    ]);
    const heading = ["created", "payment", "channel", "payer", "payee", "amount", "state", "why"];
    output.result({ payments, next }, table([heading, ...rows]));
    if (next !== 0) output.note(`there are more: --after ${next}`);
  },
});

const capture: CommandModule = command({
  command: "capture <id>",
  describe: "take the money of an authorised payment",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS })
      .positional("id", { type: "string", demandOption: true, describe: "payment id" })
      .example("$0 payment capture 42", "takes what payment 42 holds"),
  handler: async (args, output) => {
    const id = parseId(args.id);
    await change(args, id, { kind: "capturePayment", body: { id } }, output);
  },
});

const release: CommandModule = command({
  command: "void <id>",
  describe: "give an authorised payment up",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS })
      .positional("id", { type: "string", demandOption: true, describe: "payment id" })
      .example("$0 payment void 42", "gives back what payment 42 holds"),
  handler: async (args, output) => {
    const id = parseId(args.id);
    await change(args, id, { kind: "voidPayment", body: { id } }, output);
  },
});

const review: CommandModule = command({
  command: "review <id> <decision>",
  describe: "decide on a payment that risk has set aside; for operators",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS })
      .positional("id", { type: "string", demandOption: true, describe: "payment id" })
      .positional("decision", { choices: ["approve", "reject"] as const, demandOption: true, describe: "what to do" })
      .example("$0 payment review 42 approve", "payment 42 goes on"),
  handler: async (args, output) => {
    const id = parseId(args.id);
    await change(args, id, { kind: "reviewPayment", body: { id, decision: args.decision } }, output);
  },
});

export const payment: CommandModule = group("payment", "look at payments, capture, void and review them", [
  ...[show, list, capture, release, review],
]);
