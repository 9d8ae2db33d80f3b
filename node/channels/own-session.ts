/**
 * The node's own session, through which it reports what networks have answered. Outcomes close an intent at most once
 * whatever their sequence number, so a report may simply be signed anew when the old one has not come through.
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

  /** The transaction that opens the session; opening it again does nothing. */
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
