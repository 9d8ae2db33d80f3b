/**
 * Signed checkpoints: every so often of log time each node signs where its state stands, and tells the others. When a quorum
 * has signed the same, any node can hand a client a statement about the whole past that no minority could have made.
 *
 * All sign the same heights without agreeing on them: the first block of each period of log time.
 */
import { must } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import type { NodeId } from "../base/ids.ts";
import type { Crypto, VerifyJob } from "../base/ports/crypto.ts";
import {
  type Attested,
  attestation,
  compareKeys,
  equalAttested,
  type NodeSignature,
  quorumOf,
  type SignedCheckpoint,
} from "../wire/attestation.ts";

/** Long enough for two nodes of the largest cluster to have pinged each other. */
const PERIOD_NS = 2_000_000_000n;
/** Checkpoints that may still become signed by a quorum. */
const REMEMBERED = 4;

/** What one node says that it has signed. */
export interface Endorsement extends Attested {
  readonly signature: Uint8Array;
}

export interface CheckpointExchangeDeps {
  readonly clusterId: Uint8Array;
  readonly crypto: Crypto;
}

export class CheckpointExchange {
  readonly #deps: CheckpointExchangeDeps;
  /** Keys of the members, whose signatures count. */
  #keys: ReadonlyMap<NodeId, Uint8Array> = new Map();
  /** Our own, the newest last. */
  #own: Endorsement[] = [];
  /** What others have signed as we did, by height and key. */
  readonly #endorsed = new Map<number, NodeSignature[]>();
  #period: bigint | undefined;
  #agreed: SignedCheckpoint | undefined;
  /** The height of the newest that was ever agreed: a client that has seen it must not be told of an older one. */
  #agreedHeight = 0;

  constructor(deps: CheckpointExchangeDeps) {
    this.#deps = deps;
  }

  /** The newest that a quorum has signed, with all signatures that are known. */
  get agreed(): SignedCheckpoint | undefined {
    return this.#agreed;
  }

  /** What this node has signed last. */
  get newest(): Endorsement | undefined {
    return this.#own.at(-1);
  }

  /** From now on the signatures of these count, and a quorum is one of them; so it is for what is signed already. */
  setKeys(keys: ReadonlyMap<NodeId, Uint8Array>): void {
    this.#keys = keys;
    const before = this.#agreed;
    const left = before === undefined ? [] : this.#counted(before.signatures);
    this.#agreed = before !== undefined && this.#isQuorum(left) ? { ...before, signatures: left } : undefined;
    for (const { height } of this.#own) this.#agree(height);
  }

  /** The state has moved on to this, at this log time (nanoseconds). */
  applied(at: Attested, timestamp: bigint): void {
    const period = timestamp / PERIOD_NS;
    const begins = this.#period !== undefined && period > this.#period;
    this.#period = period;
    if (!begins) return;
    const { crypto, clusterId } = this.#deps;
    const signature = crypto.sign(attestation(crypto.sha256.bind(crypto), clusterId, at));
    this.#own.push({ ...at, signature });
    this.#endorsed.set(at.height, []);
    this.#add(at.height, { nodeKey: crypto.publicKey, signature });
    if (this.#own.length > REMEMBERED) this.#endorsed.delete(must(this.#own.shift(), "there are several").height);
  }

  /** Our own statement at a height, to hold against another's. */
  at(height: number): Endorsement | undefined {
    return this.#own.find((own) => own.height === height);
  }

  /** A node has signed something: the signature to check, if it is news and about what we have signed ourselves. */
  check(from: NodeId, endorsement: Endorsement): VerifyJob | undefined {
    const own = this.at(endorsement.height);
    const publicKey = this.#keys.get(from);
    if (own === undefined || publicKey === undefined || !equalAttested(own, endorsement)) return undefined;
    if (this.#endorsed.get(own.height)?.some(({ nodeKey }) => equalBytes(nodeKey, publicKey))) return undefined;
    const { crypto, clusterId } = this.#deps;
    const message = attestation(crypto.sha256.bind(crypto), clusterId, endorsement);
    return { publicKey, message, signature: endorsement.signature };
  }

  /** A signature that `check` asked about is good. */
  endorse(height: number, endorser: NodeSignature): void {
    if (this.#endorsed.has(height)) this.#add(height, endorser);
  }

  #add(height: number, endorser: NodeSignature): void {
    const before = must(this.#endorsed.get(height), `checkpoint ${height} is forgotten`);
    if (before.some(({ nodeKey }) => equalBytes(nodeKey, endorser.nodeKey))) return;
    const signatures = [...before, endorser].sort((a, b) => compareKeys(a.nodeKey, b.nodeKey));
    this.#endorsed.set(height, signatures);
    this.#agree(height);
  }

  #agree(height: number): void {
    const signatures = this.#counted(must(this.#endorsed.get(height), `checkpoint ${height} is forgotten`));
    if (height < this.#agreedHeight || !this.#isQuorum(signatures)) return;
    const { signature: _own, ...attested } = must(this.at(height), "what others endorse we have signed");
    this.#agreed = { ...attested, signatures };
    this.#agreedHeight = height;
  }

  /** Those of members; this node itself may be none. */
  #counted(signatures: readonly NodeSignature[]): readonly NodeSignature[] {
    const keys = [...this.#keys.values()];
    return signatures.filter(({ nodeKey }) => keys.some((key) => equalBytes(key, nodeKey)));
  }

  #isQuorum(signatures: readonly NodeSignature[]): boolean {
    return signatures.length >= quorumOf(this.#keys.size);
  }
}
