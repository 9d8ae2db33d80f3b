/**
 * Authenticity: nothing is executed that nobody has signed. Every transaction of a committed block is, bit by bit, one that
 * a client of the run has signed, or one that a node has signed itself. What bears a signature of somebody else is answered
 * that nobody knows the key, and nothing comes of it.
 */
import { toHex } from "../../node/base/bytes.ts";
import type { Applied } from "../../node/state/state-machine.ts";
import { leafHash } from "../../node/wire/merkle.ts";
import { decodeResult } from "../../node/wire/results.ts";
import { decodeTransaction, encodeTransaction, type Transaction } from "../../node/wire/transaction.ts";
import { sha256 } from "../virtual-crypto.ts";
import { NOT_EXECUTED } from "./exactly-once.ts";
import type { Verdict } from "./verdict.ts";

const EXECUTED_MAX = 64;
const GREETINGS_MAX = 64;
/** Nothing was executed, for a signer is unknown. */
const UNKNOWN: readonly string[] = ["unknown_key", "unknown_cosigner"];

export class Authenticity {
  readonly #verdict: Verdict;
  readonly #signed = new Set<string>();
  readonly #nodes: ReadonlySet<string>;
  readonly #executed: Uint8Array[] = [];
  #greetings: readonly Uint8Array[] = [];

  /** `nodeKeys` are the public keys of all nodes of the run. */
  constructor(verdict: Verdict, nodeKeys: readonly Uint8Array[]) {
    this.#verdict = verdict;
    this.#nodes = new Set(nodeKeys.map(toHex));
  }

  /** A client has signed this. */
  signed(transaction: Uint8Array): void {
    this.#signed.add(toHex(leafHash(sha256, transaction)));
  }

  /** A client has greeted a node with this. */
  greeted(hello: Uint8Array): void {
    this.#greetings = [...this.#greetings, hello].slice(-GREETINGS_MAX);
  }

  /** The newest greetings of clients: each is good on one connection. */
  get greetings(): readonly Uint8Array[] {
    return this.#greetings;
  }

  /** Somebody else's co-signature makes no other transaction of it. */
  #intent(transaction: Transaction): string {
    return toHex(leafHash(sha256, encodeTransaction({ ...transaction, cosignatures: [] })));
  }

  /** The newest transactions of clients that were executed: who submits one again changes nothing. */
  get executed(): readonly Uint8Array[] {
    return this.#executed;
  }

  /** Called for each height once, in order. */
  block({ block, results }: Pick<Applied, "block" | "results">): void {
    block.transactions.forEach((encoded, index) => {
      if (this.#signed.has(toHex(block.tree.leaves[index] as Uint8Array))) {
        if (!isFree(results[index] as Uint8Array)) this.#executed.push(encoded);
        if (this.#executed.length > EXECUTED_MAX) this.#executed.shift();
        return;
      }
      const transaction = decodeTransaction(encoded);
      const { publicKey, session, sequence } = transaction;
      if (this.#nodes.has(toHex(publicKey)) || this.#signed.has(this.#intent(transaction))) return;
      const { status } = decodeResult(results[index] as Uint8Array);
      this.#verdict.expect(
        UNKNOWN.includes(status),
        "authenticity",
        () =>
          `${toHex(session)}/${sequence} stands in block ${block.header.height} (${status}), and nobody has signed it`,
      );
    });
  }
}

/** Whether a result leaves the transaction's number free, so that it may still be executed. */
function isFree(result: Uint8Array): boolean {
  return NOT_EXECUTED.has(decodeResult(result).status);
}
