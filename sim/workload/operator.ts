/**
 * One who changes the members of the cluster: nodes join as voters or learners, are promoted, demoted, replaced and removed,
 * the leader like any other; those that have lost their disks begin again; and some of what is asked makes no sense. The
 * oracle knows what must be answered. The next change is asked for when the one before is wanted, which is long before it is
 * in force.
 */
import { must } from "../../node/base/assert.ts";
import type { NodeId } from "../../node/base/ids.ts";
import type { Random } from "../../node/base/ports/random.ts";
import { DEMOTING_RELEASE } from "../../node/base/release.ts";
import { decodeAnswer, encodeQuery } from "../../node/state/queries.ts";
import type { ChangeMembersBody, NewNode } from "../../node/wire/kinds.ts";
import type { History } from "../check/history.ts";
import type { PastMembers } from "../check/past-members.ts";
import type { Verdict } from "../check/verdict.ts";
import { chance, pick } from "../draw.ts";
import type { Reached } from "../reached.ts";
import type { OperatorOptions } from "./options.ts";
import type { Receipts } from "./receipts.ts";
import { codeOf, type SimClient } from "./sim-client.ts";

/** With so few voters or less, a node is mostly not removed without another in its place. */
const FEW_VOTERS = 2;
/** With so many voters or more, sometimes two are replaced by one. */
const MANY_VOTERS = 4;
/** How often a node whose disk is lost begins again at its address; else another takes its place elsewhere. */
const AT_ITS_ADDRESS_PERMILLE = 500;

/** What is to be known of a node that may be added. */
export type Addable = Omit<NewNode, "voter">;

export interface OperatorDeps {
  readonly random: Random;
  readonly client: SimClient;
  readonly receipts: Receipts;
  readonly verdict: Verdict;
  readonly history: Pick<History, "heights">;
  readonly pastMembers: PastMembers;
  readonly reached: Reached;
  /** All nodes in the order of their ids, the first so many of which are members from the beginning. */
  readonly nodes: readonly Addable[];
  readonly founders: number;
  /** Takes a node and its disk away for good; false where the others could not do without it. */
  readonly lose: (node: NodeId) => boolean;
  /** Stops a node that is no member yet, for its machine is not there; and starts it. */
  readonly remove: (node: NodeId) => void;
  readonly start: (node: NodeId) => void;
  /** Whether most of these have their data, so that they may be asked to vote. One who is at work looks at that first. */
  readonly mayWant: (voters: readonly NodeId[]) => boolean;
  /** Of the last block that was executed anywhere. */
  readonly release: () => number;
}

type Ask = keyof OperatorOptions["mix"];
type Role = "voter" | "learner" | "removed";
type Address = Pick<NewNode, "host" | "port">;

/** A command that asks the cluster for several things, one after the other. */
interface Command {
  readonly steps: readonly ChangeMembersBody[];
  readonly done: () => void;
}

export class Operator {
  readonly #deps: OperatorDeps;
  readonly #kinds: readonly Ask[];
  /** What each node that was ever a member is to be, in the order of their ids. */
  readonly #roles: Role[];
  /** Where each of them is. */
  readonly #addresses: Address[];
  /** What was begun and is not done yet: nothing else is asked for until it is. */
  #command: Command | undefined;

  constructor(deps: OperatorDeps, { mix }: OperatorOptions) {
    this.#deps = deps;
    const weights = Object.entries(mix) as [Ask, number][];
    this.#kinds = weights.flatMap(([kind, weight]) => Array.from({ length: weight }, () => kind));
    this.#roles = Array.from({ length: deps.founders }, () => "voter");
    this.#addresses = deps.nodes.slice(0, deps.founders);
  }

