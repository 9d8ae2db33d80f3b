/** Messages that the gateway takes. */
import type { NodeId } from "../base/ids.ts";
import type { ConnectionId } from "../base/ports/network.ts";
import type { Applied } from "../state/state-machine.ts";
import type { AdmissionRefusal } from "../wire/results.ts";

export type GatewayMessage =
  | { readonly type: "clientOpened"; readonly connection: ConnectionId }
  | { readonly type: "clientFrame"; readonly connection: ConnectionId; readonly frame: Uint8Array }
  | { readonly type: "clientClosed"; readonly connection: ConnectionId }
  /** The connection should have said hello by now. */
  | { readonly type: "helloDue"; readonly connection: ConnectionId }
  /** A frame of the forward lane. */
  | { readonly type: "peerFrame"; readonly from: NodeId; readonly payload: Uint8Array }
  /** Signatures of a batch of checks have been looked at, in the order they were asked. */
  | { readonly type: "verified"; readonly batch: number; readonly valid: readonly boolean[] }
  /** A transaction that this node itself signed; nobody waits for its receipt. */
  | { readonly type: "submitOwn"; readonly transaction: Uint8Array }
  /** Who leads now; 0 for nobody known. */
  | { readonly type: "leader"; readonly leader: NodeId }
  /** Transactions handed to consensus that did not enter a block and will not. */
  | { readonly type: "refused"; readonly transactions: readonly Uint8Array[]; readonly code: RefusalCode }
  | { readonly type: "applied"; readonly applied: Applied }
  | { readonly type: "answer"; readonly token: number; readonly answer: Uint8Array }
  /** The question itself was refused, with a code for its asker. */
  | { readonly type: "answerRefused"; readonly token: number; readonly code: string; readonly message: string }
  /** Of each of a batch, why it may not enter the log as far as this node's state says; undefined: it may. */
  | { readonly type: "admitted"; readonly batch: number; readonly refusals: readonly (AdmissionRefusal | undefined)[] }
  /** The same for one, of a state that has seen everything acknowledged before; no refusal means it may. */
  | { readonly type: "admission"; readonly token: number; readonly refusal?: AdmissionRefusal }
  /** A question that will not be answered. */
  | { readonly type: "questionRefused"; readonly token: number; readonly code: QuestionRefusalCode };

/** Why a node did not take a request; the client may try again, here or elsewhere. */
export type RefusalCode = "busy" | "disk_full" | "no_leader" | "not_leader";

/** The same of a question. A node is `behind` when its state has not come in time to where the answer lies. */
export type QuestionRefusalCode = RefusalCode | "behind";
