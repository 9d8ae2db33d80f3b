/** `quorate settlement`: windows and net positions. */
import type { CommandModule } from "yargs";
import { ask } from "../../node/client/ask.ts";
import type { WindowView } from "../../node/state/queries.ts";
import { type Assets, formatTime } from "../amounts.ts";
import { assetsNamed, CLUSTER_OPTIONS, withReader } from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { EXIT, table } from "../output.ts";
import { SUBMIT_OPTIONS, submitOne } from "../submit.ts";

const LEDGER = { type: "string", demandOption: true, describe: "currency such as EUR, or an asset" } as const;

function timeOf(ns: string): string {
  return ns === "0" ? "-" : formatTime(BigInt(ns));
}

/** A window with its positions, for people. */
export function windowText(window: WindowView, ledger: number, assets: Assets): string {
  const amount = (text: string): string => assets.formatAmount(BigInt(text), ledger);
  const failure = window.failure === "" ? "" : ` (${window.failure})`;
  const head = [
    `window ${window.id}: ${window.state}${failure}, ${window.payments} payments, gross ${amount(window.gross)}, net ${amount(window.net)}`,
    `opened ${timeOf(window.openedAt)}, closes ${timeOf(window.closesAt)}, closed ${timeOf(window.closedAt)}`,
  ];
  if (window.positions.length === 0) return head.join("\n");
  const rows = window.positions.map((p) => [p.name, amount(p.debit), amount(p.credit), amount(p.net)]);
  return [...head, table([["participant", "pays", "receives", "net"], ...rows])].join("\n");
}

const show: CommandModule = command({
  command: "show",
  describe: "the newest windows of a currency with the net position of each participant",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ledger: LEDGER })
      .example("$0 settlement show --ledger EUR", "windows in euros, and who owes what"),
  handler: async (args, output) => {
    const assets = await assetsNamed(args, args.ledger);
    const ledger = assets.ledgerOf(args.ledger);
    const answer = await withReader(args, async (client) => await ask(client, { type: "settlement", ledger }));
    const text = answer.windows.map((window) => windowText(window, ledger, assets)).join("\n\n");
    output.result(
      { ledger, windows: answer.windows },
      text === "" ? "settlement is not set up in this currency" : text,
    );
  },
});

const close: CommandModule = command({
  command: "close",
  describe: "close the open window of a currency now, and settle it; for operators",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS, ledger: LEDGER })
      .example("$0 settlement close --ledger EUR", "settles what has been paid so far"),
  handler: async (args, output) => {
    const ledger = (await assetsNamed(args, args.ledger)).ledgerOf(args.ledger);
    const outcome = await submitOne(args, output, { kind: "closeSettlement", body: { ledger } });
    if (outcome === undefined) return EXIT.done;
    const { result, height } = outcome;
    const { window, state, payments } = result;
    output.result(
      { window, state, payments, height },
      `window ${String(window)} is ${String(state)}: ${String(payments)} payments`,
    );
    return state === "failed" ? EXIT.failed : EXIT.done;
  },
});

export const settlement: CommandModule = group("settlement", "settlement windows and net positions", [show, close]);
