/**
 * The exact oracle: every transaction of a committed block, and everything else that the block makes the ledger do, is
 * done by the reference bank as well. Each result must be the predicted one, and the ledger must be made to do what is
 * predicted, and nothing else.
 */
import { toHex } from "../../node/base/bytes.ts";
import type { NodeId } from "../../node/base/ids.ts";
import type { Ledger } from "../../node/ledger/ledger.ts";
import { decodeAccounts, decodeTransfers } from "../../node/ledger/records.ts";
import type { Applied, StateMachine } from "../../node/state/state-machine.ts";
import { housekeepingTimestamp, transactionTimestamp } from "../../node/wire/block.ts";
import { type Command, decodeBody } from "../../node/wire/body.ts";
import type { Genesis } from "../../node/wire/genesis.ts";
import type { CreateAssetBody } from "../../node/wire/kinds.ts";
import { batchResults, decodeResult } from "../../node/wire/results.ts";
import { decodeTransaction } from "../../node/wire/transaction.ts";
import { SESSION_REFUSALS } from "./exactly-once.ts";
import { type LedgerCall, LedgerOracle, numbered } from "./ledger-oracle.ts";
import { PastMembers } from "./past-members.ts";
import { PastStates } from "./past-states.ts";
import { type Happening, PaymentsOracle } from "./payments-oracle.ts";
import type { ReachedPoints } from "./reached-points.ts";
import { ALL_SEEING } from "./readers.ts";
import { type ModelAsset, type Prediction, ReferenceBank } from "./reference-bank.ts";
import { A, ACCOUNT_STATUS_NUMBERS, TRANSFER_STATUS_NUMBERS } from "./reference-ledger.ts";
import { expectSame } from "./same.ts";
import { SettlementBooks } from "./settlement-books.ts";
import type { Verdict } from "./verdict.ts";

const RULE = "ledgerOracle";
/** Code of the transfer by which an asset gets its cap. */
const CAP_CODE = 6;
/** The release from which on members are demoted. */
const DEMOTES_SINCE = 3;
/** Kinds that are judged by the rule about settlement, and those by the rule about payments. */
const OF_SETTLEMENT: readonly string[] = ["configureSettlement", "configureParticipant", "closeSettlement"];
const OF_PAYMENTS: readonly string[] = [
  ...["createPayment", "reviewPayment", "capturePayment", "voidPayment", "channelOutcome"],
  ...["configureCard", "configureRisk", "blockPayer"],
];

/** One transaction of a block, as it was executed. */
interface Executed {
  readonly encoded: Uint8Array;
  readonly result: Uint8Array;
  readonly duplicate: boolean;
  readonly timestamp: bigint;
  readonly release: number;
  readonly where: () => string;
}

export class BankOracle {
  readonly past: PastStates;
  readonly pastMembers: PastMembers;
  readonly #verdict: Verdict;
  readonly #bank: ReferenceBank;
  readonly #ledgers: LedgerOracle;
  readonly #payments: PaymentsOracle;
  readonly #settlement: SettlementBooks;
  readonly #reached: ReachedPoints;

