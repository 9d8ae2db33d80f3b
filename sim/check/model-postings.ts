/**
 * Transfers that a command makes by itself. Their ids are nobody's to predict; all else is, and so is what stands against
 * them.
 */
import type { ModelTransfer } from "./reference-ledger.ts";

/** A transfer but for its id; one may end the hold that is made just before it. */
export type ModelPosting = Pick<ModelTransfer, "amount" | "ledger" | "code" | "userData128"> &
  Partial<Pick<ModelTransfer, "debitAccountId" | "creditAccountId" | "flags">> & {
    readonly pendingId?: bigint | "before";
  };

interface Posted {
  /** Ids that the transfers have got. */
  readonly ids: readonly bigint[];
  /** The status that stood against it; undefined when all were made. */
  readonly failure: string | undefined;
}

/** Makes all transfers or none. */
export type Post = (postings: readonly ModelPosting[]) => Posted;
