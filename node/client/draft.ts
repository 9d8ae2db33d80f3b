/**
 * A transaction that is signed when there is a node to tell the time, and signed anew, at another node's time, where the
 * cluster says that its expiry is wrong: then the node told a wrong time.
 *
 * Whoever has kept the bytes that were refused as expiring too late may submit them when their time has come. Nothing is
 * executed twice by that: what is signed anew stands under the same session and number, of which the cluster executes one
 * at most, and a session that it has forgotten is never opened again, for what opened it has expired by then. So what opens
 * a session must not be signed anew for the same one; it gets another id each time.
 */
import type { Connection } from "./connection.ts";

const WRONG_TIME: ReadonlySet<string> = new Set(["expired", "expiry_too_far"]);

export class Draft {
  readonly #sign: (logTime: bigint) => Uint8Array;
  readonly #signingsMax: number;
  #signings = 0;
  #signed: { readonly bytes: Uint8Array; readonly timekeeper: Connection } | undefined;

  constructor(sign: (logTime: bigint) => Uint8Array, signingsMax: number) {
    this.#sign = sign;
    this.#signingsMax = signingsMax;
  }

  /** The transaction, signed at this node's time where it is not signed yet. */
  bytes(connection: Connection): Uint8Array {
    if (this.#signed === undefined) {
      this.#signed = { bytes: this.#sign(connection.logTime.now()), timekeeper: connection };
      this.#signings += 1;
    }
    return this.#signed.bytes;
  }

  /** Whether it is signed anew after a refusal with this code; then the node that told the time is left for another. */
  renew(code: string): boolean {
    if (!WRONG_TIME.has(code) || this.#signings >= this.#signingsMax) return false;
    this.#signed?.timekeeper.close();
    this.#signed = undefined;
    return true;
  }

  /** Whether a refusal with this code says that what was signed earlier was executed after all. */
  isOvertaken(code: string): boolean {
    return code === "sequence_reused" && this.#signings > 1;
  }
}