  /** `currencies` are those that the run may name. */
  constructor(
    verdict: Verdict,
    genesis: Pick<Genesis, "adminKey" | "nodes">,
    currencies: readonly number[],
    reached: ReachedPoints,
  ) {
    this.#verdict = verdict;
    this.#reached = reached;
    const nodes = genesis.nodes.map(({ publicKey }) => toHex(publicKey));
    this.#bank = new ReferenceBank(toHex(genesis.adminKey), nodes, currencies);
    this.#ledgers = new LedgerOracle(verdict, this.#bank.ledger);
    this.#payments = new PaymentsOracle(verdict, this.#bank, this.#ledgers, reached);
    this.#settlement = new SettlementBooks(verdict, this.#bank.ledger);
    this.past = new PastStates(verdict, this.#bank.ledger);
    this.pastMembers = new PastMembers(verdict, this.#bank.members.nodes);
  }

  /** The ledger of a node that starts; a restored one is believed, because its digests are compared. */
  createLedger(node: NodeId): Ledger {
    return this.#ledgers.createLedger(node);
  }

  /** A node has applied a block; `first` when nobody had before. */
  applied(node: NodeId, { block, results, duplicates, events }: Applied, first: boolean): void {
    const calls = [...this.#ledgers.take(node)];
    if (!first) return;
    const { header, transactions } = block;
    this.#bank.members.standUnder(header.configuration);
    const where = (): string => `block ${header.height}`;
    const began = housekeepingTimestamp(header);
    this.#beginBlock({ now: began, release: header.release, calls: takeUntil(calls, began), where });
    transactions.forEach((encoded, index) => {
      const timestamp = transactionTimestamp(header, index);
      const result = results[index] as Uint8Array;
      const inBlock = (): string => `${where()}, transaction ${index}`;
      const executed = { encoded, result, duplicate: duplicates[index] === true, where: inBlock };
      this.#transaction({ ...executed, timestamp, release: header.release }, calls);
    });
    this.#expectNone(calls, where);
    this.#payments.endBlock(events, where);
    this.past.block(header.height);
    this.pastMembers.block(header.height, this.#bank.members.nodes, header.configuration);
  }

  /** A node that has applied just the blocks that the reference has shows the same. */
  compare(node: NodeId, state: Pick<StateMachine, "query">, where: () => string): void {
    this.#ledgers.compare(node, where);
    this.#payments.compare(state, where);
    this.#settlement.compare(state, where);
    const answer = state.query({ type: "assets" }, ALL_SEEING);
    const shown = answer.type === "assets" ? answer.assets : [];
    const assets = this.#bank.assets.map((asset) => this.#viewOf(asset)).sort((a, b) => a.ledger - b.ledger);
    expectSame(this.#verdict, RULE, shown, assets, () => `${where()}: assets`);
    const members = state.query({ type: "members" }, ALL_SEEING);
    if (members.type === "members") this.pastMembers.read(members);
    for (const [id, amount] of this.#bank.reversed) {
      const reversed = state.query({ type: "reversed", id }, ALL_SEEING);
      const expected = { amount: amount.toString() };
      expectSame(this.#verdict, RULE, reversed, expected, () => `${where()}: reversals of ${id}`);
    }
  }

  #transaction({ encoded, result, duplicate, timestamp, release, where }: Executed, calls: LedgerCall[]): void {
    const { kind, body, publicKey, cosignatures } = decodeTransaction(encoded);
    const command = decodeBody(kind, body);
    const mine = takeUntil(calls, timestamp, command.kind === "freezeAccount");
    const decoded = decodeResult(result);
    if (duplicate) return;
    if (command.kind === "changeMembers" && command.body.demote !== undefined && release < DEMOTES_SINCE) {
      expectSame(this.#verdict, RULE, decoded, { status: "invalid", what: "malformed_body" }, where);
      return;
    }
    const signatures = { first: toHex(publicKey), others: cosignatures.map((by) => toHex(by.publicKey)) };
    const signer = this.#bank.authorities.judge(signatures, command.kind === "sessionOpen");
    if (typeof signer === "string") {
      expectSame(this.#verdict, RULE, decoded.status, signer, where);
      return;
    }
    if (SESSION_REFUSALS.includes(decoded.status)) return;
    const by = this.#bank.execute(command, signer, timestamp);
    const happening = { now: timestamp, release, calls: mine, where };
    const prediction = by ?? this.#payments.execute(command, signer.authority.id, happening);
    if (prediction === undefined) return;
    if (decoded.status === "ok") this.#settlement.executed(command);
    this.#judge(command, decoded, prediction, where);
    if (by === undefined) this.#expectNone(mine, where);
    if (command.kind === "createAsset" && prediction.status === "ok") this.#assetCreated(command.body, mine, where);
    this.#reached.executed(this.#bank, command, prediction, signer.delegate !== undefined);
  }

  #judge(command: Command, result: ReturnType<typeof decodeResult>, prediction: Prediction, where: () => string): void {
    const { results, ...fields } = prediction;
    const text = (): string => `${where()}, ${command.kind}`;
    expectSame(this.#verdict, ruleOf(command), { what: undefined, ...result }, { what: undefined, ...fields }, text);
    if (results === undefined || result.status !== "ok") return;
    const numbers = command.kind === "createAccounts" ? ACCOUNT_STATUS_NUMBERS : TRANSFER_STATUS_NUMBERS;
    expectSame(this.#verdict, RULE, batchResults(result), numbered(results, numbers), text);
  }

  /** What a block does before its transactions: holds expire, then payments, then windows close. */
  #beginBlock(happening: Happening): void {
    const { calls, where } = happening;
    if (calls[0]?.what === "expire") this.#replay(calls.shift() as LedgerCall, where);
    this.#payments.beginBlock(happening);
    this.#expectNone(calls, where);
  }

  #expectNone(calls: readonly LedgerCall[], where: () => string): void {
    const why = (): string => `${where()}: the ledger did ${calls.length} things for nobody`;
    this.#verdict.expect(calls.length === 0, RULE, why);
  }

  /** The system's accounts of an asset: their ids are nobody's to predict, all else is. */
  #assetCreated(body: CreateAssetBody, calls: readonly LedgerCall[], where: () => string): void {
    const { ledger, cap } = body;
    for (const call of calls) this.#replay(call, where);
    const [opened, given] = calls;
    const accounts = opened?.what === "createAccounts" ? decodeAccounts(opened.batch) : [];
    const transfers = given?.what === "createTransfers" ? decodeTransfers(given.batch) : [];
    const [issuanceAccount = 0n, capAccount] = accounts.map(({ id }) => id);
    const capped = cap > 0n;
    const issuance = { ledger, flags: capped ? A.debitsLimited : 0 };
    expectSame(this.#verdict, RULE, accounts, capped ? [issuance, { ledger, flags: 0 }] : [issuance], where);
    const gift = { debitAccountId: capAccount, creditAccountId: issuanceAccount, amount: cap, code: CAP_CODE };
    expectSame(this.#verdict, RULE, transfers, capped ? [gift] : [], where);
    this.#bank.enterAsset({ ...body, issuanceAccount, capAccount });
  }

  #viewOf(asset: ModelAsset): { readonly ledger: number } {
    const { ledger, code, decimals, issuer, cap, issued, issuanceAccount } = asset;
    const supply = this.#bank.supply(asset);
    const amounts = { cap, issued, burned: issued - supply, supply, issuanceAccount };
    const texts = Object.entries(amounts).map(([name, amount]) => [name, amount.toString()]);
    return { ledger, code, decimals, issuer, ...Object.fromEntries(texts) };
  }

  #replay(call: LedgerCall, where: () => string): void {
    this.#ledgers.replay(call, where);
    if (call.what === "expire") this.#reached.expired(call.expired);
  }
}

function ruleOf({ kind }: Command): string {
  if (OF_SETTLEMENT.includes(kind)) return "settlement";
  return OF_PAYMENTS.includes(kind) ? "payments" : RULE;
}

/** Takes the calls up to a timestamp off the front; those that freeze have none. */
function takeUntil(calls: LedgerCall[], timestamp: bigint, freezes = false): LedgerCall[] {
  const isLater = (call: LedgerCall): boolean => (call.what === "freeze" ? !freezes : call.timestamp > timestamp);
  const end = calls.findIndex(isLater);
  return calls.splice(0, end === -1 ? calls.length : end);
}
