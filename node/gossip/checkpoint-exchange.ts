/**
 * Signed checkpoints: every so often of log time each node signs where its state stands, and tells the others. When a quorum
 * has signed the same, any node can hand a client a statement about the whole past that no minority could have made.
 *
 * All sign the same heights without agreeing on them: the first block of each period of log time.
 */
import type { Configuration } from "../base/configuration.ts";
import type { NodeId } from "../base/ids.ts";
import type { Crypto, VerifyJob } from "../base/ports/crypto.ts";
import {
  type Attested,
  attestation,
  equalAttested,
  type NodeSignature,
  type SignedCheckpoint,
} from "../wire/attestation.ts";
import { Endorsements, type Signed } from "./endorsements.ts";

/** Long enough for two nodes of the largest cluster to have pinged each other. */
const PERIOD_NS = 2_000_000_000n;
/** Checkpoints that may still become signed by a quorum. */
const REMEMBERED = 4;

/** What one node says that it has signed. */
export type Endorsement = Signed<Attested>;

export interface CheckpointExchangeDeps {
  readonly clusterId: Uint8Array;
  readonly crypto: Crypto;
}

export class CheckpointExchange {
  readonly #endorsements: Endorsements<Attested>;
  #period: bigint | undefined;
  #agreed: SignedCheckpoint | undefined;
  /**
   * The height of the newest that a quorum ever signed, whoever votes by now: a client that has seen it must not be told of an
   * older one. It rests on signatures only, never on what a peer says of heights, and decides nothing else.
   */
  #agreedHeight = 0;

  constructor({ crypto, clusterId }: CheckpointExchangeDeps) {
    const statement = (at: Attested): Uint8Array => attestation(crypto.sha256.bind(crypto), clusterId, at);
    this.#endorsements = new Endorsements({ crypto, remembered: REMEMBERED, statement, isSame: equalAttested });
  }

  /** The newest that a quorum has signed, with all signatures that are known. */
  get agreed(): SignedCheckpoint | undefined {
    return this.#agreed;
  }

  /** What this node has signed last. */
  get newest(): Endorsement | undefined {
    return this.#endorsements.newest;
  }

  /** From now on the signatures of these are kept, and a quorum is one of this configuration; so it is for what is signed already. */
  setKeys(keys: ReadonlyMap<NodeId, Uint8Array>, configuration: Configuration): void {
    this.#endorsements.setKeys(keys, configuration);
    const before = this.#agreed;
    const left = before === undefined ? [] : this.#endorsements.counted(before.signatures);
    const stands = before !== undefined && this.#endorsements.isQuorum(left);
    this.#agreed = stands ? { ...before, signatures: left } : undefined;
    this.#agree();
  }

  /** The state has moved on to this, at this log time (nanoseconds). */
  applied(at: Attested, timestamp: bigint): void {
    const period = timestamp / PERIOD_NS;
    const begins = this.#period !== undefined && period > this.#period;
    this.#period = period;
    if (!begins) return;
    this.#endorsements.sign(at);
    this.#agree();
  }

  /** A node has signed something: the signature to check, if it is news and about what we have signed ourselves. */
  check(from: NodeId, endorsement: Endorsement): VerifyJob | undefined {
    return this.#endorsements.check(from, endorsement);
  }

  /** A signature that `check` asked about is good. */
  endorse(height: number, endorser: NodeSignature): void {
    this.#endorsements.endorse(height, endorser);
    this.#agree();
  }

  #agree(): void {
    const newest = this.#endorsements.agreed.at(-1);
    if (newest === undefined || newest.height < this.#agreedHeight) return;
    this.#agreed = newest;
    this.#agreedHeight = newest.height;
  }
}
