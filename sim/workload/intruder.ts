/**
 * One who has read everything that was ever executed, has no key that counts, and tries what can be tried: frames that
 * are no frames, greetings with others' keys, for another cluster, altered, and as clients or it have said them,
 * transactions that were altered, cut, signed by the wrong key or for another cluster, and true ones once more. Nothing of it
 * may be executed but what somebody has signed (`check/authenticity.ts`), once (`check/exactly-once.ts`), and no node may stop
 * for it.
 */
import { must } from "../../node/base/assert.ts";
import { equalBytes } from "../../node/base/bytes.ts";
import type { NodeId } from "../../node/base/ids.ts";
import type { Random } from "../../node/base/ports/random.ts";
import { encodeQuery } from "../../node/state/queries.ts";
import { decodeNodeFrame, encodeClientFrame, helloDigest, type NodeFrame } from "../../node/wire/client-frames.ts";
import {
  cosignTransaction,
  decodeTransaction,
  encodeTransaction,
  type Signer,
  signingDigest,
} from "../../node/wire/transaction.ts";
import type { Authenticity } from "../check/authenticity.ts";
import type { Verdict } from "../check/verdict.ts";
import { chance, flipped, pick, randomBytes } from "../draw.ts";
import type { Point, Reached } from "../reached.ts";
import { sha256 } from "../virtual-crypto.ts";
import type { ClientConnection, VirtualNetwork } from "../virtual-network.ts";
import type { IntruderOptions, Trick } from "./options.ts";

const GREETINGS_MAX = 64;
const GREETINGS = [
  ...(["true", "true", "true", "true", "true"] as const),
  ...(["altered", "anothersKey", "overheard", "overheard", "foreign", "none"] as const),
] as const;
type Greeting = (typeof GREETINGS)[number];
/** What each greeting is, where it is a wrong one. */
const GREETED: Readonly<Partial<Record<Greeting, Point>>> = {
  altered: "greetingAltered",
  anothersKey: "greetingForged",
  overheard: "greetingReplayed",
  foreign: "greetingForeign",
};
/** What of a transaction is wrong. */
const TRIED: Readonly<Partial<Record<Trick, Point>>> = {
  ...{ altered: "transactionAltered", cut: "transactionAltered", longer: "transactionAltered" },
  ...{ resigned: "transactionForged", swapped: "transactionForged", cosigned: "transactionForged" },
  again: "transactionReplayed",
  foreign: "transactionForeign",
};

const WHO_THERE_IS = encodeQuery({ type: "members" });
/** Tricks whose transaction bears a true signature of somebody, so that it may have an outcome. */
const TRUE: readonly Trick[] = ["again", "cosigned", "resigned"];

export interface IntruderDeps {
  readonly network: Pick<VirtualNetwork, "connect">;
  readonly random: Random;
  readonly verdict: Verdict;
  readonly reached: Reached;
  readonly authenticity: Pick<Authenticity, "executed" | "greetings">;
  readonly clusterId: Uint8Array;
  readonly nodes: readonly NodeId[];
  readonly endpoint: number;
  /** A key that no authority has. */
  readonly signer: Signer;
  /** One that has a key in another cluster, too. */
  readonly careless: Signer;
}

export class Intruder {
  readonly #deps: IntruderDeps;
  readonly #tricks: readonly Trick[];
  #connection: ClientConnection | undefined;
  #isWelcome = false;
  #greetings: Uint8Array[] = [];
  #nextRequest = 1;
  readonly #tried = new Map<number, Trick>();

  constructor(deps: IntruderDeps, { mix }: Pick<IntruderOptions, "mix">) {
    this.#deps = deps;
    const weights = Object.entries(mix) as [Trick, number][];
    this.#tricks = weights.flatMap(([trick, weight]) => Array.from({ length: weight }, () => trick));
  }

  /** Tries something, or comes by once more where it was shown out. */
  next(): void {
    const { random } = this.#deps;
    if (this.#connection === undefined) this.#connect();
    else if (this.#isWelcome || chance(random, 200)) this.#try(pick(random, this.#tricks));
    else if (chance(random, 100)) this.#leave();
  }

  #connect(): void {
    const { network, random, nodes, endpoint } = this.#deps;
    const connection: ClientConnection | undefined = network.connect(endpoint, pick(random, nodes), {
      frame: (frame) => {
        if (connection !== undefined && connection === this.#connection) this.#hear(connection, decodeNodeFrame(frame));
      },
      closed: () => {
        if (connection === this.#connection) this.#forget();
      },
    });
    this.#connection = connection;
  }

  #leave(): void {
    this.#connection?.close();
    this.#forget();
  }

  #forget(): void {
    this.#connection = undefined;
    this.#isWelcome = false;
    this.#tried.clear();
  }

  #hear(connection: ClientConnection, frame: NodeFrame): void {
    if (frame.type === "challenge") this.#greet(connection, frame);
    else if (frame.type === "welcome") this.#isWelcome = true;
    else if (frame.type === "error") this.#deps.reached.add("intruderRefused");
    else this.#answered(frame.request, frame.type);
  }

