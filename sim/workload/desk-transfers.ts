/**
 * The transfers of the bank's desk: random batches of everything that a transfer may be, between accounts with all kinds of
 * limits. What they are answered is not known here: the oracle predicts it.
 */
import { U128_MAX } from "../../node/base/bytes.ts";
import type { Random } from "../../node/base/ports/random.ts";
import { type Transfer, transferFlags } from "../../node/ledger/records.ts";
import { between, chance, pick } from "../draw.ts";
import { DESK_ACCOUNTS, SHOP_ACCOUNT } from "./accounts.ts";
import { transfer } from "./bank.ts";
import type { ClerkOptions, TransferMix } from "./options.ts";

const AMOUNT_MAX = 100;
const REMEMBERED_MAX = 24;
/** Holds that are ended are among the last so many: many of the older ones have ended by themselves. */
const FRESH = 6;

export class DeskTransfers {
  readonly #random: Random;
  readonly #newId: () => bigint;
  readonly #kinds: readonly (keyof TransferMix)[];
  readonly #linkedPermille: number;
  readonly #batchMax: number;
  readonly #asked: Transfer[] = [];
  readonly #pending: Transfer[] = [];
  readonly #closing: Transfer[] = [];

  constructor(
    random: Random,
    newId: () => bigint,
    { transfers: mix, linkedPermille, batchMax }: Pick<ClerkOptions, "transfers" | "linkedPermille" | "batchMax">,
  ) {
    this.#random = random;
    this.#newId = newId;
    this.#linkedPermille = linkedPermille;
    this.#batchMax = batchMax;
    const weights = Object.entries(mix) as [keyof TransferMix, number][];
    this.#kinds = weights.flatMap(([kind, weight]) => Array.from({ length: weight }, () => kind));
  }

  /** A transfer that was asked for lately, whatever became of it. */
  recent(): Transfer | undefined {
    return this.#asked.length === 0 ? undefined : pick(this.#random, this.#asked);
  }

  /** A batch, some of it linked. */
  batch(): readonly Transfer[] {
    const random = this.#random;
    return Array.from({ length: between(random, 1, this.#batchMax) }, () => {
      const event = this.#next();
      const linked = chance(random, this.#linkedPermille);
      return linked ? { ...event, flags: event.flags | transferFlags.linked } : event;
    });
  }

  /** A plain transfer, or one that holds. */
  plain(): Transfer {
    const flags = chance(this.#random, 200) ? transferFlags.pending : 0;
    return this.#keep(this.#between({ flags }));
  }

  /** Transfers with timestamps of the past, rising from one on. */
  imported(from: bigint): readonly Transfer[] {
    return Array.from({ length: between(this.#random, 1, 2) }, (_, index) => {
      const timestamp = from + BigInt(index);
      return this.#keep(this.#between({ flags: transferFlags.imported, timestamp }));
    });
  }

  #next(): Transfer {
    const random = this.#random;
    switch (pick(random, this.#kinds)) {
      case "simple":
        return this.#keep(this.#between({}));
      case "pending":
        return this.#hold(transferFlags.pending);
      case "post":
        return this.#resolve(transferFlags.postPendingTransfer);
      case "void":
        return this.#resolve(transferFlags.voidPendingTransfer);
      case "balancing": {
        const { balancingDebit, balancingCredit } = transferFlags;
        const flags = pick(random, [balancingDebit, balancingCredit, balancingDebit | balancingCredit]);
        return this.#keep(this.#between({ flags, ...(chance(random, 500) ? { amount: U128_MAX } : {}) }));
      }
      case "closing": {
        const { pending, closingDebit, closingCredit, voidPendingTransfer } = transferFlags;
        // What was closed last is opened again, sometimes.
        if (this.#closing.length > 0 && chance(random, 500)) return this.#resolve(voidPendingTransfer, this.#closing);
        return this.#hold(pending | pick(random, [closingDebit, closingCredit]));
      }
      case "again":
        return this.#asked.length === 0 ? this.#keep(this.#between({})) : pick(random, this.#asked);
    }
  }

  #hold(flags: number): Transfer {
    const held = this.#keep(this.#between({ flags, timeout: between(this.#random, 0, 2) }));
    remember(flags === transferFlags.pending ? this.#pending : this.#closing, held);
    return held;
  }

  /** The end of a hold, which may have ended already; of nothing where there is none. */
  #resolve(flags: number, holds: readonly Transfer[] = this.#pending): Transfer {
    if (holds.length === 0) return this.#hold(transferFlags.pending);
    const { id: pendingId, amount: held, ...rest } = pick(this.#random, holds.slice(-FRESH));
    const { debitAccountId, creditAccountId, ledger } = rest;
    const posts = flags === transferFlags.postPendingTransfer;
    const amount = posts ? pick(this.#random, [U128_MAX, held, held / 2n, held + 1n]) : pick(this.#random, [0n, held]);
    return this.#keep(
      transfer({ id: this.#newId(), pendingId, debitAccountId, creditAccountId, ledger, amount, flags }),
    );
  }

  #between(special: Partial<Transfer>): Transfer {
    const random = this.#random;
    const { id: debitAccountId, ledger } = pick(random, DESK_ACCOUNTS);
    const others = [...DESK_ACCOUNTS, SHOP_ACCOUNT].filter((one) => one.ledger === ledger && one.id !== debitAccountId);
    const creditAccountId = pick(random, others).id;
    const amount = BigInt(between(random, 0, AMOUNT_MAX));
    return transfer({ id: this.#newId(), debitAccountId, creditAccountId, amount, ledger, ...special });
  }

  #keep(asked: Transfer): Transfer {
    remember(this.#asked, asked);
    return asked;
  }
}

function remember(list: Transfer[], one: Transfer): void {
  list.push(one);
  if (list.length > REMEMBERED_MAX) list.shift();
}
