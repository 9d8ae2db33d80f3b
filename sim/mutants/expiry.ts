/** Holds that do not expire when log time says so. */
import type { Host } from "../../node/base/ports/host.ts";
import type { Ledger } from "../../node/ledger/ledger.ts";
import { withSpoiledLedger } from "./plants.ts";

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
