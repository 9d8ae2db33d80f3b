/** How bugs are planted: a broken class takes the place of a part of the node. */
import type { RaftOptions } from "../../consensus/raft/options.ts";
import type { Raft } from "../../consensus/raft/raft.ts";
import { must } from "../../node/base/assert.ts";
import type { Paged } from "../../node/base/paged.ts";
import type { Network } from "../../node/base/ports/network.ts";
import { Ledger } from "../../node/ledger/ledger.ts";
import type { Sessions } from "../../node/state/sessions.ts";
import { StateMachine, type StateMachineOptions, type StateParts } from "../../node/state/state-machine.ts";
import type { Plant } from "../cluster.ts";

/** A Raft core that is broken. */
export function raft(Broken: new (options: RaftOptions) => Raft): Plant {
  return () => ({ createRaft: (options) => new Broken(options) });
}

/** A state machine that is broken. */
export function state(Broken: new (options: StateMachineOptions) => StateMachine): Plant {
  return () => ({ createStateMachine: (options) => new Broken(options) });
}

/** A state machine that has a broken part. */
export function statePart(broken: Partial<StateParts>): Plant {
  return () => ({
    createStateMachine: (options) => new StateMachine({ ...options, parts: { ...options.parts, ...broken } }),
  });
}

/** A state machine whose sessions are broken. */
export function sessions(Broken: new () => Sessions): Plant {
  return statePart({ sessions: () => new Broken() });
}

/** A state machine with a ledger that is spoiled after it was made. */
export function withSpoiledLedger(spoil: (ledger: Ledger) => void): (options: StateMachineOptions) => StateMachine {
  return ({ parts, ...options }) => {
    const ledger = (): Ledger => {
      const made = parts?.ledger?.() ?? new Ledger();
      spoil(made);
      return made;
    };
    return new StateMachine({ ...options, parts: { ...parts, ledger } });
  };
}

/** The same as a plant. */
export function spoiledLedger(spoil: (ledger: Ledger) => void): Plant {
  const createStateMachine = withSpoiledLedger(spoil);
  return () => ({ createStateMachine });
}

/** A component of a state or a ledger, by its name in checkpoints. */
export function componentOf({ paged }: { readonly paged: readonly Paged[] }, name: string): Paged {
  return must(
    paged.find((component) => component.name === name),
    `there is a component ${name}`,
  );
}

/** A network on which a node tells clients something else. */
export function tellingClients(network: Network, said: (frame: Uint8Array) => Uint8Array): Network {
  return {
    start: (handler) => network.start(handler),
    setPeers: (peers) => network.setPeers(peers),
    sendPeer: (to, ...pieces) => network.sendPeer(to, ...pieces),
    sendClient: (connection, frame) => network.sendClient(connection, said(frame)),
    closeClient: (connection, reason) => network.closeClient(connection, reason),
  };
}
