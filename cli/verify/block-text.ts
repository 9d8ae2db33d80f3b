/** Blocks of a log as lines for people. */
import { type Configuration, sameConfiguration } from "../../node/base/configuration.ts";
import { formatTime } from "../amounts.ts";
import type { BlockView, TransactionView } from "./log-view.ts";

const KEY_DIGITS = 16;

/** Members are named where they are first seen, and where they are others than in the block before. */
export function blocksText(blocks: readonly BlockView[]): string {
  return blocks.map((block, place) => blockText(block, blocks[place - 1]?.configuration)).join("\n");
}

function blockText(block: BlockView, before: Configuration | undefined): string {
  const { height, builder, term, timestamp, hash, state, configuration, transactions, bytes } = block;
  const said = `state ${state.digest.slice(0, KEY_DIGITS)} after ${state.height}`;
  const by = builder === 0 ? "" : ` by node ${builder}`;
  const heading = `${height} ${hash} term ${term}${by}, ${formatTime(timestamp)}, ${bytes} bytes, leader's ${said}`;
  const isKnown = before !== undefined && sameConfiguration(before, configuration);
  return [heading, ...(isKnown ? [] : [membersLine(configuration)]), ...transactions.map(transactionLine)].join("\n");
}

function membersLine(configuration: Configuration): string {
  const roles = (["voters", "outgoing", "learners"] as const).filter((role) => configuration[role].length > 0);
  return `  ${roles.map((role) => `${role} ${configuration[role].join(" ")}`).join(", ")}`;
}

function transactionLine({ kind, session, sequence, signers, bodyBytes, records }: TransactionView): string {
  const what = records === undefined ? `${bodyBytes} bytes` : `${records} records`;
  const keys = signers.map((key) => key.slice(0, KEY_DIGITS)).join(" ");
  return `  ${kind} (${what}), session ${session.slice(0, KEY_DIGITS)} number ${sequence}, signed by ${keys}`;
}