  /** Asks for something, unless it waits for an answer or cannot be asked for now. */
  next(): void {
    const { random, client } = this.#deps;
    if (client.open > 0) return;
    if (this.#command !== undefined) {
      this.#goOn(this.#command);
      return;
    }
    const kind = pick(random, this.#kinds);
    switch (kind) {
      case "list":
        this.#list();
        break;
      case "scrub":
        this.#scrub();
        break;
      case "rejoin":
        this.#rejoin();
        break;
      default: {
        const asked = this.#body(kind);
        if (asked === undefined) return;
        const body = changeOf(asked);
        if (kind === "nonsense" || this.#deps.mayWant(this.#votersAfter(body))) this.#submit(body);
      }
    }
  }

  /**
   * A node that has lost its disk cannot come back under its id, nor with its key. As `quorate member rejoin` has it, a new
   * one begins in its place, or as `member replace` has it, elsewhere: who there is; a learner, for which the one before it
   * leaves at once where it has its address; its vote, for which that one leaves otherwise. Then the new one is started.
   */
  #rejoin(): void {
    const { random, nodes, lose, remove, start, reached } = this.#deps;
    const node = nodes[this.#roles.length];
    if (node === undefined) return;
    const id = this.#roles.length + 1;
    const lost = pick(random, [...this.#having("voter"), ...this.#having("learner")]);
    const isRejoin = chance(random, AT_ITS_ADDRESS_PERMILLE);
    if (!lose(lost)) return;
    remove(id);
    const place = isRejoin ? must(this.#addresses[lost - 1], "a member has an address") : node;
    const entering = { publicKey: node.publicKey, host: place.host, port: place.port, voter: false };
    const promote = this.#roles[lost - 1] === "voter" ? [id] : [];
    const later = changeOf({ promote, remove: isRejoin ? [] : [lost] });
    const command: Command = {
      steps: [changeOf({ add: [entering], remove: isRejoin ? [lost] : [] }), ...(isNothing(later) ? [] : [later])],
      done: () => {
        reached.add(isRejoin ? "lostNodeRejoined" : "lostNodeReplaced");
        start(id);
      },
    };
    this.#command = command;
    this.#list(() => this.#goOn(command));
  }

  /** Asks for the next thing that a command asks for, as soon as it may be wanted. */
  #goOn({ steps: [step, ...steps], done }: Command): void {
    if (step === undefined) {
      this.#command = undefined;
      done();
    } else if (this.#deps.mayWant(this.#votersAfter(step))) {
      this.#submit(step, () => {
        this.#command = { steps, done };
        this.#goOn(this.#command);
      });
    }
  }

  #list(then: () => void = () => {}): void {
    const { client, verdict, history, pastMembers, reached } = this.#deps;
    const query = encodeQuery({ type: "members" });
    client.ask({ kind: "query", query, consistency: "linearizable" }, (outcome, times) => {
      if (outcome.kind !== "answer") {
        verdict.fail("refusals", `the operator asked who there is, and got ${codeOf(outcome)}`);
        return;
      }
      const shown = decodeAnswer("members", outcome.answer);
      history.heights.read(shown.height, times);
      pastMembers.read(shown);
      reached.add("membersListed");
      then();
    });
  }

  #scrub(): void {
    const { client, verdict } = this.#deps;
    client.ask({ kind: "query", query: encodeQuery({ type: "scrub" }), consistency: "local" }, (outcome) => {
      // A node that lags does not know the operator yet.
      const isRight = outcome.kind === "answer" || codeOf(outcome) === "unknown_key";
      verdict.expect(isRight, "refusals", () => `the operator had a node scrubbed: ${codeOf(outcome)}`);
    });
  }

