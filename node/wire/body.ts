/**
 * Bodies of rich transactions: objects with bigints on our side, msgpack maps on the wire.
 */
import { u128Bytes } from "../base/bytes.ts";
import {
  type BlockPayerBody,
  blockPayerBody,
  type ChangeMembersBody,
  type ChannelOutcomeBody,
  type CloseSettlementBody,
  type ConfigureCardBody,
  type ConfigureParticipantBody,
  type ConfigureRiskBody,
  type ConfigureSettlementBody,
  type CreateAssetBody,
  type CreateAuthorityBody,
  type CreatePaymentBody,
  changeMembersBody,
  channelOutcomeBody,
  closeSettlementBody,
  configureCardBody,
  configureParticipantBody,
  configureRiskBody,
  configureSettlementBody,
  createAssetBody,
  createAuthorityBody,
  createPaymentBody,
  type FreezeAccountBody,
  freezeAccountBody,
  type GrantDelegateBody,
  grantDelegateBody,
  KINDS,
  kindName,
  type MoveSupplyBody,
  moveSupplyBody,
  type PaymentIdBody,
  paymentIdBody,
  type ReplaceKeysBody,
  type ReverseTransferBody,
  type ReviewPaymentBody,
  type RevokeDelegateBody,
  replaceKeysBody,
  reverseTransferBody,
  reviewPaymentBody,
  revokeDelegateBody,
  sessionOpenBody,
} from "./kinds.ts";
import { pack, unpack, WireError } from "./msgpack.ts";
import { check } from "./schema.ts";

/** A checked body with its kind; bulk bodies stay bytes. */
export type Command =
  | { readonly kind: "sessionOpen" }
  | { readonly kind: "createAccounts"; readonly batch: Uint8Array }
  | { readonly kind: "createTransfers"; readonly batch: Uint8Array }
  | { readonly kind: "createAuthority"; readonly body: CreateAuthorityBody }
  | { readonly kind: "configureSettlement"; readonly body: ConfigureSettlementBody }
  | { readonly kind: "configureParticipant"; readonly body: ConfigureParticipantBody }
  | { readonly kind: "configureCard"; readonly body: ConfigureCardBody }
  | { readonly kind: "configureRisk"; readonly body: ConfigureRiskBody }
  | { readonly kind: "blockPayer"; readonly body: BlockPayerBody }
  | { readonly kind: "replaceKeys"; readonly body: ReplaceKeysBody }
  | { readonly kind: "freezeAccount"; readonly body: FreezeAccountBody }
  | { readonly kind: "grantDelegate"; readonly body: GrantDelegateBody }
  | { readonly kind: "revokeDelegate"; readonly body: RevokeDelegateBody }
  | { readonly kind: "createPayment"; readonly body: CreatePaymentBody }
  | { readonly kind: "reviewPayment"; readonly body: ReviewPaymentBody }
  | { readonly kind: "capturePayment"; readonly body: PaymentIdBody }
  | { readonly kind: "voidPayment"; readonly body: PaymentIdBody }
  | { readonly kind: "channelOutcome"; readonly body: ChannelOutcomeBody }
  | { readonly kind: "closeSettlement"; readonly body: CloseSettlementBody }
  | { readonly kind: "createAsset"; readonly body: CreateAssetBody }
  | { readonly kind: "issueAsset"; readonly body: MoveSupplyBody }
  | { readonly kind: "burnAsset"; readonly body: MoveSupplyBody }
  | { readonly kind: "reverseTransfer"; readonly body: ReverseTransferBody }
  | { readonly kind: "changeMembers"; readonly body: ChangeMembersBody };

/** Fields that are u128 on the wire; every other bigint is u64. */
const U128_FIELDS: ReadonlySet<string> = new Set([
  "id",
  "payer",
  "payee",
  "amount",
  "hubAccount",
  "settlementAccount",
  "clearingAccount",
  "reviewAmount",
  "declineAmount",
  "velocityDeclineAmount",
  "account",
  "dailyLimit",
  "cap",
  "transfer",
]);

/** Encodes a command's body for its envelope. */
export function encodeBody(command: Command): Uint8Array {
  if (command.kind === "createAccounts" || command.kind === "createTransfers") return command.batch;
  if (command.kind === "sessionOpen") return pack({});
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(command.body)) {
    if (value === undefined) continue;
    fields[name] = typeof value === "bigint" && U128_FIELDS.has(name) ? u128Bytes(value) : value;
  }
  return pack(fields);
}

/** Decodes and checks a body; throws `WireError` `unknown_kind`, `malformed_msgpack` or `malformed_body`. */
export function decodeBody(kind: number, body: Uint8Array): Command {
  const name = kindName(kind);
  if (name === undefined) throw new WireError("unknown_kind", `there is no transaction kind ${kind}`, { kind });
  if (name === "createAccounts" || name === "createTransfers") return { kind: name, batch: body };
  const value = unpack(body);
  switch (name) {
    case "sessionOpen":
      check(sessionOpenBody, value, "malformed_body");
      return { kind: name };
    case "createAuthority":
      return { kind: name, body: check(createAuthorityBody, value, "malformed_body") };
    case "configureSettlement":
      return { kind: name, body: check(configureSettlementBody, value, "malformed_body") };
    case "configureParticipant":
      return { kind: name, body: check(configureParticipantBody, value, "malformed_body") };
    case "configureCard":
      return { kind: name, body: check(configureCardBody, value, "malformed_body") };
    case "configureRisk":
      return { kind: name, body: check(configureRiskBody, value, "malformed_body") };
    case "blockPayer":
      return { kind: name, body: check(blockPayerBody, value, "malformed_body") };
    case "replaceKeys":
      return { kind: name, body: check(replaceKeysBody, value, "malformed_body") };
    case "freezeAccount":
      return { kind: name, body: check(freezeAccountBody, value, "malformed_body") };
    case "grantDelegate":
      return { kind: name, body: check(grantDelegateBody, value, "malformed_body") };
    case "revokeDelegate":
      return { kind: name, body: check(revokeDelegateBody, value, "malformed_body") };
    case "createPayment":
      return { kind: name, body: check(createPaymentBody, value, "malformed_body") };
    case "reviewPayment":
      return { kind: name, body: check(reviewPaymentBody, value, "malformed_body") };
    case "capturePayment":
      return { kind: name, body: check(paymentIdBody, value, "malformed_body") };
    case "voidPayment":
      return { kind: name, body: check(paymentIdBody, value, "malformed_body") };
    case "channelOutcome":
      return { kind: name, body: check(channelOutcomeBody, value, "malformed_body") };
    case "closeSettlement":
      return { kind: name, body: check(closeSettlementBody, value, "malformed_body") };
    case "createAsset":
      return { kind: name, body: check(createAssetBody, value, "malformed_body") };
    case "issueAsset":
      return { kind: name, body: check(moveSupplyBody, value, "malformed_body") };
    case "burnAsset":
      return { kind: name, body: check(moveSupplyBody, value, "malformed_body") };
    case "reverseTransfer":
      return { kind: name, body: check(reverseTransferBody, value, "malformed_body") };
    case "changeMembers":
      return { kind: name, body: check(changeMembersBody, value, "malformed_body") };
  }
}

/** The wire number of a command's kind. */
export function kindOf(command: Command): number {
  return KINDS[command.kind];
}
