/**
 * The client: submits signed transactions so that each is executed once, whatever fails on the way, and hands back a
 * receipt that it has checked.
 *
 * A transaction is signed once, but where a node told a wrong time. Lost connections, timeouts and passing refusals lead to
 * the same bytes being sent again, to the next node if need be; the session makes that harmless. A refusal for good is one
 * node's word, and counts when another node has been asked. When the deadline passes without an answer the outcome is
 * unknown, and the client says so instead of guessing.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { TRANSACTION_LIFETIME_MAX_NS } from "../base/limits.ts";
import type { SeenChangeEvent } from "../state/flat-answers.ts";
import type { ClusterFile } from "../transport/cluster-file.ts";
import type { Command } from "../wire/body.ts";
import type { Consistency } from "../wire/client-frames.ts";
import type { Receipt } from "../wire/receipt.ts";
import type { ResultFields } from "../wire/results.ts";
import { type Signer, signTransaction } from "../wire/transaction.ts";
import type { Connection } from "./connection.ts";
import { Connector, closedError } from "./connector.ts";
import { randomBytes, sha256 } from "./crypto.ts";
import { before, left } from "./deadline.ts";
import { Draft } from "./draft.ts";
import { ClientError, isRetriable, isUnordered } from "./errors.ts";
import { changeEvents, type EventsOptions } from "./events.ts";
import { pauseAfter } from "./pause.ts";
import { ReceiptChecker } from "./receipt-check.ts";
import { secondOpinion } from "./second-opinion.ts";
import { SequenceWindow } from "./sequence-window.ts";

const DEADLINE_MS = 30_000;
/** Timers of the system reach no further. */
const DEADLINE_MAX_MS = 0x7fff_ffff;
const ATTEMPT_MS = 2_000;
/** An election takes less; a node that has left the cluster finds a leader never again. */
const LONELY_MS = 1_500;
/** What a node says, or does, of which another may be free. */
const GIVEN_UP: ReadonlySet<string> = new Set(["behind", "timeout", "receipt_invalid"]);
const LIFETIME_NS = 300_000_000_000n;
/** Of what others are to co-sign: the longest there is, but for clocks that differ. */
const COSIGNING_LIFETIME_NS: bigint = TRANSACTION_LIFETIME_MAX_NS - 15_000_000_000n;

export interface ClientOptions {
  readonly cluster: ClusterFile;
  readonly signer: Signer;
  /** Id of the node to try first; any without. */
  readonly firstNode?: number;
  /** Milliseconds after which a request without an answer ends as `outcome_unknown` or `unavailable`. */
  readonly deadlineMs?: number;
}

/** What became of a transaction. */
export interface Outcome {
  /** `status` is `ok`, or the refusal of the state machine; the other fields depend on the kind. */
  readonly result: { readonly status: string } & ResultFields;
  readonly receipt: Receipt;
  /** The receipt as it came, to be kept. */
  readonly receiptBytes: Uint8Array;
  /** The signed transaction. */
  readonly transaction: Uint8Array;
  readonly height: number;
  /** How often the transaction was sent, or tried to. */
  readonly attempts: number;
}

type Answer = Omit<Outcome, "attempts">;

/** A session of the cluster, with the numbers of its transactions. */
interface Session {
  readonly id: Uint8Array;
  readonly window: SequenceWindow;
}

/** Refusals of the state machine after which the session does not remember the number. */
const UNREMEMBERED: ReadonlySet<string> = new Set([
  ...["expired", "expiry_too_far", "session_unknown", "outcome_forgotten", "session_key_mismatch", "sequence_reused"],
  ...["sequence_too_old", "sequence_too_new", "unknown_key", "unknown_cosigner", "threshold_not_met", "invalid"],
]);

export class QuorateClient {
  readonly #options: ClientOptions;
  readonly #connector: Connector;
  readonly #receipts: ReceiptChecker;
  #session: Session = newSession();
  #renewing: Promise<void> | undefined;