  #body(kind: Exclude<Ask, "list" | "scrub" | "rejoin">): Partial<ChangeMembersBody> | undefined {
    switch (kind) {
      case "addVoter":
        return this.#add(true);
      case "addLearner":
        return this.#add(false);
      case "promote":
        return this.#promote();
      case "demote":
        return this.#demote();
      case "remove":
        return this.#remove();
      case "replace":
        return this.#replace();
      case "nonsense":
        return this.#nonsense();
      case "lostDisk":
        return this.#lose();
    }
  }

  #add(voter: boolean): Partial<ChangeMembersBody> | undefined {
    const node = this.#deps.nodes[this.#roles.length];
    return node === undefined ? undefined : { add: [{ ...node, voter }] };
  }

  #promote(): Partial<ChangeMembersBody> | undefined {
    const learners = this.#having("learner");
    return learners.length === 0 ? undefined : { promote: [pick(this.#deps.random, learners)] };
  }

  /** With so few voters or less it mostly stays one, for nobody takes its place. */
  #demote(): Partial<ChangeMembersBody> | undefined {
    const { random } = this.#deps;
    const voters = this.#having("voter");
    if (voters.length === 1 || (voters.length <= FEW_VOTERS && chance(random, 900))) return undefined;
    return { demote: [pick(random, voters)] };
  }

  #remove(): Partial<ChangeMembersBody> | undefined {
    const { random } = this.#deps;
    const [voters, learners] = [this.#having("voter"), this.#having("learner")];
    if (learners.length > 0 && chance(random, 300)) return { remove: [pick(random, learners)] };
    if (voters.length === 1 || (voters.length <= FEW_VOTERS && chance(random, 900))) return undefined;
    return { remove: [pick(random, voters)] };
  }

  /** A voter gives way to a new node, or to a learner; sometimes another leaves, too. */
  #replace(): Partial<ChangeMembersBody> | undefined {
    const { random } = this.#deps;
    const voters = this.#having("voter");
    const gone = pick(random, voters);
    const others = voters.filter((id) => id !== gone);
    const remove = others.length >= MANY_VOTERS - 1 && chance(random, 300) ? [gone, pick(random, others)] : [gone];
    const joins = this.#add(true) ?? this.#promote();
    return joins === undefined ? undefined : { ...joins, remove };
  }

  /** A node that has lost its disk does not come back: it would not know what it has promised. */
  #lose(): Partial<ChangeMembersBody> | undefined {
    const voters = this.#having("voter");
    const lost = pick(this.#deps.random, voters);
    return this.#deps.lose(lost) ? { ...(this.#add(true) ?? this.#promote()), remove: [lost] } : undefined;
  }

  #nonsense(): Partial<ChangeMembersBody> | undefined {
    const { random, nodes } = this.#deps;
    const known = nodes.slice(0, this.#roles.length);
    const next = nodes[known.length];
    const [voters, removed] = [this.#having("voter"), this.#having("removed")];
    const learners = this.#having("learner");
    const joined = known.slice(this.#deps.founders);
    const { publicKey } = pick(random, known);
    const choices: Partial<ChangeMembersBody>[] = [
      { remove: [nodes.length + 1] },
      { promote: [pick(random, voters)] },
      { remove: voters },
      { demote: voters },
      ...learners.map((id) => ({ demote: [id] })),
      { add: [{ publicKey, host: "another", port: 1, voter: true }], remove: [pick(random, voters)] },
      ...removed.flatMap((id) => [{ remove: [id] }, { promote: [id] }, { demote: [id] }]),
      ...joined.map(({ host, port }) => ({ add: [{ publicKey, host, port, voter: false }] })),
      ...(next === undefined
        ? []
        : [{ add: [next, { ...next, host: "another" }].map((one) => ({ ...one, voter: true })) }]),
    ];
    return pick(random, choices);
  }

  /** `then` is for what is not refused by any cluster. */
  #submit(body: ChangeMembersBody, then?: () => void): void {
    const { client, receipts, verdict, reached } = this.#deps;
    const transaction = client.sign({ kind: "changeMembers", body });
    const tooEarly = body.demote !== undefined && this.#deps.release() < DEMOTING_RELEASE;
    client.ask({ kind: "submit", transaction }, (outcome) => {
      if (tooEarly && codeOf(outcome) === "malformed_body") {
        reached.add("demotionTooEarly");
        return;
      }
      if (outcome.kind !== "receipt") {
        verdict.fail("refusals", `the operator got ${codeOf(outcome)}`);
        return;
      }
      const { result } = receipts.accept(transaction, outcome.receipt);
      if (result.status === "ok") this.#changed(body);
      if (then === undefined) return;
      verdict.expect(
        result.status === "ok",
        "refusals",
        () => `the operator goes by the book, and got ${result.status}`,
      );
      then();
    });
  }

  #changed({ add, remove, promote, demote = [] }: ChangeMembersBody): void {
    for (const id of remove) this.#roles[id - 1] = "removed";
    for (const id of promote) this.#roles[id - 1] = "voter";
    for (const id of demote) this.#roles[id - 1] = "learner";
    for (const { voter, host, port } of add) {
      this.#roles.push(voter ? "voter" : "learner");
      this.#addresses.push({ host, port });
    }
  }

  #votersAfter({ add, remove, promote, demote = [] }: ChangeMembersBody): readonly NodeId[] {
    const added = add.flatMap(({ voter }, index) => (voter ? this.#roles.length + index + 1 : []));
    const gone = [...remove, ...demote];
    return [...this.#having("voter").filter((id) => !gone.includes(id)), ...promote, ...added];
  }

  #having(role: Role): NodeId[] {
    const ids = this.#roles.map((_, index) => index + 1);
    return ids.filter((id) => must(this.#roles[id - 1], "a member has a role") === role);
  }
}

function changeOf(asked: Partial<ChangeMembersBody>): ChangeMembersBody {
  return { add: [], remove: [], promote: [], ...asked };
}

function isNothing({ add, remove, promote }: ChangeMembersBody): boolean {
  return add.length + remove.length + promote.length === 0;
}
