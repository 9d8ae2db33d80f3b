#!/usr/bin/env -S node --initial-old-space-size=256 --min-semi-space-size=16
/**
 * The `quorate` command: one executable for operators, researchers and clients. Exit code 0 for done, 1 for failed, 2 for
 * wrong use.
 */
import { hideBin } from "yargs/helpers";
import { NodeRandom } from "../../node/host/node-random.ts";
import { drawIdHash } from "../../node/ledger/id-hash.ts";
import { runQuorate } from "../run.ts";

const COLUMNS_MAX = 110;

// A terminal that is gone takes no word any more; whoever is ending cleans up all the same.
process.stderr.on("error", () => undefined);

// Clients choose ids, and must not know which of them collide.
drawIdHash(new NodeRandom());

const code = await runQuorate(hideBin(process.argv), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  terminal: process.stderr.isTTY,
  columns: Math.min(COLUMNS_MAX, process.stdout.columns ?? COLUMNS_MAX),
});
// What is still under way belongs to nobody: requests to a cluster that was stopped with the command, say.
process.stdout.write("", () => process.exit(code));
