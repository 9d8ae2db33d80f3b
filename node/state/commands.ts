/**
 * Carrying out a command whose signer, session and expiry are in order: who may do it, and what it answers.
 */
import type { Ledger } from "../ledger/ledger.ts";
import type { Command } from "../wire/body.ts";
import type { CreateAssetBody, GrantDelegateBody, ReplaceKeysBody, RevokeDelegateBody, Role } from "../wire/kinds.ts";
import { encodeBatchResult, encodeResult, type Refusal } from "../wire/results.ts";
import type { Asset, Assets } from "./assets.ts";
import type { Members } from "./members.ts";
import type { Moment } from "./moment.ts";
import type { CardChannel } from "./payments/card-channel.ts";
import type { PaymentLifeCycle, Step } from "./payments/life-cycle.ts";
import type { Authority, Registry, Signer } from "./registry.ts";
import type { Reversals } from "./reversals.ts";
import type { Risk } from "./risk/risk.ts";
import type { Settlement } from "./settlement/settlement.ts";

export interface CommandParts {
  readonly ledger: Ledger;
  readonly assets: Assets;
  readonly reversals: Reversals;
  readonly registry: Registry;
  readonly members: Members;
  readonly risk: Risk;
  readonly settlement: Settlement;
  readonly cards: CardChannel;
  readonly lifeCycle: PaymentLifeCycle;
}

/** Roles of which the signer needs one; a kind that is not listed is open to every authority. */
const ROLES_NEEDED: Partial<Record<Command["kind"], readonly Role[]>> = {
  createAccounts: ["participant", "issuer", "operator", "admin"],
  createAuthority: ["admin"],
  configureSettlement: ["operator", "admin"],
  configureParticipant: ["operator", "admin"],
  configureCard: ["operator", "admin"],
  configureRisk: ["operator", "admin"],
  freezeAccount: ["operator", "admin"],
  blockPayer: ["operator"],
  reviewPayment: ["operator"],
  closeSettlement: ["operator"],
  createAsset: ["issuer", "admin"],
  issueAsset: ["issuer"],
  burnAsset: ["issuer"],
  channelOutcome: ["node"],
  changeMembers: ["operator", "admin"],
};

const NS_PER_SECOND = 1_000_000_000n;

/** Executes a command; returns its encoded result. */
export function executeCommand(parts: CommandParts, moment: Moment, by: Signer, command: Command): Uint8Array {
  if (by.delegate !== undefined) return executeAsDelegate(parts, moment, by.delegate, command);
  const signer = by.authority;
  const needed = ROLES_NEEDED[command.kind];
  if (needed !== undefined && !signer.roles.some((role) => needed.includes(role))) {
    return encodeResult("not_authorized", { what: "role" });
  }
  switch (command.kind) {
    case "sessionOpen":
      return encodeResult("ok");
    case "createAccounts": {
      const objection = parts.assets.objectionTo(command.batch);
      if (objection !== undefined) return encodeResult(objection.refusal, { what: objection.what });
      return batchResult(moment, parts.ledger.createAccounts(command.batch, moment.timestamp, signer.id));
    }
    case "createTransfers":
      return batchResult(moment, parts.ledger.createTransfers(command.batch, moment.timestamp, signer.id));
    case "createAuthority": {
      const authority = parts.registry.create(command.body);
      return authority === undefined ? encodeResult("already_exists") : encodeResult("ok", { id: authority.id });
    }
    case "replaceKeys":
      return replaceKeys(parts, signer, command.body);
    case "freezeAccount":
      return done(parts.ledger.freezeAccount(command.body.account, command.body.frozen) ? undefined : "not_found");
    case "grantDelegate":
      return grantDelegate(parts, moment, signer, command.body);
    case "revokeDelegate":
      return revokeDelegate(parts, signer, command.body);
    case "configureSettlement":
      return done(parts.settlement.configure(moment, command.body));
    case "configureParticipant":
      if (parts.registry.get(command.body.authority) === undefined) return encodeResult("not_found");
      return done(parts.settlement.configureParticipant(moment, command.body));
    case "configureCard":
      return done(parts.cards.configure(parts.ledger, command.body));
    case "configureRisk":
      parts.risk.configure(command.body);
      return encodeResult("ok");
    case "blockPayer":
      parts.risk.block(command.body);
      return encodeResult("ok");
    case "createPayment":
      return paymentResult(parts.lifeCycle.create(moment, signer.id, command.body));
    case "reviewPayment":
      return paymentResult(parts.lifeCycle.review(moment, command.body.id, command.body.decision));
    case "capturePayment":
      return paymentResult(parts.lifeCycle.capture(moment, signer.id, command.body.id));
    case "voidPayment":
      return paymentResult(parts.lifeCycle.void(moment, signer.id, command.body.id));
    case "channelOutcome":
      return paymentResult(parts.lifeCycle.outcome(moment, command.body));
    case "closeSettlement": {
      const window = parts.settlement.close(moment, command.body.ledger);
      if (window === undefined) return encodeResult("not_configured");
      return encodeResult("ok", { window: window.id, state: window.state, payments: window.payments });
    }
    case "createAsset":
      return createAsset(parts, moment, signer, command.body);
    case "issueAsset":
      return supplyResult(parts, signer, command.body.ledger, (asset) =>
        batchResult(moment, parts.assets.issue(moment, asset, command.body)),
      );
    case "burnAsset":
      return supplyResult(parts, signer, command.body.ledger, (asset) =>
        batchResult(moment, parts.assets.burn(moment, asset, command.body, signer.id)),
      );
    case "reverseTransfer": {
      const reversed = parts.reversals.reverse(moment, command.body, signer.id);
      return typeof reversed === "string" ? encodeResult(reversed) : batchResult(moment, reversed);
    }
    case "changeMembers": {
      const changed = parts.members.change(command.body);
      return "refusal" in changed ? encodeResult(changed.refusal, { what: changed.what }) : encodeResult("ok", changed);
    }
  }
}

