/**
 * A session of the node's own, through which it reports what networks have answered. Opening it again does nothing, and
 * an outcome closes its intent at most once, so both may be submitted as often as one likes.
 */
import type { Crypto } from "../base/ports/crypto.ts";
import type { Random } from "../base/ports/random.ts";
import type { Command } from "../wire/body.ts";
import { signTransaction } from "../wire/transaction.ts";

/** How long a report stays valid, nanoseconds of log time. */
const LIFETIME_NS = 300_000_000_000n;

export class OwnSession {
  readonly #crypto: Crypto;
  readonly #clusterId: Uint8Array;
  readonly #id: Uint8Array = new Uint8Array(16);
  #sequence = 0;

  constructor(crypto: Crypto, clusterId: Uint8Array, random: Random) {
    this.#crypto = crypto;
    this.#clusterId = clusterId;
    random.fill(this.#id);
  }

  /** The transaction that opens the session. */
  opening(logTime: bigint): Uint8Array {
    return this.#sign({ kind: "sessionOpen" }, 0, logTime);
  }

  /** Signs a command under the next sequence number. */
  sign(command: Command, logTime: bigint): Uint8Array {
    this.#sequence += 1;
    return this.#sign(command, this.#sequence, logTime);
  }

  #sign(command: Command, sequence: number, logTime: bigint): Uint8Array {
    const crypto = this.#crypto;
    const signer = { publicKey: crypto.publicKey, sign: (message: Uint8Array) => crypto.sign(message) };
    const placement = { clusterId: this.#clusterId, session: this.#id, sequence, expiry: logTime + LIFETIME_NS };
    return signTransaction(crypto.sha256.bind(crypto), signer, placement, command);
  }
}
