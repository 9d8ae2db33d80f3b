/** A node's log for people: blocks of its data directory, decoded. Nothing is executed and no signature is checked. */
import { toHex } from "../../node/base/bytes.ts";
import type { Configuration } from "../../node/base/configuration.ts";
import { CodedError } from "../../node/base/errors.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { decodeAccounts, decodeTransfers } from "../../node/ledger/records.ts";
import { decodeBlock } from "../../node/wire/block.ts";
import { decodeBody } from "../../node/wire/body.ts";
import { decodeTransaction } from "../../node/wire/transaction.ts";
import { NodeDisk } from "../../storage/node-disk.ts";
import { verifyWal } from "../../storage/wal/verify.ts";
import type { NodeDirectory } from "./node-directories.ts";

export interface TransactionView {
  readonly kind: string;
  readonly session: string;
  readonly sequence: number;
  /** Public keys. */
  readonly signers: readonly string[];
  /** Bytes of what it asks for. */
  readonly bodyBytes: number;
  /** Accounts or transfers of a bulk transaction. */
  readonly records?: number;
}

/** All of a block's header; hashes, digests and ids are hexadecimal. */
export interface BlockView {
  readonly height: number;
  readonly release: number;
  readonly group: number;
  readonly clusterId: string;
  /** The node that built it; 0 where the block does not say. */
  readonly builder: number;
  readonly term: number;
  readonly timestamp: bigint;
  readonly hash: string;
  readonly previousHash: string;
  readonly transactionRoot: string;
  readonly transactionCount: number;
  /** Of its transactions, with their lengths. */
  readonly bodyBytes: number;
  /** Who takes part from this block on. */
  readonly configuration: Configuration;
  /** What the block's leader said of its own state. */
  readonly state: { readonly height: number; readonly digest: string };
  /** Of all of it. */
  readonly bytes: number;
  readonly transactions: readonly TransactionView[];
}

/**
 * Shows the blocks `from` to `to`, as far as the log has them, and gives how many there were. Throws `CodedError`
 * `log_compacted` where the log begins later, `log_unsound` where it is damaged before the end of what is asked for.
 */
export function viewLog(
  { data, openCipher }: Pick<NodeDirectory, "data" | "openCipher">,
  { from, to }: { readonly from: number; readonly to: number },
  show: (block: BlockView) => void,
): number {
  let shown = 0;
  let last = 0;
  const report = verifyWal(new NodeDisk(data, { readOnly: true }), "log", openCipher(), ({ index, payload }) => {
    last = index;
    if (index < from || index > to) return;
    shown += 1;
    show(blockView(payload));
  });
  if (from < report.firstIndex) {
    throw new CodedError("log_compacted", `${data}: the log begins at height ${report.firstIndex}, not ${from}`);
  }
  if (report.problem !== undefined && last < to) {
    throw new CodedError("log_unsound", `${data}: ${report.problem.message}`);
  }
  return shown;
}

function blockView(payload: Uint8Array): BlockView {
  const { header, hash, transactions } = decodeBlock(sha256, payload);
  const { clusterId, previousHash, transactionRoot, state, ...rest } = header;
  return {
    ...rest,
    ...{ clusterId: toHex(clusterId), hash: toHex(hash), previousHash: toHex(previousHash) },
    transactionRoot: toHex(transactionRoot),
    state: { height: state.height, digest: toHex(state.digest) },
    bytes: payload.length,
    transactions: transactions.map(transactionView),
  };
}

function transactionView(encoded: Uint8Array): TransactionView {
  const transaction = decodeTransaction(encoded);
  const { session, sequence, body } = transaction;
  const command = decodeBody(transaction.kind, body);
  const signers = [transaction, ...transaction.cosignatures].map(({ publicKey }) => toHex(publicKey));
  const view = { kind: command.kind, session: toHex(session), sequence, signers, bodyBytes: body.length };
  if (command.kind === "createAccounts") return { ...view, records: decodeAccounts(command.batch).length };
  if (command.kind === "createTransfers") return { ...view, records: decodeTransfers(command.batch).length };
  return view;
}
