/**
 * The replicated state machine: committed blocks in; results, a state digest and events out.
 *
 * Pure and deterministic: the same blocks give the same digest on every node, in the simulator and in an audit. A block
 * is applied in this order: housekeeping due at its housekeeping time (expiries, settlement), then its transactions. A
 * transaction that does not make sense gets a result that says so; only a block that contradicts the chain stops the
 * node. digest = H(previous digest, block hash, result root, effects hash).
 */
import { assert } from "../base/assert.ts";
import { equalBytes, u64Bytes, utf8 } from "../base/bytes.ts";
import type { Configuration } from "../base/configuration.ts";
import { CodedError } from "../base/errors.ts";
import { EXPIRIES_PER_BLOCK_MAX, TRANSACTION_LIFETIME_MAX_NS } from "../base/limits.ts";
import type { Paged } from "../base/paged.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { FIRST_RELEASE } from "../base/release.ts";
import { Ledger } from "../ledger/ledger.ts";
import type { Attested } from "../wire/attestation.ts";
import {
  type Block,
  earliestTimestamp,
  housekeepingTimestamp,
  type StateAt,
  transactionTimestamp,
} from "../wire/block.ts";
import { decodeBody } from "../wire/body.ts";
import { clusterIdOf, firstClusterIdOf, firstConfiguration, type Genesis, genesisHash } from "../wire/genesis.ts";
import { KINDS } from "../wire/kinds.ts";
import { leafHash, MerkleTree } from "../wire/merkle.ts";
import { stateDigest } from "../wire/receipt.ts";
import { type AdmissionRefusal, encodeResult, type Refusal } from "../wire/results.ts";
import { GROUP, intentHash, type Transaction } from "../wire/transaction.ts";
import { type Admitted, admit, isKnownAt } from "./admit.ts";
import { Answers, type Reader, readerFor } from "./answers.ts";
import { Assets } from "./assets.ts";
import { type CommandParts, executeCommand } from "./commands.ts";
import type { StateEvent } from "./events.ts";
import { History } from "./history.ts";
import { Members } from "./members.ts";
import { Moment } from "./moment.ts";
import { type Intent, Outbox } from "./outbox.ts";
import { CardChannel } from "./payments/card-channel.ts";
import { PaymentLifeCycle } from "./payments/life-cycle.ts";
import { Payments } from "./payments/payments.ts";
import { Postings } from "./postings.ts";
import type { QueryAnswer, StateQuery } from "./queries.ts";
import { Registry, type Signer } from "./registry.ts";
import { Reversals } from "./reversals.ts";
import { Risk } from "./risk/risk.ts";
import { type OpenRefusal, type SessionClaim, Sessions, type SessionVerdict } from "./sessions.ts";
import { Settlement } from "./settlement/settlement.ts";
import { Stand } from "./stand.ts";
import type { StateTable } from "./table.ts";

const EFFECTS_DOMAIN = utf8("quorate.effects.v1\0");

/** Parts that the simulator may replace by deliberately broken ones, or by ones that it can look into. */
export interface StateParts {
  readonly sessions: () => Sessions;
  /** An observed one. */
  readonly ledger: () => Ledger;
  readonly outbox: (...args: ConstructorParameters<typeof Outbox>) => Outbox;
  readonly settlement: (...args: ConstructorParameters<typeof Settlement>) => Settlement;
  readonly risk: () => Risk;
  readonly lifeCycle: (...args: ConstructorParameters<typeof PaymentLifeCycle>) => PaymentLifeCycle;
}

export interface StateMachineOptions {
  readonly genesis: Genesis;
  readonly sha256: Sha256;
  /** Checkpoints up to this release are read; undefined: all that the program knows. */
  readonly releaseMax?: number | undefined;
  readonly parts?: Partial<StateParts>;
}

/** What applying a block has yielded. */
export interface Applied {
  readonly block: Block;
  readonly previousDigest: Uint8Array;
  readonly digest: Uint8Array;
  /** Its root is the result root. */
  readonly resultTree: MerkleTree;
  readonly effectsHash: Uint8Array;
  /** Root of the history tree over all blocks up to this one. */
  readonly historyRoot: Uint8Array;
  /** Encoded results, one a transaction. */
  readonly results: readonly Uint8Array[];
  /** Whether the transaction at this place was a retry: its stored result was repeated, nothing was executed. */
  readonly duplicates: readonly boolean[];
  readonly events: readonly StateEvent[];
}