  private constructor(options: ClientOptions) {
    const { cluster, signer, firstNode } = options;
    this.#options = options;
    this.#receipts = new ReceiptChecker(cluster);
    this.#connector = new Connector({ cluster, signer, firstNode });
  }

  /** Connects to a node and opens a session; throws `ClientError`. */
  static async open(options: ClientOptions): Promise<QuorateClient> {
    const client = new QuorateClient(options);
    try {
      await client.#openSession(client.#deadline(undefined));
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** Connects without a session: for queries only. Tries each node once; throws `ClientError`. */
  static async openReader(options: ClientOptions): Promise<QuorateClient> {
    const client = new QuorateClient(options);
    try {
      await client.#connector.connect(client.#deadline(undefined));
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** The node we are connected to; undefined while there is none. */
  get node(): number | undefined {
    return this.#connector.node;
  }

  /** Requests that have no answer yet. */
  get inFlight(): number {
    return this.#session.window.inFlight;
  }

  /**
   * Signs and submits a command; resolves when it has been executed or refused for good, with a checked receipt. Throws
   * `ClientError`: a refusal before the log, of two nodes where two can be reached, `outcome_unknown` when the deadline has
   * passed, `unavailable` when it has passed before anything was sent, or `disk_full` when nothing else was answered until
   * then. No refusal is signed: whoever submits the command again keeps its ids.
   */
  async submit(command: Command, deadlineMs?: number): Promise<Outcome> {
    const deadline = this.#deadline(deadlineMs);
    for (let renewed = false; ; renewed = true) {
      const session = this.#session;
      const sequence = await this.#takeNumber(session, deadline);
      if (sequence !== undefined) {
        const outcome = await this.#submitAs(command, session, sequence, deadline);
        if (outcome !== undefined) return outcome;
        if (renewed)
          throw new ClientError("session_unknown", "the cluster forgets sessions as soon as they are opened");
      }
      await this.#renewSession(session, deadline);
    }
  }

  /**
   * Signs a command without submitting it, for others to co-sign, in a session of its own; it is good for nearly ten
   * minutes. Throws `ClientError`.
   */
  async prepare(command: Command, deadlineMs?: number): Promise<Uint8Array> {
    const deadline = this.#deadline(deadlineMs);
    const session = await this.#newSession(deadline);
    const { logTime } = await this.#connector.connect(deadline);
    return this.#sign(command, session.id, 1, logTime.now() + COSIGNING_LIFETIME_NS);
  }

  /**
   * Submits a transaction that is signed already, by whomever; otherwise as `submit`. Others may submit it, too: whatever
   * this client was told, it does not say that nothing comes of it.
   */
  async submitSigned(transaction: Uint8Array, deadlineMs?: number): Promise<Outcome> {
    return await this.#send(new Draft(() => transaction, 1), this.#deadline(deadlineMs), true);
  }

  /** Asks; resolves with the encoded answer. Throws `ClientError`. */
  async query(query: Uint8Array, consistency: Consistency = "linearizable", deadlineMs?: number): Promise<Uint8Array> {
    const deadline = this.#deadline(deadlineMs);
    const startedAt = performance.now();
    for (let attempt = 1; ; attempt++) {
      let connection: Connection | undefined;
      try {
        connection = await this.#connector.connect(deadline);
        return await connection.query(query, consistency, Math.min(ATTEMPT_MS * attempt, left(deadline)));
      } catch (error) {
        await this.#pauseOrThrow(error, { attempt, startedAt, deadline, connection, isOpen: false });
      }
    }
  }

  /**
   * The changes of the ledger, in the order in which they happened, at least once and without a gap, of accounts that this
   * key may see; whoever stops goes on from the cursor of the last event. Throws as `query`.
   */
  events(options: EventsOptions = {}): AsyncGenerator<SeenChangeEvent, void> {
    return changeEvents(async (query, consistency) => await this.query(query, consistency), options);
  }

  /** Ends the connection. Requests that are under way end as `closed`; what becomes of them nobody will tell. */
  close(): void {
    this.#connector.close();
  }

  async #takeNumber({ window }: Session, deadline: number): Promise<number | undefined> {
    try {
      return await window.take(left(deadline));
    } catch (error) {
      if (error instanceof ClientError) throw unavailable(error);
      throw error;
    }
  }

  /** Undefined when the cluster has forgotten the session: then nothing signed under it is executed any more. */
  async #submitAs(
    command: Command,
    session: Session,
    sequence: number,
    deadline: number,
  ): Promise<Outcome | undefined> {
    let executed = false;
    try {
      const outcome = await this.#send(
        this.#draft((expiry) => this.#sign(command, session.id, sequence, expiry)),
        deadline,
      );
      executed = !UNREMEMBERED.has(outcome.result.status);
      return outcome.result.status === "session_unknown" ? undefined : outcome;
    } catch (error) {
      if (error instanceof ClientError && error.code === "session_unknown") return undefined;
      throw error;
    } finally {
      session.window.settle(sequence, executed);
    }
  }

  /** Replaces a session that has no numbers left or is forgotten; whoever comes meanwhile waits for the same new one. */
  async #renewSession(session: Session, deadline: number): Promise<void> {
    if (this.#session === session) {
      session.window.spend();
      this.#renewing ??= this.#openSession(this.#deadline(undefined)).finally(() => {
        this.#renewing = undefined;
      });
    }
    try {
      if (this.#renewing !== undefined) await before(deadline, this.#renewing);
    } catch (error) {
      throw error instanceof ClientError && error.code === "timeout" ? unavailable(error) : error;
    }
  }

  async #openSession(deadline: number): Promise<void> {
    this.#session = await this.#newSession(deadline);
  }

  async #newSession(deadline: number): Promise<Session> {
    let session = newSession();
    const opening = this.#draft((expiry) => {
      session = newSession();
      return this.#sign({ kind: "sessionOpen" }, session.id, 0, expiry);
    });
    const { result } = await this.#send(opening, deadline);
    if (result.status !== "ok") throw sessionRefused(result);
    return session;
  }

  /** Sends a transaction, signed when there is a connection, until there is an answer. */
  async #send(draft: Draft, deadline: number, isShared = false): Promise<Outcome> {
    let isOpen = false;
    const startedAt = performance.now();
    for (let attempt = 1; ; attempt++) {
      let connection: Connection | undefined;
      let isSent = false;
      try {
        connection = await this.#connector.connect(deadline);
        const transaction = draft.bytes(connection);
        isSent = true;
        const answer = await this.#answer(connection, transaction, ATTEMPT_MS * attempt, deadline);
        const { status } = answer.result;
        if (draft.isOvertaken(status)) throw overtaken();
        if (!draft.renew(status)) return { ...answer, attempts: attempt };
        isOpen = true;
      } catch (error) {
        isOpen ||= isSent && (isShared || !isUnordered(error));
        if (isSent && error instanceof ClientError) {
          if (draft.isOvertaken(error.code)) throw overtaken(error);
          if (draft.renew(error.code)) continue;
        }
        await this.#pauseOrThrow(error, { attempt, startedAt, deadline, connection, isOpen });
      }
    }
  }

  /** One node's receipt; where it refuses for good, the answer that counts when others have been asked. */
  async #answer(first: Connection, transaction: Uint8Array, patienceMs: number, deadline: number): Promise<Answer> {
    const ask = async (connection: Connection, ms: number): Promise<Answer> => {
      const receiptBytes = await connection.submit(transaction, Math.min(ms, left(deadline)));
      const { receipt, result, height, timestamp } = this.#receipts.check(receiptBytes, transaction);
      connection.logTime.learn(timestamp);
      return { result, receipt, receiptBytes, transaction, height };
    };
    try {
      return await ask(first, patienceMs);
    } catch (error) {
      if (!(error instanceof ClientError) || isRetriable(error.code)) throw error;
      return await secondOpinion(error, {
        nodes: this.#connector.others(first.node.id),
        connect: async (node) => await this.#connector.connectAside(node, deadline),
        submit: async (connection) => await ask(connection, ATTEMPT_MS),
        deadline,
      });
    }
  }

  /** Each node may tell the time once. */
  #draft(sign: (expiry: bigint) => Uint8Array): Draft {
    return new Draft((logTime) => sign(logTime + LIFETIME_NS), this.#options.cluster.nodes.length);
  }

  #sign(command: Command, session: Uint8Array, sequence: number, expiry: bigint): Uint8Array {
    const { cluster, signer } = this.#options;
    return signTransaction(sha256, signer, { clusterId: cluster.clusterId, session, sequence, expiry }, command);
  }

  #deadline(deadlineMs: number | undefined): number {
    const ms = deadlineMs ?? this.#options.deadlineMs ?? DEADLINE_MS;
    if (ms > 0 && ms <= DEADLINE_MAX_MS) return performance.now() + ms;
    throw new ClientError("deadline_invalid", `a deadline lies up to ${DEADLINE_MAX_MS} ms ahead, not ${ms}`);
  }

  /** After a failed attempt: waits a little where another may succeed, else throws. */
  async #pauseOrThrow(error: unknown, { attempt, startedAt, deadline, connection, isOpen }: Attempt): Promise<void> {
    if (!(error instanceof ClientError)) throw error;
    if (this.#connector.closed) throw closedError();
    if (!isRetriable(error.code)) {
      // No node takes us any more: that says nothing of what was sent before.
      throw isOpen && connection === undefined ? unknown(error) : error;
    }
    // A node that does not answer, is behind, lies, or finds no leader for long is given up; the next attempt goes to another.
    const lonely = error.code === "no_leader" && performance.now() - startedAt >= LONELY_MS;
    if (lonely || GIVEN_UP.has(error.code)) connection?.close();
    const pause = pauseAfter(error.code, attempt);
    if (performance.now() + pause < deadline) {
      if (pause > 0) await sleep(pause);
      return;
    }
    if (!isOpen) throw isUnordered(error) ? error : unavailable(error);
    throw unknown(error);
  }
}

