/** One life of a node as its host sees it, and what of it no frame of a peer may change. */
import { Raft } from "../../consensus/raft/raft.ts";
import { toHex } from "../../node/base/bytes.ts";
import type { NodeId } from "../../node/base/ids.ts";
import type { Host } from "../../node/base/ports/host.ts";
import type { NetworkHandler } from "../../node/base/ports/network.ts";
import type { NodeParts } from "../../node/compose.ts";
import { StateMachine } from "../../node/state/state-machine.ts";
import type { LogStore } from "../../storage/wal/log-store.ts";
import { Wal } from "../../storage/wal/wal.ts";

/** Whoever follows a node. */
export interface WatchedOptions {
  /** A frame has come from a peer, and was handed on. */
  readonly heard?: (from: NodeId, frame: Uint8Array) => void;
  /** The node has logged something. */
  readonly said: (event: string, fields: object) => void;
}

/** What a node holds at a moment. */
interface Held {
  readonly term: number;
  readonly vote: NodeId;
  readonly leader: NodeId;
  readonly role: string;
  readonly commit: number;
  /** Hash of the last block that was committed before, while it is in the log: it binds all before it. */
  readonly block: string | undefined;
  readonly lastIndex: number;
  readonly state: string;
  /** Writes that were handed to the store. */
  readonly writes: number;
}

export class WatchedNode {
  readonly node: NodeId;
  readonly #host: Host;
  readonly #options: WatchedOptions;
  #handler: NetworkHandler | undefined;
  #peers: ReadonlySet<NodeId> | undefined;
  #raft: Raft | undefined;
  #log: LogStore | undefined;
  #state: StateMachine | undefined;
  #writes = 0;

  constructor(host: Host, node: NodeId, options: WatchedOptions) {
    this.#host = host;
    this.node = node;
    this.#options = options;
  }

  /** There while the node takes part. */
  get raft(): Raft | undefined {
    return this.#raft;
  }

  get clock(): Host["clock"] {
    return this.#host.clock;
  }

  /** What the node is made of so that it can be watched. */
  parts(): Partial<NodeParts & { readonly host: Host }> {
    const { network, store, log } = this.#host;
    const say =
      (level: keyof Host["log"]): Host["log"]["info"] =>
      (event, fields = {}) => {
        this.#options.said(event, fields);
        log[level](event, fields);
      };
    const watched: Partial<Host> = {
      log: { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") },
      network: {
        ...network,
        start: (handler) => {
          this.#handler = handler;
          network.start({ ...handler, peerFrame: (from, frame) => this.#heard(handler, from, frame) });
        },
        setPeers: (peers) => {
          this.#peers = new Set(peers.map(({ id }) => id));
          network.setPeers(peers);
        },
      },
      store: counting(store, () => {
        this.#writes += 1;
      }),
    };
    return {
      host: { ...this.#host, ...watched },
      createRaft: (options) => (this.#raft = new Raft(options)),
      openLog: (...args) => (this.#log = Wal.open(...args)),
      createStateMachine: (options) => (this.#state = new StateMachine(options)),
    };
  }

  /** Has the node hear a frame of a peer; false where it has no such peer. */
  deliver(from: NodeId, frame: Uint8Array): boolean {
    if (this.#handler === undefined || this.#peers?.has(from) === false) return false;
    this.#handler.peerFrame(from, frame);
    return true;
  }

  /** The same, and says what of the node then is not as it must be. */
  hear(from: NodeId, frame: Uint8Array, mayChange: boolean, fault: (text: string) => void): boolean {
    const before = this.#held();
    if (!this.deliver(from, frame)) return false;
    // Behind the turns of all actors that the frame wakes.
    this.#host.clock.defer(() => {
      const after = this.#held(before?.commit);
      const text = before && after && faultOf(before, after, mayChange);
      if (text !== undefined) fault(text);
    });
    return true;
  }

  #heard(handler: NetworkHandler, from: NodeId, frame: Uint8Array): void {
    handler.peerFrame(from, frame);
    this.#options.heard?.(from, frame);
  }

  /** `committed` is the index of a block that was committed before. */
  #held(committed = this.#raft?.commit ?? 0): Held | undefined {
    const [raft, log, state] = [this.#raft, this.#log, this.#state];
    if (raft === undefined || log === undefined || state === undefined) return undefined;
    const { term, vote, leader, role, commit, lastIndex } = raft;
    const hash = log.hash(committed);
    const held = { term, vote, leader, role, commit, lastIndex, writes: this.#writes };
    return { ...held, block: hash && toHex(hash), state: `${state.height} ${toHex(state.digest)}` };
  }
}

/** Terms, votes and what is committed never go back; a frame that is none changes nothing at all. */
function faultOf(before: Held, after: Held, mayChange: boolean): string | undefined {
  const sameTerm = after.term === before.term;
  if (after.term < before.term) return `term ${before.term} became ${after.term}`;
  if (sameTerm && before.vote !== 0 && after.vote !== before.vote) return `it voted twice in term ${after.term}`;
  if (after.commit < before.commit) return `commit index ${before.commit} became ${after.commit}`;
  const isKnown = before.block !== undefined && after.block !== undefined;
  if (isKnown && after.block !== before.block) return `block ${before.commit} was committed, and is another`;
  const [was, is] = [JSON.stringify(before), JSON.stringify(after)];
  return mayChange || was === is ? undefined : `${was} became ${is}`;
}

function counting(store: Host["store"], written: () => void): Host["store"] {
  return {
    get: (key) => store.get(key),
    snapshot: () => store.snapshot(),
    write: (changes, done) => {
      written();
      store.write(changes, done);
    },
  };
}
