/** Nodes that give peers checkpoints which are whole in themselves and made up, and such as believe them. */
import { concatBytes } from "../../node/base/bytes.ts";
import type { NodeId } from "../../node/base/ids.ts";
import type { Host } from "../../node/base/ports/host.ts";
import type { Network } from "../../node/base/ports/network.ts";
import type { AccountStore } from "../../node/ledger/account-store.ts";
import { RECORD_WORDS, USER_DATA_32 } from "../../node/ledger/layout.ts";
import { Ledger } from "../../node/ledger/ledger.ts";
import { type CatchUpFrame, decodeCatchUp, encodeCatchUp } from "../../node/replica/catch-up-frames.ts";
import { LANES } from "../../node/wire/peer-frames.ts";
import { componentOf } from "./plants.ts";

const ACCOUNTS = "accounts";

/** Every other checkpoint that is given has accounts of which something else is said. */
export function lyingToPeers({ network, random }: Pick<Host, "network" | "random">): Network {
  const coin = random.fork("lies");
  /** To whom it lies, and which component has accounts then. */
  const lies = new Map<NodeId, number>();
  return sending(network, (to, frame) => {
    if (frame.type === "offer") {
      const accounts = frame.components.findIndex(({ name }) => name === ACCOUNTS);
      lies.set(to, coin.below(2) === 0 ? accounts : -1);
    }
    if (frame.type !== "chunk" || frame.component !== lies.get(to) || frame.page > 0) return frame;
    if (frame.bytes.length < frame.total) return frame;
    const bytes = altered(frame.bytes);
    return { ...frame, bytes, total: bytes.length };
  });
}

function altered(page: Uint8Array): Uint8Array {
  const accounts = componentOf(new Ledger(), ACCOUNTS) as AccountStore;
  accounts.decodePage(0, page);
  const [from, to] = accounts.slotsOf(0);
  for (let slot = from; slot < to; slot++) {
    const at = slot * RECORD_WORDS + USER_DATA_32;
    accounts.rows[at] = (accounts.rows[at] as number) ^ 1;
  }
  return accounts.encodePage(0);
}

/** What a peer gives is installed though nobody was asked about it: as if no other node answered. */
export function askingNobody(network: Network): Network {
  return sending(network, (_, frame) => (frame.type === "vouch" ? undefined : frame));
}

/** A network on which a node says something else of checkpoints, or nothing. */
function sending(network: Network, said: (to: NodeId, frame: CatchUpFrame) => CatchUpFrame | undefined): Network {
  return {
    start: (handler) => network.start(handler),
    setPeers: (peers) => network.setPeers(peers),
    sendPeer: (to, ...pieces) => {
      const [lane, ...payload] = pieces;
      if (lane?.[0] !== LANES.catchUp) return network.sendPeer(to, ...pieces);
      const frame = said(to, decodeCatchUp(concatBytes(payload)));
      return frame === undefined || network.sendPeer(to, lane, encodeCatchUp(frame));
    },
    sendClient: (connection, frame) => network.sendClient(connection, frame),
    closeClient: (connection, reason) => network.closeClient(connection, reason),
  };
}
