/**
 * Runs in which the last copy of something may be destroyed: what was lost that nothing could have kept, and whether those
 * who cannot go on say so. A node that takes no part needs a reason: its disk is gone, a block is nowhere any more, or so
 * many have lost the end of their logs that nobody can lead who knows it.
 *
 * Nothing here excuses an answer: whatever is lost, all rules about what nodes say and do hold to the end.
 */
import type { NodeId } from "../node/base/ids.ts";
import type { CommittedChain } from "./check/committed-chain.ts";
import { areQuorum, type Configurations } from "./check/configurations.ts";
import { LastCopies } from "./check/last-copies.ts";
import type { Moment } from "./check/verdict.ts";
import type { Cluster, Standing } from "./cluster.ts";
import type { Holding } from "./holding.ts";
import type { Refusal, UnavoidableHalt, UnavoidableLoss } from "./unavoidable.ts";

/** What a node says of damage to its log that has no other to ask. */
const ALONE: ReadonlySet<string> = new Set(["wal_damaged", "wal_missing_segment", "wal_read_failed"]);
/** All disks are looked at so often while a run comes to rest. */
const LOOK_MS = 1_000;

export interface GivenUpDeps {
  readonly cluster: () => Pick<Cluster, "ids" | "holdings" | "standing" | "refusedWith" | "inForce">;
  readonly rules: {
    readonly chain: Pick<CommittedChain, "height" | "headerAt">;
    readonly configurations: Pick<Configurations, "newest">;
  };
  /** Whether logs give up what lies before a checkpoint. */
  readonly logsForget: boolean;
  readonly now: () => Moment;
}

export class GivenUp {
  readonly #deps: GivenUpDeps;
  readonly #copies: LastCopies;
  #holdings: readonly Holding[] = [];
  #lookedAtMs = 0;
  /** When too few were left first that know how their logs end. */
  #leaderless: Moment | undefined;

  constructor(deps: GivenUpDeps) {
    this.#deps = deps;
    this.#copies = new LastCopies(deps.rules.chain, deps.logsForget, deps.now);
  }

  /** Something may be on no disk any more. */
  look(): void {
    const { cluster, now } = this.#deps;
    this.#lookedAtMs = now().atMs;
    this.#holdings = cluster().holdings();
    this.#copies.look(this.#holdings);
    const knowing = this.#holdings.filter((holding) => this.#knowsItsEnd(holding)).map(({ node }) => node);
    if (this.#canHaveQuorum((node) => knowing.includes(node))) this.#leaderless = undefined;
    else this.#leaderless ??= now();
  }

  /** Whether a node may stop itself with this code: it is one that says what is lost, and so it is. */
  mayRefuse(node: NodeId, code: string): boolean {
    if (ALONE.has(code)) return this.#isAlone(node);
    if (code !== "blocks_lost") return false;
    this.look();
    // The only member asks those that may yet become one, but not who has left and may have what it lacks.
    const lacksAlone = this.#isAlone(node) && !this.#isWhole(node);
    return lacksAlone || this.#copies.lost.length > 0 || this.#leaderless !== undefined;
  }

  /** Nodes that take no part and need not. */
  excused(): readonly NodeId[] {
    if (this.#deps.now().atMs - this.#lookedAtMs >= LOOK_MS) this.look();
    const cluster = this.#deps.cluster();
    return cluster.ids.filter((node) => this.#isExcused(node, cluster.standing(node)));
  }

  /** Whether those who need not take part are so many that nobody can lead. */
  isHalted(): boolean {
    const excused = this.excused();
    return !this.#canHaveQuorum((node) => !excused.includes(node));
  }

  /** What was lost, undefined where nothing was. */
  get loss(): UnavoidableLoss | undefined {
    const { since, lost } = this.#copies;
    return since === undefined ? undefined : { ...since, heights: rowsOf(lost), refusals: this.#refusals() };
  }

  /** How it came that a cluster has halted. */
  get halt(): UnavoidableHalt {
    return { ...(this.#leaderless ?? this.#deps.now()), refusals: this.#refusals() };
  }

  #isExcused(node: NodeId, standing: Standing): boolean {
    if (standing === "running" || standing === "down") return false;
    if (standing !== "mending") return true;
    const own = this.#holdings.find((holding) => holding.node === node);
    // What is behind a checkpoint comes from one that a quorum vouches for, which there may be none of.
    return own === undefined || !this.#knowsItsEnd(own) || this.#deps.logsForget || !this.#copies.canBeWhole(own);
  }

  #isWhole(node: NodeId): boolean {
    const own = this.#holdings.find((holding) => holding.node === node);
    return own !== undefined && this.#knowsItsEnd(own) && this.#copies.isWhole(own);
  }

  #isAlone(node: NodeId): boolean {
    const { voters, outgoing, learners } = this.#deps.rules.configurations.newest;
    return [...voters, ...outgoing, ...learners].every((member) => member === node);
  }

  /** What was not committed, and is missing, only a leader can say. */
  #knowsItsEnd({ endIsLost, isWholeBehind }: Holding): boolean {
    return !endIsLost && isWholeBehind(this.#deps.rules.chain.height);
  }

  #canHaveQuorum(holds: (node: NodeId) => boolean): boolean {
    const { cluster, rules } = this.#deps;
    return [...cluster().inForce(), rules.configurations.newest].every((one) => areQuorum(one, holds));
  }

  #refusals(): readonly Refusal[] {
    const cluster = this.#deps.cluster();
    return this.excused().map((node) => ({ node, how: cluster.refusedWith(node) ?? cluster.standing(node) }));
  }
}

/** Numbers that follow one another, as rows. */
function rowsOf(numbers: readonly number[]): readonly (readonly [number, number])[] {
  const rows: [number, number][] = [];
  for (const number of numbers) {
    const last = rows.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else rows.push([number, number]);
  }
  return rows;
}
