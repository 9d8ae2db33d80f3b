/** Holds that do not expire when log time says so, or not in the order in which they are due. */
import type { Host } from "../../node/base/ports/host.ts";
import { EXPIRY } from "../../node/ledger/books.ts";
import type { Ledger } from "../../node/ledger/ledger.ts";
import type { RowTable } from "../../node/ledger/row-table.ts";
import { componentOf, withSpoiledLedger } from "./plants.ts";

const NS_PER_MS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;

/** A hold stands for a second longer than it may. */
export function expiresLate(ledger: Ledger): void {
  const nextExpiry = ledger.nextExpiry.bind(ledger);
  ledger.nextExpiry = () => {
    const at = nextExpiry();
    return at === undefined ? undefined : at + NS_PER_SECOND;
  };
}

/** A block expires one hold, and all others that are due wait. */
export function expiresOneABlock(ledger: Ledger): void {
  const expire = ledger.expirePendingTransfers.bind(ledger);
  ledger.expirePendingTransfers = (timestamp) => expire(timestamp, 1);
}

/** Of holds that are due at one block, the one that was due last expires first. */
export function expiresLastFirst(ledger: Ledger): void {
  const expiries = componentOf(ledger, "expiries") as RowTable;
  const expire = ledger.expirePendingTransfers.bind(ledger);
  ledger.expirePendingTransfers = (timestamp, limit) => {
    const expired = expire(timestamp, limit);
    const { count, sealedRows, tail, width } = expiries;
    const end = count - sealedRows;
    const places = Array.from(
      { length: Math.min(expired, end) },
      (_, back) => (end - 1 - back) * width + EXPIRY.pending,
    );
    const pending = places.map((place) => tail[place] as number);
    for (const place of places) tail[place] = pending.pop() as number;
    return expired;
  };
}

/** A node expires what is due by its own clock, not by the log's time: its state is its own, too. */
export function expiresByOwnClock({ clock }: Host): ReturnType<typeof withSpoiledLedger> {
  return withSpoiledLedger((ledger) => {
    const expire = ledger.expirePendingTransfers.bind(ledger);
    ledger.expirePendingTransfers = (timestamp, limit) => {
      const expiry = ledger.nextExpiry();
      const isDue = expiry !== undefined && expiry <= BigInt(clock.wallMs()) * NS_PER_MS;
      return isDue ? expire(timestamp, limit) : 0;
    };
  });
}
