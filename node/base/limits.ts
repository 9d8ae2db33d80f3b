/**
 * Every bound of the system, in one place. Relations between them are asserted below, when this module loads.
 * docs/operating.md lists them for operators; `sim/tidy.test.ts` holds that list against this file.
 */
import { assert } from "./assert.ts";

/** Bytes of one account or transfer record on the wire, in the log and in memory. */
export const RECORD_BYTES = 128;
/** Records one bulk transaction may carry. */
export const BATCH_RECORDS_MAX = 8_190;
/** Log-time nanoseconds reserved for the events of one transaction; each event's timestamp is unique within them. */
export const EVENT_SLOTS_PER_TRANSACTION = 8_192;
/** Bytes of the largest encoded transaction (envelope and body). */
export const TRANSACTION_BYTES_MAX: number = 1_048_576 + 4_096;
/** Bytes of a block's transactions; a block always takes at least one transaction. */
export const BLOCK_BYTES_MAX: number = 2 * 1_048_576;
/** Transactions in one block. */
export const BLOCK_TRANSACTIONS_MAX = 2_048;
/** Bytes of one WebSocket frame, from a peer or a client. */
export const FRAME_BYTES_MAX: number = 4 * 1_048_576;
/** Values in one MessagePack message: what bytes may cost a node to decode before it knows anything of them. */
export const MESSAGE_VALUES_MAX = 16_384;
/** Values in the answer to one query, which a client decodes. */
export const ANSWER_VALUES_MAX = 524_288;
/** Bytes of log entries in one append message to a follower; at least one entry is always sent. */
export const APPEND_BYTES_MAX: number = 2 * 1_048_576;
/** Append messages that may be on their way to one follower. */
export const APPENDS_IN_FLIGHT_MAX = 32;
/** Bytes of log entries on their way to one follower, beyond which no further append is sent: one append may pass it. */
export const APPEND_BYTES_IN_FLIGHT_MAX: number = 2 * APPEND_BYTES_MAX;
/** Blocks proposed and not yet committed, on a leader; what comes meanwhile shares the next block. */
export const BLOCKS_UNCOMMITTED_MAX = 8;
/** Bytes of transactions waiting on a leader to enter a block. */
export const PROPOSAL_QUEUE_BYTES_MAX: number = 64 * 1_048_576;
/** Messages in an actor's mailbox, unless the actor asks for another bound. */
export const MAILBOX_DEPTH = 16_384;
/** Requests one client connection may have unanswered. */
export const CLIENT_REQUESTS_IN_FLIGHT_MAX = 1_024;
/** Questions of clients and admissions that one node's ledger and consensus may owe an answer. */
export const QUESTIONS_OPEN_MAX = 8_192;
/** Those among them of all clients together whose keys no authority has. */
export const STRANGERS_QUESTIONS_MAX = 1_024;
/** Client connections one node accepts. */
export const CLIENT_CONNECTIONS_MAX = 4_096;
/** Connections of one node that are no client's and no peer's: in the middle of a handshake, refused, or about to end. */
export const STRANGERS_MAX = 4_096;
/** Frames of one client that a node takes in one turn of its event loop; those behind them wait, and the connection is not read. */
export const CLIENT_FRAMES_PER_TURN_MAX = 128;
/** Frames of all clients that a node takes in one turn of its event loop. */
export const CLIENTS_FRAMES_PER_TURN_MAX = 2_048;
/** Frames of all clients that wait for their turn. */
export const CLIENTS_FRAMES_WAITING_MAX = 65_536;
/** Bytes queued towards one connection before it is closed as too slow. */
export const CONNECTION_BUFFER_BYTES_MAX: number = 64 * 1_048_576;
/** Bytes queued towards all clients of a node together before the slowest are closed. */
export const CLIENTS_BUFFER_BYTES_MAX: number = 256 * 1_048_576;
/** Sequence numbers a session remembers: how far its requests may run ahead of, or lag behind, each other. */
export const SESSION_WINDOW = 256;
/** Bytes of results a session keeps for retries; those of what was executed longest ago are dropped. */
export const SESSION_REPLY_BYTES_MAX: number = 256 * 1_024;
/** Sessions the cluster keeps. */
export const SESSIONS_MAX = 8_192;
/** Sessions of one authority among them, its delegates' included. */
export const SESSIONS_PER_AUTHORITY_MAX = 2_048;
/** The longest life of a signed transaction, in log-time nanoseconds: expiry may be at most this far ahead. */
export const TRANSACTION_LIFETIME_MAX_NS: bigint = 600_000_000_000n;
/** How far the time of a peer's block may be after what this node's clock says, in nanoseconds: ten years, for clocks may be wrong. */
export const LOG_TIME_LEAD_MAX_NS: bigint = 315_576_000_000_000_000n;
/** Keys in one authority. */
export const AUTHORITY_KEYS_MAX = 16;
/** Grants to delegates of one authority that are not revoked, one a key and ledger. */
export const DELEGATIONS_MAX = 1_024;
/** Participants in settlement. */
export const PARTICIPANTS_MAX = 256;
/** Currencies netted in one settlement window. */
export const SETTLEMENT_CURRENCIES_MAX = 16;
/** The highest ledger number that stands for a currency of ISO 4217; above it are digital assets. */
export const ISO_LEDGER_MAX = 999;
/** Digital assets in a cluster. */
export const ASSETS_MAX = 1_024;
/** Pending transfers that one block may expire. */
export const EXPIRIES_PER_BLOCK_MAX = 4_096;
/** Intents in the outbox that have no outcome yet. */
export const OUTBOX_OPEN_MAX = 65_536;
/** Results one query may return. */
export const QUERY_RESULTS_MAX = 8_190;
/** Reads that may wait for a quorum on one node; each may stand for many questions. */
export const READS_WAITING_MAX = 1_024;
/** Bytes of a log segment file. */
export const SEGMENT_BYTES: number = 64 * 1_048_576;
/** Bytes of blocks after which a checkpoint falls due at the latest, however few they are: a restart executes them again. */
export const CHECKPOINT_LOG_BYTES: number = 64 * 1_048_576;
/** Bytes of a checkpoint's page in one frame to a peer that catches up. */
export const CHUNK_BYTES_MAX: number = 256 * 1_024;
/** Pages of a checkpoint in all: what a peer that offers one may make a node hold of their places. */
export const CHECKPOINT_PAGES_MAX: number = 1_048_576;
/** Checkpoints that a node keeps for clients who take them page by page; several clients may share one. */
export const STATES_GIVEN_MAX = 4;
/** Bytes of a checkpoint that a node which catches up fetches in a second, or of the log that it is sent: twice what the log grows by, if that is more. */
export const CATCH_UP_BYTES_PER_SECOND: number = 36 * 1_048_576;
/** Nodes in a cluster at one time. */
export const NODES_MAX = 9;
/** The highest id of a node; ids are not used again, so this bounds all nodes that a cluster ever has. */
export const NODE_ID_MAX = 255;

