/** CPU profiles of nodes, and a page of what they come to. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { table } from "../output.ts";
import { type CpuProfile, STAGES, type Stage, timeByStage } from "./stages.ts";
import type { Synced } from "./target.ts";

const BREAKDOWN = "breakdown.txt";

/** A directory of profiles: `node-1.cpuprofile` of each node, written when its process ends. */
export class Profiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = resolve(directory);
    mkdirSync(this.#directory, { recursive: true });
  }

  /** Options of Node.js for a node. */
  argumentsFor(id: number): readonly string[] {
    return ["--cpu-prof", `--cpu-prof-dir=${this.#directory}`, `--cpu-prof-name=${fileOf(id)}`];
  }

  /** Reads the profiles of nodes that have ended, and writes the breakdown; tells its path. Syncs are beside the profiles. */
  writeBreakdown(heading: string, nodes: ReadonlyMap<number, Synced>): string {
    const columns = [...nodes].map(([id, synced]): Column => {
      const profile = JSON.parse(readFileSync(join(this.#directory, fileOf(id)), "utf8")) as CpuProfile;
      return { id, synced, times: timeByStage(profile) };
    });
    const path = join(this.#directory, BREAKDOWN);
    writeFileSync(path, `${heading}\n\n${breakdownText(columns)}\n`);
    return path;
  }
}

function fileOf(id: number): string {
  return `node-${id}.cpuprofile`;
}

const EXPLANATION = `
Milliseconds of each process from its start to its end, and what part of them, by where its only thread of JavaScript was. The line
fsync is beside the others: the disk works while that thread goes on, and of two syncs at once both count.

decode   reading from sockets, decoding, admission      send    writing to sockets, to peers and clients
verify   signatures of transactions                     apply   state machine, ledger, checkpoints
append   consensus, blocks, the log                     reply   receipts and answers, made and encoded
start    loading the program and warming it up          rest    all other functions, the system`;

interface Column {
  readonly id: number;
  readonly times: ReadonlyMap<Stage, number>;
  readonly synced: Synced;
}

function breakdownText(columns: readonly Column[]): string {
  const row = (name: string, timeOf: (column: Column) => number): readonly (string | number)[] => [
    name,
    ...columns.flatMap((column) => {
      const all = [...column.times.values()].reduce((sum, time) => sum + time, 0);
      return [Math.round(timeOf(column)), `${((timeOf(column) / all) * 100).toFixed(1)} %`];
    }),
  ];
  const rows = STAGES.flatMap((stage) => {
    const ofStage = row(stage, ({ times }) => times.get(stage) ?? 0);
    return stage === "append" ? [ofStage, row("fsync", ({ synced }) => synced.syncMs)] : [ofStage];
  });
  const heading = ["stage", ...columns.flatMap(({ id }) => [`node-${id}, ms`, ""])];
  const syncs = columns.map(({ id, synced }) => `node-${id} ${synced.syncs}`);
  return `${table([heading, ...rows])}\n\nsyncs: ${syncs.join(", ")}\n${EXPLANATION}`;
}
