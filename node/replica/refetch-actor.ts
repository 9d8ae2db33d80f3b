/**
 * The refetch actor: runs beside the catch-up actor on a node that cannot start without a peer's checkpoint, because its own
 * cannot be used or its log lacks what no peer has in its log any more. It has one peer after the other asked, and
 * installs what was fetched, as the ledger does on a node that runs.
 */
import type { Actor, ActorContext, ActorRef } from "../actor/actor.ts";
import { must } from "../base/assert.ts";
import type { CodedError } from "../base/errors.ts";
import type { LogIndex, NodeId } from "../base/ids.ts";
import type { Store } from "../base/ports/store.ts";
import type { CatchUpMessage } from "../messages/catch-up.ts";
import type { LedgerMessage } from "../messages/ledger.ts";
import { installChanges, loadFetched } from "./fetched-pages.ts";

const ASK_MS = 500;

export interface RefetchActorDeps {
  readonly store: Store;
  readonly catchUp: () => ActorRef<CatchUpMessage>;
  readonly peers: readonly NodeId[];
  /** Of what height a checkpoint is needed; undefined: of none. */
  readonly atLeast: () => LogIndex | undefined;
  readonly restart: () => void;
  readonly fail: (error: CodedError) => void;
}

export class RefetchActor implements Actor<LedgerMessage> {
  readonly #context: ActorContext<LedgerMessage>;
  readonly #deps: RefetchActorDeps;
  #turn = 0;

  constructor(context: ActorContext<LedgerMessage>, deps: RefetchActorDeps) {
    this.#context = context;
    this.#deps = deps;
    context.after(ASK_MS, { type: "seek" });
  }

  receive(message: LedgerMessage): void {
    const { store, catchUp, peers, restart, fail } = this.#deps;
    if (message.type === "seek") {
      this.#context.after(ASK_MS, { type: "seek" });
      const from = must(peers[this.#turn % peers.length], "there are peers");
      this.#turn += 1;
      const atLeast = this.#deps.atLeast();
      if (atLeast !== undefined) catchUp().deliver({ type: "wanted", from, atLeast });
    } else if (message.type === "install") {
      const fetched = must(loadFetched(store), "what is to be installed is noted");
      store.write(installChanges(fetched), (error) => (error === undefined ? restart() : fail(error)));
    }
  }
}