assert(BATCH_RECORDS_MAX < EVENT_SLOTS_PER_TRANSACTION, "every event of a batch needs a timestamp of its own");
assert(
  BATCH_RECORDS_MAX * RECORD_BYTES + AUTHORITY_KEYS_MAX * 128 + 1_024 < TRANSACTION_BYTES_MAX,
  "a full batch, its signatures and its envelope must fit",
);
assert(TRANSACTION_BYTES_MAX < BLOCK_BYTES_MAX, "the largest transaction must fit in a block");
assert(BLOCK_BYTES_MAX + 65_536 < FRAME_BYTES_MAX, "a block and its framing must fit in a frame");
assert(2 * QUESTIONS_OPEN_MAX <= MAILBOX_DEPTH, "a mailbox must hold all open questions, and as much besides");
assert(4 * CLIENTS_FRAMES_PER_TURN_MAX <= MAILBOX_DEPTH, "clients alone must not fill a mailbox");
assert(STRANGERS_QUESTIONS_MAX < QUESTIONS_OPEN_MAX, "whoever has a key must leave places to those who are known");
assert(QUERY_RESULTS_MAX + 64 < MESSAGE_VALUES_MAX, "a query may name as many ids as it may have results");
assert(QUERY_RESULTS_MAX * 64 <= ANSWER_VALUES_MAX, "an answer must hold its results, each with all its fields");
assert(ASSETS_MAX * 16 <= ANSWER_VALUES_MAX, "an answer must hold all digital assets");
assert(SESSIONS_PER_AUTHORITY_MAX < SESSIONS_MAX, "one authority must leave sessions to others");
assert(NODES_MAX <= NODE_ID_MAX, "every node needs an id");
assert(FRAME_BYTES_MAX < CONNECTION_BUFFER_BYTES_MAX, "a connection must be able to queue one frame");
assert(CONNECTION_BUFFER_BYTES_MAX < CLIENTS_BUFFER_BYTES_MAX, "one slow client must leave room to others");
assert(CHUNK_BYTES_MAX + 1_024 < FRAME_BYTES_MAX, "a chunk and its framing must fit in a frame");
assert(BLOCK_BYTES_MAX * 2 < SEGMENT_BYTES, "a segment must hold more than one block");
assert(
  EXPIRIES_PER_BLOCK_MAX + 2 * PARTICIPANTS_MAX < EVENT_SLOTS_PER_TRANSACTION,
  "housekeeping events of a block must fit in its reserved timestamps",
);
