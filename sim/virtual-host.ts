/** The ports of one incarnation of a node, each on virtual time, and watched by whoever follows the run. */
import type { NodeId } from "../node/base/ids.ts";
import type { Host } from "../node/base/ports/host.ts";
import type { Log } from "../node/base/ports/log.ts";
import type { Perturb, Perturbation } from "../node/base/ports/perturb.ts";
import type { Random } from "../node/base/ports/random.ts";
import type { Signer } from "../node/wire/transaction.ts";
import type { Counters } from "./counts.ts";
import { chance, exponential } from "./draw.ts";
import type { Process } from "./process.ts";
import type { Point, Reached } from "./reached.ts";
import type { Scheduler } from "./scheduler.ts";
import { virtualCipher } from "./virtual-cipher.ts";
import { type ClockError, VirtualClock } from "./virtual-clock.ts";
import { type KeyRing, virtualCrypto } from "./virtual-crypto.ts";
import type { VirtualDisk } from "./virtual-disk.ts";
import type { VirtualNetwork } from "./virtual-network.ts";
import type { VirtualOutside } from "./virtual-outside.ts";

const VERIFY_MEAN_US = 50;

/** What nodes say in their logs that is worth to have been reached. */
const SAID: Readonly<Record<string, Point>> = {
  "catch_up.fetched": "checkpointFetched",
  "checkpoint.dropped": "checkpointDropped",
  "checkpoint.unusable": "checkpointMissed",
  "mend.done": "logMended",
  "mend.end": "logEndAskedFor",
  "raft.disk_hangs": "hungDiskLeft",
  "repair.repaired": "blockRepaired",
};

export interface VirtualHostDeps {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly network: VirtualNetwork;
  readonly keys: KeyRing;
  readonly outside: VirtualOutside;
  readonly reached: Reached;
  readonly counters: Counters;
  /** Hears what a node says to a peer; whether it arrives is another matter. */
  readonly sent: (node: NodeId, to: NodeId, frame: Uint8Array) => void;
  /** A line for the trace; undefined when nobody listens. */
  readonly log?: (node: NodeId, text: string) => void;
}

/** What outlives a node's process, and how often that has started. */
export interface Machine {
  readonly id: NodeId;
  readonly key: Signer;
  readonly disk: VirtualDisk;
  readonly clock: ClockError;
  readonly lives: number;
}

export interface VirtualHostOptions {
  readonly nodes: readonly NodeId[];
  readonly encrypted: boolean;
  /** How often the rarer of two ways is taken, where the node's code has two. */
  readonly perturbPermille: Readonly<Record<Perturbation, number>>;
}

/** The host of a process on a machine, in a cluster of these nodes. */
export function virtualHost(
  deps: VirtualHostDeps,
  { id, key, disk, clock, lives }: Machine,
  process: Process,
  { nodes, encrypted, perturbPermille }: VirtualHostOptions,
): Host {
  const { scheduler, random, network, keys, outside, sent } = deps;
  const own = random.fork(`node ${id}`);
  const verifyDelays = own.fork("verify");
  const later = (run: () => void): void => {
    scheduler.after(exponential(verifyDelays, VERIFY_MEAN_US), () => process.run("verify", run));
  };
  return {
    clock: new VirtualClock(scheduler, process, clock),
    random: own,
    disk: disk.disk,
    store: disk.store,
    cipher: encrypted ? virtualCipher(id, lives) : undefined,
    network: network.port(process, nodes, (to, frame) => sent(id, to, frame)),
    outside: outside.port(process),
    crypto: virtualCrypto(keys, key, later),
    log: nodeLog(deps, id),
    perturb: perturbing(own.fork("perturb"), perturbPermille, deps.counters),
  };
}

function perturbing(random: Random, permille: VirtualHostOptions["perturbPermille"], counters: Counters): Perturb {
  return (place) => {
    const is = permille[place] > 0 && chance(random, permille[place]);
    if (is) counters.add(place);
    return is;
  };
}

function nodeLog({ log, reached }: VirtualHostDeps, node: NodeId): Log {
  const write = (event: string, fields: object = {}): void => {
    const point = SAID[event];
    if (point !== undefined) reached.add(point);
    if (log === undefined) return;
    const text = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`);
    log(node, [event, ...text].join(" "));
  };
  return { debug: () => undefined, info: write, warn: write, error: write };
}
