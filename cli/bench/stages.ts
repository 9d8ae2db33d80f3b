/**
 * Where a node's time goes: the samples of a CPU profile by the stage of a request at which they were taken. Each counts for
 * the innermost function of its stack that belongs to a stage, so that hashing, encoding and Node's own code count for
 * whoever called them.
 */

/** Of a request, in the order in which it comes to them; then what is none of a request's. */
export type Stage =
  | ("decode" | "verify" | "append" | "send" | "apply" | "reply")
  | ("start" | "rest" | "garbage collection" | "idle");

export const STAGES: readonly Stage[] = [
  ...(["decode", "verify", "append", "send", "apply", "reply"] as const),
  ...(["start", "rest", "garbage collection", "idle"] as const),
];

/** What V8 writes with `--cpu-prof`, as far as it is needed here. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Of each sample, the node's id. */
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

const SPECIAL: Readonly<Record<string, Stage>> = { "(garbage collector)": "garbage collection", "(idle)": "idle" };

/** Loading the program and warming it up: whatever is called there belongs to no request. */
const START = /^(node\/warm-up\.js|node:internal\/modules\/)/;

/** `file#function`, and the first that fits counts. */
const PLACES: readonly (readonly [Stage, RegExp])[] = [
  ["verify", /^node\/(host\/node-crypto\.js#(isSigned|slice|verify)$|gateway\/signature-checks\.js)/],
  ["reply", /^node\/gateway\/(block-receipts|waiters)\.js|^node\/wire\/receipt\.js/],
  ["reply", /^node\/gateway\/gateway-actor\.js##(applied|answered|finish|endRequest|error|send)$/],
  [
    "decode",
    /^node\/gateway\/|^node:internal\/stream_base_commons#onStreamRead$|\/node_modules\/ws\/lib\/receiver\.js/,
  ],
  ["send", /^node\/transport\/(frame-writer|web-socket-frame|spare-buffer)\.js|^node\/replica\/raft-codec\.js#encode/],
  ["apply", /^node\/(ledger|state)\/|^storage\/state\/|^node\/replica\/(ledger-actor|checkpoint)/],
  ["append", /^(consensus|storage|node\/replica)\//],
];

/** Milliseconds by stage. */
export function timeByStage({ nodes, samples, timeDeltas }: CpuProfile): ReadonlyMap<Stage, number> {
  const stages = stageOfNodes(nodes);
  const times = new Map<Stage, number>(STAGES.map((stage) => [stage, 0]));
  samples.forEach((id, index) => {
    const stage = stages.get(id) ?? "rest";
    times.set(stage, (times.get(stage) ?? 0) + (timeDeltas[index] ?? 0) / 1_000);
  });
  return times;
}

/** From the root down: a node is of its caller's stage where it has none of its own. */
function stageOfNodes(nodes: readonly ProfileNode[]): ReadonlyMap<number, Stage> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const called = new Set(nodes.flatMap(({ children }) => children ?? []));
  const stages = new Map<number, Stage>();
  const open = nodes.filter(({ id }) => !called.has(id)).map((node) => ({ node, caller: "rest" as Stage }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, caller } = next;
    const stage = caller === "start" ? caller : (stageOf(node) ?? caller);
    stages.set(node.id, stage);
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child !== undefined) open.push({ node: child, caller: stage });
    }
  }
  return stages;
}

function stageOf({ callFrame: { functionName, url } }: ProfileNode): Stage | undefined {
  const place = `${inBuild(url)}#${functionName}`;
  if (START.test(place)) return "start";
  return SPECIAL[functionName] ?? PLACES.find(([, pattern]) => pattern.test(place))?.[0];
}

/** A file of this program as its path in the build; any other as it is. */
function inBuild(url: string): string {
  return /\/dist\/((?:cli|consensus|node|storage)\/.*)$/.exec(url)?.[1] ?? url;
}