/** An attempt that has failed. */
interface Attempt {
  readonly attempt: number;
  /** When the first began. */
  readonly startedAt: number;
  readonly deadline: number;
  readonly connection: Connection | undefined;
  /** Whether a transaction may have been ordered, in this attempt or an earlier one. */
  readonly isOpen: boolean;
}

function newSession(): Session {
  return { id: randomBytes(16), window: new SequenceWindow() };
}

function sessionRefused({ status, what }: Outcome["result"]): ClientError {
  const whose = what === "authority" ? "this authority" : "the cluster";
  const reason =
    status === "session_limit"
      ? `${whose} has too many sessions in use; wait some minutes`
      : "the cluster refused the session";
  return new ClientError(status, reason);
}

function unavailable(error: ClientError): ClientError {
  const reason = `no node answered before the deadline, and nothing was executed (last: ${error.code}: ${error.message})`;
  return new ClientError("unavailable", reason, {}, error);
}

function unknown(error: ClientError): ClientError {
  const last = error.code === "unconfirmed" ? `${error.code}: ${error.message}` : error.code;
  const reason = `no definite answer before the deadline (last: ${last}); retry with the same id`;
  return new ClientError("outcome_unknown", reason, {}, error);
}

function overtaken(error?: ClientError): ClientError {
  const reason = "what was signed at a wrong time may have been executed; ask with the same id";
  return new ClientError("outcome_unknown", reason, {}, error);
}
