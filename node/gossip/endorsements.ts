/**
 * Statements that nodes make about heights of the log, each signed: this node's own of the last few heights, and the
 * signatures of members that have stated the same. Where those of a quorum are together, no minority could have made it.
 */
import { must } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import type { Configuration } from "../base/configuration.ts";
import type { NodeId } from "../base/ids.ts";
import type { Crypto, VerifyJob } from "../base/ports/crypto.ts";
import { isQuorum } from "../base/quorum.ts";
import { compareKeys, type NodeSignature } from "../wire/attestation.ts";

interface AtHeight {
  readonly height: number;
}

export type Signed<T extends AtHeight> = T & { readonly signature: Uint8Array };
export type Agreed<T extends AtHeight> = T & { readonly signatures: readonly NodeSignature[] };

export interface EndorsementsDeps<T extends AtHeight> {
  readonly crypto: Crypto;
  /** Own statements that may still be signed by a quorum. */
  readonly remembered: number;
  /** The bytes that are signed. */
  readonly statement: (at: T) => Uint8Array;
  readonly isSame: (a: T, b: T) => boolean;
}

export class Endorsements<T extends AtHeight> {
  readonly #deps: EndorsementsDeps<T>;
  /** Keys of the members, whose signatures are kept; only those of voters make a quorum. */
  #keys: ReadonlyMap<NodeId, Uint8Array> = new Map();
  #configuration: Configuration | undefined;
  /** Our own, the newest last. */
  #own: { readonly at: T; readonly signed: Signed<T> }[] = [];
  /** Signatures on what we have stated ourselves, by height, ascending by key. */
  readonly #endorsed = new Map<number, readonly NodeSignature[]>();
  /** Undefined where it is to be found out again: far more often somebody asks than anything changes. */
  #agreed: readonly Agreed<T>[] | undefined;

  constructor(deps: EndorsementsDeps<T>) {
    this.#deps = deps;
  }

  /** What this node has signed last. */
  get newest(): Signed<T> | undefined {
    return this.#own.at(-1)?.signed;
  }

  /** What a quorum has signed of what this node remembers, the newest last. */
  get agreed(): readonly Agreed<T>[] {
    this.#agreed ??= this.#own.flatMap(({ at }) => {
      const signatures = this.counted(this.#endorsed.get(at.height) ?? []);
      return this.isQuorum(signatures) ? [{ ...at, signatures }] : [];
    });
    return this.#agreed;
  }

  /** From now on the signatures of these are kept, and a quorum is one of this configuration; so it is for what is signed already. */
  setKeys(keys: ReadonlyMap<NodeId, Uint8Array>, configuration: Configuration): void {
    this.#keys = keys;
    this.#configuration = configuration;
    this.#agreed = undefined;
  }

  /** Makes this node's own statement about a height above all before it. */
  sign(at: T): void {
    const { crypto, statement, remembered } = this.#deps;
    const signature = crypto.sign(statement(at));
    this.#own.push({ at, signed: { ...at, signature } });
    this.#endorsed.set(at.height, []);
    this.endorse(at.height, { nodeKey: crypto.publicKey, signature });
    if (this.#own.length > remembered) this.#endorsed.delete(must(this.#own.shift(), "there are several").at.height);
  }

  /** Our own statement about a height, to hold against another's. */
  at(height: number): T | undefined {
    return this.#own.find(({ at }) => at.height === height)?.at;
  }

  /** A node has signed something: the signature to check, if it is news and about what we have signed ourselves. */
  check(from: NodeId, endorsement: Signed<T>): VerifyJob | undefined {
    const own = this.at(endorsement.height);
    const publicKey = this.#keys.get(from);
    const { isSame, statement } = this.#deps;
    if (own === undefined || publicKey === undefined || !isSame(own, endorsement)) return undefined;
    if (this.#endorsed.get(own.height)?.some(({ nodeKey }) => equalBytes(nodeKey, publicKey))) return undefined;
    return { publicKey, message: statement(own), signature: endorsement.signature };
  }

  /** A signature that `check` asked about is good. */
  endorse(height: number, endorser: NodeSignature): void {
    const before = this.#endorsed.get(height);
    if (before === undefined || before.some(({ nodeKey }) => equalBytes(nodeKey, endorser.nodeKey))) return;
    this.#endorsed.set(
      height,
      [...before, endorser].sort((a, b) => compareKeys(a.nodeKey, b.nodeKey)),
    );
    this.#agreed = undefined;
  }

  /** Those of members; this node itself may be none. */
  counted(signatures: readonly NodeSignature[]): readonly NodeSignature[] {
    const keys = [...this.#keys.values()];
    return signatures.filter(({ nodeKey }) => keys.some((key) => equalBytes(key, nodeKey)));
  }

  /** Whether there are those of a quorum among them, whoever else has signed. */
  isQuorum(signatures: readonly NodeSignature[]): boolean {
    if (this.#configuration === undefined) return false;
    return isQuorum(this.#configuration, (voter) => {
      const key = this.#keys.get(voter);
      return key !== undefined && signatures.some(({ nodeKey }) => equalBytes(nodeKey, key));
    });
  }
}