/** A delegate debits within its allowance, and does nothing else. */
function executeAsDelegate(parts: CommandParts, moment: Moment, key: Uint8Array, command: Command): Uint8Array {
  if (command.kind !== "createTransfers") return encodeResult("not_authorized", { what: "delegate" });
  const { delegations } = parts.registry;
  const allowance = delegations.allowance(key, moment.timestamp);
  const results = parts.ledger.createTransfers(command.batch, moment.timestamp, allowance);
  delegations.spend(key, allowance, moment.timestamp);
  return batchResult(moment, results);
}

/** An authority replaces its own keys, an admin those of any; those of nodes stand in the genesis. */
function replaceKeys({ registry }: CommandParts, signer: Authority, body: ReplaceKeysBody): Uint8Array {
  const own = body.authority === signer.id;
  if (!own && !signer.roles.includes("admin")) return encodeResult("not_authorized", { what: "authority" });
  if (registry.isNode(body.authority)) return encodeResult("invalid", { what: "node" });
  const refusal = registry.replaceKeys(body);
  if (refusal === undefined) return encodeResult("ok", { id: body.authority });
  return encodeResult(refusal, { what: refusal === "not_found" ? "authority" : "key" });
}

function grantDelegate(parts: CommandParts, moment: Moment, signer: Authority, body: GrantDelegateBody): Uint8Array {
  const { ledger, registry } = parts;
  if (registry.isKnown(body.key) && registry.delegations.authorityOf(body.key) !== signer.id) {
    return encodeResult("already_exists", { what: "key" });
  }
  if (body.expiresAt * NS_PER_SECOND <= moment.timestamp) return encodeResult("invalid", { what: "expiresAt" });
  if (body.account !== 0n) {
    const account = ledger.lookupAccount(body.account);
    if (account === undefined) return encodeResult("not_found", { what: "account" });
    if (ledger.accountAuthority(body.account) !== signer.id) return encodeResult("not_authorized", { what: "account" });
    if (account.ledger !== body.ledger) return encodeResult("invalid", { what: "ledger" });
  }
  if (!registry.delegations.grant(signer.id, body)) return encodeResult("limit_reached", { what: "delegations" });
  return encodeResult("ok");
}

/** For the authority that granted, and for an admin. */
function revokeDelegate({ registry }: CommandParts, signer: Authority, { key }: RevokeDelegateBody): Uint8Array {
  const authority = registry.delegations.authorityOf(key);
  if (authority === undefined) return encodeResult("not_found", { what: "delegate" });
  if (authority !== signer.id && !signer.roles.includes("admin")) {
    return encodeResult("not_authorized", { what: "delegate" });
  }
  registry.delegations.revoke(key);
  return encodeResult("ok");
}

/** An issuer creates assets of its own; the admin those of any issuer. */
function createAsset(parts: CommandParts, moment: Moment, signer: Authority, body: CreateAssetBody): Uint8Array {
  const issuer = parts.registry.get(body.issuer);
  if (issuer === undefined) return encodeResult("not_found", { what: "issuer" });
  if (!issuer.roles.includes("issuer")) return encodeResult("invalid", { what: "issuer" });
  if (issuer.id !== signer.id && !signer.roles.includes("admin")) {
    return encodeResult("not_authorized", { what: "issuer" });
  }
  return done(parts.assets.create(moment, body));
}

/** What only the issuer of an asset may do to its supply. */
function supplyResult(
  parts: CommandParts,
  signer: Authority,
  ledger: number,
  move: (asset: Asset) => Uint8Array,
): Uint8Array {
  const asset = parts.assets.get(ledger);
  if (asset === undefined) return encodeResult("asset_unknown", { what: `ledger ${ledger}` });
  return asset.issuer === signer.id ? move(asset) : encodeResult("not_authorized", { what: "issuer" });
}

function done(refusal: Refusal | undefined): Uint8Array {
  return encodeResult(refusal ?? "ok");
}

function paymentResult(step: Step): Uint8Array {
  if ("refusal" in step) return encodeResult(step.refusal, { what: step.what });
  const { state, verdict, reasons, failure } = step;
  return encodeResult("ok", { state, verdict, reasons, failure });
}

function batchResult(moment: Moment, results: Uint8Array): Uint8Array {
  return encodeBatchResult(moment.timestamp, results);
}