export class StateMachine {
  readonly #sha256: Sha256;
  readonly #genesis: Genesis;
  readonly #clusterId: Uint8Array;
  readonly #stand: Stand;
  readonly #history: History;
  readonly #ledger: Ledger;
  readonly #assets: Assets;
  readonly #reversals: Reversals;
  readonly #registry = new Registry();
  readonly #members: Members;
  readonly #sessions: Sessions;
  readonly #risk: Risk;
  readonly #outbox: Outbox;
  readonly #payments = new Payments();
  readonly #cards = new CardChannel();
  readonly #settlement: Settlement;
  readonly #lifeCycle: PaymentLifeCycle;
  readonly #parts: CommandParts;
  readonly #answers: Answers;
  readonly #tables: readonly StateTable[];
  /** Components of the state, for checkpoints. */
  readonly paged: readonly Paged[];

  constructor(options: StateMachineOptions) {
    const { genesis, sha256, parts, releaseMax } = options;
    this.#sha256 = sha256;
    this.#genesis = genesis;
    this.#clusterId = clusterIdOf(sha256, genesis);
    const start = genesisHash(sha256, genesis);
    const nothing = { height: 0, term: 0, logBytes: 0, release: FIRST_RELEASE };
    const fresh = { ...nothing, timestamp: genesis.timestamp, digest: start, blockHash: start };
    this.#stand = new Stand({ ...fresh, configuration: firstConfiguration(genesis) }, releaseMax);
    this.#history = new History(sha256);
    this.#members = new Members(this.#registry, this.configuration);
    this.#sessions = parts?.sessions?.() ?? new Sessions();
    this.#ledger = parts?.ledger?.() ?? new Ledger();
    const line = firstClusterIdOf(sha256, genesis);
    this.#risk = parts?.risk?.() ?? new Risk();
    this.#outbox = parts?.outbox?.(sha256, line) ?? new Outbox(sha256, line);
    const postings = new Postings(this.#ledger, sha256);
    this.#assets = new Assets(this.#ledger, postings);
    this.#reversals = new Reversals(this.#ledger, this.#payments);
    this.#settlement = parts?.settlement?.(this.#ledger, postings) ?? new Settlement(this.#ledger, postings);
    const shared = { ledger: this.#ledger, risk: this.#risk, settlement: this.#settlement };
    const money = { ...shared, outbox: this.#outbox, payments: this.#payments };
    const lived = { ...money, postings, cards: this.#cards };
    this.#lifeCycle = parts?.lifeCycle?.(lived) ?? new PaymentLifeCycle(lived);
    const people = { registry: this.#registry, members: this.#members };
    const movers = { assets: this.#assets, reversals: this.#reversals };
    this.#parts = { ...shared, ...people, ...movers, cards: this.#cards, lifeCycle: this.#lifeCycle };
    this.#answers = new Answers({ ...money, ...people, ...movers, sessions: this.#sessions });
    this.#tables = [
      ...this.#registry.tables,
      this.#members.table,
      this.#assets.table,
      this.#reversals.table,
      ...this.#risk.tables,
      this.#outbox.table,
      this.#payments.table,
      this.#cards.table,
      ...this.#settlement.tables,
    ];
    const { replies } = this.#sessions;
    this.paged = [this.#stand, this.#history, ...this.#ledger.paged, this.#sessions, replies, ...this.#tables];
    const names = new Set(this.paged.map(({ name }) => name));
    assert(names.size === this.paged.length, "two components of a checkpoint have one name");
    this.#registry.enterGenesis(genesis);
    this.#members.enterGenesis(genesis);
  }

  /** Height of the last applied block; 0 before the first. */
  get height(): number {
    return this.#stand.at.height;
  }

  /** Log time of the last applied block, nanoseconds. */
  get timestamp(): bigint {
    return this.#stand.at.timestamp;
  }

  get digest(): Uint8Array {
    return this.#stand.at.digest;
  }

  /** The nodes of the cluster, past and present, and who of them is to take part. */
  get members(): Pick<Members, "all" | "wanted" | "present"> {
    return this.#members;
  }

  /** The configuration that the last applied block stands under; that of the genesis before the first. */
  get configuration(): Configuration {
    return this.#stand.at.configuration;
  }

  /** Bytes of the bodies of all blocks so far: how much a log from the beginning would have to be executed. */
  get logBytes(): number {
    return this.#stand.at.logBytes;
  }

  /** Where the state stands: what a leader says of it in the next block. */
  get at(): StateAt {
    const { height, digest } = this.#stand.at;
    return { height, digest };
  }

  /** Hash of the last applied block; the genesis' hash before the first. */
  get blockHash(): Uint8Array {
    return this.#stand.at.blockHash;
  }

  /** Term of the last applied block; 0 before the first. */
  get term(): number {
    return this.#stand.at.term;
  }

  /** Release of the last applied block; the first before there is one. */
  get release(): number {
    return this.#stand.at.release;
  }

  /** The history tree over the blocks so far, for proofs. */
  get history(): Pick<History, "root" | "rangeRoot"> {
    return this.#history;
  }

  /** What this node signs of its state as it stands. */
  attested(): Attested {
    const { height, digest, blockHash } = this.#stand.at;
    return { height, digest, blockHash, historyRoot: this.#history.root() };
  }

  /** Applies the next committed block; throws `InvariantError` when it is not the next block of this chain. */
  apply(block: Block): Applied {
    this.#assertNext(block);
    const { header } = block;
    const previousDigest = this.digest;
    const events: StateEvent[] = [];
    this.#members.standUnder(header.configuration);
    const inBlock = { release: header.release, salt: block.hash, events };
    this.#keepHouse(new Moment(housekeepingTimestamp(header), inBlock));
    const results: Uint8Array[] = [];
    const duplicates: boolean[] = [];
    block.transactions.forEach((encoded, index) => {
      const moment = new Moment(transactionTimestamp(header, index), inBlock);
      const executed = this.#applyTransaction(moment, encoded, block.tree.leaves[index] as Uint8Array);
      results.push(executed.result);
      duplicates.push(executed.duplicate);
    });
    const resultTree = new MerkleTree(
      this.#sha256,
      results.map((result) => leafHash(this.#sha256, result)),
    );
    const resultRoot = resultTree.root;
    const effectsHash = this.#takeEffectsHash();
    const digest = stateDigest(this.#sha256, { previousDigest, blockHash: block.hash, resultRoot, effectsHash });
    const { height, timestamp, term, configuration, release } = header;
    const logBytes = this.logBytes + header.bodyBytes;
    this.#stand.move({ height, timestamp, digest, blockHash: block.hash, term, configuration, logBytes, release });
    this.#history.append(block.hash);
    const historyRoot = this.#history.root();
    return { block, previousDigest, digest, resultTree, effectsHash, historyRoot, results, duplicates, events };
  }

  /**
   * Whether a transaction would be let in now, for the gateway to ask before the log; undefined for yes. `now` is the
   * asking node's time: it judges expiries that lie too far ahead, generously, because log time lags while nobody pays.
   */
  admission(transaction: Transaction, transactionHash: Uint8Array, now: bigint): AdmissionRefusal | undefined {
    // The release never falls: what is let in now is never executed in a block that does not know it.
    if (
      transaction.kind === KINDS.changeMembers &&
      !isKnownAt(this.release, decodeBody(transaction.kind, transaction.body))
    )
      return "malformed_body";
    const place = this.#place(transaction, this.#claimOf(transaction, transactionHash), this.timestamp);
    if (place.type === "executed") return undefined;
    if (place.type === "refused" && place.code !== "expiry_too_far") return place.code;
    const latest = (now > this.timestamp ? now : this.timestamp) + 2n * TRANSACTION_LIFETIME_MAX_NS;
    return transaction.expiry > latest ? "expiry_too_far" : undefined;
  }

  /**
   * Does a bounded piece of what a query needs before it can be answered; true when it can be. Asked again and again,
   * it comes to an end; a query that is not prepared is answered all the same, however long that takes.
   */
  prepare(query: StateQuery): boolean {
    return this.#answers.prepare(query);
  }

  /** Rows that answers, and what was prepared for them, have gone through since the start: what they cost. */
  get rowsRead(): number {
    return this.#answers.rowsRead;
  }

  /** Answers a query as the reader may see it. */
  query(query: StateQuery, reader: Reader): QueryAnswer {
    return this.#answers.answer(query, reader, this.#stand.at);
  }

  /** The ledger, to be read only: by reports about a state that nobody else uses. */
  get ledger(): Ledger {
    return this.#ledger;
  }

  /** What a key may read; undefined for a key that is not in the registry. */
  readerOf(publicKey: Uint8Array): Reader | undefined {
    const authority = this.#registry.ofKey(publicKey);
    return authority === undefined ? undefined : readerFor(authority);
  }

  /** Whether a key is an admin's or an operator's, who may say how the cluster is run. */
  mayOperate(publicKey: Uint8Array): boolean {
    const roles = this.#registry.ofKey(publicKey)?.roles ?? [];
    return roles.some((role) => role === "admin" || role === "operator");
  }

  /** How many intents are open. */
  get openIntentCount(): number {
    return this.#outbox.openCount;
  }

  /** The outbox: what external networks must still answer, ascending by id. */
  openIntents(): readonly Intent[] {
    return this.#outbox.openIntents();
  }

  /** Sessions that are remembered. */
  get sessionCount(): number {
    return this.#sessions.count;
  }

  /** The earliest log time at which a block would find housekeeping to do. */
  nextDeadline(): bigint | undefined {
    const deadlines = [this.#ledger.nextExpiry(), this.#payments.nextDeadline(), this.#settlement.nextDeadline()];
    return deadlines.reduce((a, b) => (a === undefined || (b !== undefined && b < a) ? b : a), undefined);
  }

  /** After all pages of all components were taken back: rebuilds what is derived from them. */
  restored(): void {
    assert(this.#history.size === this.height, `the history has ${this.#history.size} blocks at height ${this.height}`);
    this.#ledger.restored();
    this.#members.restored(this.configuration);
    for (const part of [
      this.#registry,
      this.#assets,
      this.#reversals,
      this.#risk,
      this.#outbox,
      this.#payments,
      this.#cards,
      this.#settlement,
    ]) {
      part.restored();
    }
  }

  /**
   * After pages of the state that the genesis names as the origin of this cluster were loaded: makes it the state that this
   * cluster begins with. Height, log time, history and all that is owed stay; the chain of blocks and digests begins anew
   * with the hash of the genesis, which binds the origin's; and the nodes are those of the genesis.
   */
  takeOver(): void {
    const { origin, nodes } = this.#genesis;
    const { at } = this.#stand;
    assert(origin !== undefined, "a cluster that was not restored goes on from nothing");
    assert(at.height === origin.height && equalBytes(at.digest, origin.digest), "the state is that of the origin");
    assert(equalBytes(at.blockHash, origin.blockHash), "the state is that of the origin's block");
    const start = genesisHash(this.#sha256, this.#genesis);
    const configuration = firstConfiguration(this.#genesis);
    this.#stand.move({ ...at, digest: start, blockHash: start, configuration });
    this.#members.takeOver(nodes, configuration);
    // No effects of the first block: the genesis stands for them.
    this.#takeEffectsHash();
  }

  /** What must hold between the components after every block; throws `InvariantError`. Takes time with the state. */
  checkInvariants(): void {
    for (const { ledger, debitsPending, creditsPending, debitsPosted, creditsPosted } of this.#ledger.totals()) {
      assert(debitsPosted === creditsPosted, `posted debits and credits of ledger ${ledger} differ`);
      assert(debitsPending === creditsPending, `pending debits and credits of ledger ${ledger} differ`);
    }
    this.#ledger.checkInvariants();
    for (const { id, state, hold, intent } of this.#payments.table.rows()) {
      const held = hold === 0n ? "none" : this.#ledger.pendingStatus(hold);
      if (state === "authorized" || state === "capturing")
        assert(held === "pending", `payment ${id} has lost its hold`);
      else if (state === "captured") assert(held === "posted", `payment ${id} is captured, its hold is ${held}`);
      else assert(held !== "pending" && held !== "posted", `payment ${id} is ${state}, its hold is ${held}`);
      const waiting = state === "authorizing" || state === "capturing" || state === "voiding";
      assert(waiting === this.#outbox.isOpen(intent), `payment ${id} is ${state} and its intent does not fit`);
    }
    this.#settlement.checkInvariants();
    this.#assets.checkInvariants();
    this.#reversals.checkInvariants();
  }

  #assertNext(block: Block): void {
    const { header } = block;
    const next = this.height + 1;
    assert(header.height === next, `block ${header.height} came where block ${next} belongs`);
    assert(equalBytes(header.previousHash, this.blockHash), `block ${next} does not follow the block before it`);
    assert(equalBytes(header.clusterId, this.#clusterId), `block ${next} belongs to another cluster`);
    assert(header.group === GROUP, `block ${next} belongs to another group`);
    assert(header.release >= this.release, `block ${next} is of release ${header.release}, after ${this.release}`);
    assert(
      header.timestamp >= earliestTimestamp(this.timestamp, header.transactionCount),
      `the timestamp of block ${next} leaves no room for its events`,
    );
  }

  #keepHouse(moment: Moment): void {
    const expiry = this.#ledger.nextExpiry();
    if (expiry !== undefined && expiry <= moment.timestamp) {
      this.#ledger.expirePendingTransfers(moment.takeSlots(EXPIRIES_PER_BLOCK_MAX), EXPIRIES_PER_BLOCK_MAX);
    }
    this.#lifeCycle.expireOverdue(moment);
    this.#settlement.closeEnded(moment);
  }

  #applyTransaction(moment: Moment, encoded: Uint8Array, hash: Uint8Array): { result: Uint8Array; duplicate: boolean } {
    let admitted: Admitted;
    try {
      admitted = admit(encoded, moment.release);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      return { result: encodeResult("invalid", { what: error.code }), duplicate: false };
    }
    const { transaction, command } = admitted;
    const claim = this.#claimOf(transaction, hash);
    const place = this.#place(transaction, claim, moment.timestamp);
    if (place.type === "refused") return { result: encodeResult(place.code), duplicate: false };
    if (place.type === "executed") return { result: place.result, duplicate: true };
    if (command.kind === "sessionOpen") {
      const refusal = this.#sessions.open(claim, place.signer.authority.id, moment.timestamp);
      const result = refusal === undefined ? encodeResult("ok") : openRefused(refusal);
      return { result, duplicate: false };
    }
    const result = executeCommand(this.#parts, moment, place.signer, command);
    this.#sessions.executed(claim, result, moment.timestamp);
    return { result, duplicate: false };
  }

  /** Where a transaction claims to stand; its session knows it by what was signed, whoever has co-signed it. */
  #claimOf(transaction: Transaction, hash: Uint8Array): SessionClaim {
    const { session, sequence, publicKey } = transaction;
    return { session, sequence, publicKey, transactionHash: intentHash(this.#sha256, transaction, hash) };
  }

  /** Session, keys and expiry: whether a transaction is new, a retry, or refused. */
  #place(
    { kind, expiry, publicKey, cosignatures }: Transaction,
    claim: SessionClaim,
    now: bigint,
  ):
    | { readonly type: "refused"; readonly code: Refusal }
    | { readonly type: "executed"; readonly result: Uint8Array }
    | { readonly type: "fresh"; readonly signer: Signer } {
    const opens = kind === KINDS.sessionOpen;
    // First of all: what was executed is answered whatever has become of the keys since, and with whichever signatures.
    const verdict: SessionVerdict = opens ? { type: "fresh" } : this.#sessions.judge(claim);
    if (verdict.type === "executed") return verdict;
    const signer = this.#registry.signerOf({ publicKey, cosignatures });
    if (typeof signer === "string") return { type: "refused", code: signer };
    // A session only numbers what a key signs: one key may open it.
    const enough = opens || signer.delegate !== undefined || cosignatures.length + 1 >= signer.authority.threshold;
    if (!enough) return { type: "refused", code: "threshold_not_met" };
    // Before the expiry: `expired` promises that the transaction was never executed, which only its session knows.
    if (verdict.type === "refused") return { type: "refused", code: forgotten(verdict.code, expiry < now) };
    if (expiry < now) return { type: "refused", code: "expired" };
    if (expiry > now + TRANSACTION_LIFETIME_MAX_NS) return { type: "refused", code: "expiry_too_far" };
    return { type: "fresh", signer };
  }

  #takeEffectsHash(): Uint8Array {
    const ledger = this.#ledger.takeEffects();
    const rows = this.#tables.flatMap((table) => table.takeEffects() ?? []);
    return this.#sha256(EFFECTS_DOMAIN, u64Bytes(ledger.length), ledger, ...rows);
  }
}

/**
 * What to say where a session is unknown. While the transaction has not expired, it has not been executed: a session is
 * forgotten only when all that it executed has expired. Afterwards nobody can tell.
 */
function forgotten(code: Refusal, expired: boolean): Refusal {
  return code === "session_unknown" && expired ? "outcome_forgotten" : code;
}

function openRefused(refusal: OpenRefusal): Uint8Array {
  return encodeResult(refusal.code, refusal.code === "session_limit" ? { what: refusal.what } : {});
}