  /** Only true signatures have outcomes, and only known keys are told anything. */
  #answered(request: number, what: "receipt" | "answer"): void {
    const trick = must(this.#tried.get(request), "what is answered was asked");
    const may = what === "receipt" && TRUE.includes(trick);
    this.#deps.verdict.expect(may, "authenticity", () => `an intruder tried "${trick}" and got ${what}`);
    this.#deps.reached.add("intruderReplayed");
  }

  #greet(connection: ClientConnection, { node, nonce, clusterId }: Extract<NodeFrame, { type: "challenge" }>): void {
    const { random, reached, authenticity } = this.#deps;
    const how = pick(random, GREETINGS);
    if (how === "none") return;
    const overheard = chance(random, 500) ? this.#greetings : authenticity.greetings;
    if (how === "overheard" && overheard.length === 0) return;
    const point = GREETED[how];
    if (point !== undefined) reached.add(point);
    const greeting = how === "overheard" ? pick(random, overheard) : this.#greeting(how, { node, nonce, clusterId });
    this.#greetings = [...this.#greetings, greeting].slice(-GREETINGS_MAX);
    connection.send(greeting);
  }

  /** A true one of a stranger; or one of somebody who is known, and has not said it here. */
  #greeting(
    how: Exclude<Greeting, "none" | "overheard">,
    { node, nonce, clusterId }: Pick<Extract<NodeFrame, { type: "challenge" }>, "node" | "nonce" | "clusterId">,
  ): Uint8Array {
    const { random, signer, careless } = this.#deps;
    const { publicKey } = how === "true" ? signer : careless;
    const by = how === "true" || how === "anothersKey" ? signer : careless;
    const other = how === "foreign" ? otherCluster(clusterId) : clusterId;
    const signature = by.sign(helloDigest(sha256, { clusterId: other, node, nonce, publicKey }));
    const said = chance(random, 500) ? other : clusterId;
    return encodeClientFrame({
      ...{ type: "hello", clusterId: said, publicKey },
      signature: how === "altered" ? flipped(random, signature) : signature,
    });
  }

  #try(trick: Trick): void {
    const { reached, authenticity } = this.#deps;
    const connection = must(this.#connection, "it is there");
    const request = this.#nextRequest++;
    if (authenticity.executed.length === 0) return;
    const frame = this.#frame(trick, request);
    if (frame === undefined) return;
    this.#tried.set(request, trick);
    reached.add("intruderTried");
    const point = TRIED[trick];
    if (point !== undefined) reached.add(point);
    connection.send(frame);
  }

  #frame(trick: Trick, request: number): Uint8Array | undefined {
    const { random, authenticity } = this.#deps;
    if (trick === "garbage") return randomBytes(random, 1 + random.below(64));
    if (trick === "helloAgain") return this.#greetings.at(-1);
    if (trick === "query") {
      const query = chance(random, 500) ? WHO_THERE_IS : randomBytes(random, 1 + random.below(32));
      return encodeClientFrame({ type: "query", request, consistency: "local", query });
    }
    const transaction = this.#spoiled(trick, pick(random, authenticity.executed));
    return encodeClientFrame({ type: "submit", request, transaction });
  }

  #spoiled(trick: Exclude<Trick, "garbage" | "helloAgain" | "query">, transaction: Uint8Array): Uint8Array {
    const { random, signer, careless, clusterId, authenticity } = this.#deps;
    switch (trick) {
      case "again":
        return transaction;
      case "altered":
        return flipped(random, transaction);
      case "cut":
        return transaction.subarray(0, random.below(transaction.length));
      case "longer":
        return new Uint8Array([...transaction, ...randomBytes(random, 1 + random.below(8))]);
      case "cosigned":
        return cosignTransaction(sha256, signer, clusterId, transaction);
      case "resigned":
        return signedBy(signer, clusterId, transaction);
      case "foreign":
        return signedBy(careless, otherCluster(clusterId), transaction);
      case "swapped": {
        const { signature, cosignatures } = decodeTransaction(pick(random, authenticity.executed));
        const own = decodeTransaction(transaction);
        if (equalBytes(own.signature, signature)) return transaction.subarray(1);
        return encodeTransaction({ ...own, signature, cosignatures });
      }
    }
  }
}

/** The same, signed by one alone, for a cluster. */
function signedBy(signer: Signer, clusterId: Uint8Array, transaction: Uint8Array): Uint8Array {
  const own = { ...decodeTransaction(transaction), publicKey: signer.publicKey, cosignatures: [] };
  return encodeTransaction({ ...own, signature: signer.sign(signingDigest(sha256, clusterId, own)) });
}

/** The id of a cluster that is another one. */
export function otherCluster(clusterId: Uint8Array): Uint8Array {
  return clusterId.map((byte) => byte ^ 0xff);
}
