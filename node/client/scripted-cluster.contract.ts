/**
 * A cluster whose nodes do as a test says: real TLS, the real client protocol and the real state machine behind one log,
 * but each node may be told to be silent, to refuse, to lie or to go away.
 */

import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { MemoryStore } from "../../storage/state/memory-store.ts";
import type { LogStore, WalRecord } from "../../storage/wal/log-store.ts";
import { assert } from "../base/assert.ts";
import { blockReceipts } from "../gateway/block-receipts.ts";
import { NodeCrypto, sha256 } from "../host/node-crypto.ts";
import type { CheckpointBoard } from "../messages/checkpoints.ts";
import { StatusBoard } from "../messages/status.ts";
import { ChainAnswers } from "../replica/chain-answers.ts";
import { contentsOf, FIRST_GENERATION, takeCheckpoint } from "../replica/checkpoint.ts";
import { GivenStates } from "../replica/given-states.ts";
import { PageHashes } from "../replica/page-hashes.ts";
import { decodeQuery, encodeAnswer, isChainQuery, type QueryAnswer, QueryRefusal } from "../state/queries.ts";
import { type Applied, StateMachine } from "../state/state-machine.ts";
import type { ClusterFile } from "../transport/cluster-file.ts";
import { Identity } from "../transport/identity.ts";
import { compareKeys } from "../wire/attestation.ts";
import { decodeBlock, type EncodedBlock, earliestTimestamp, encodeBlock } from "../wire/block.ts";
import { decodeClientFrame, encodeNodeFrame, helloDigest, type NodeFrame } from "../wire/client-frames.ts";
import { THREE_VOTERS } from "../wire/configuration.test-support.ts";
import { clusterIdOf, type Genesis } from "../wire/genesis.ts";
import { leafHash, MerkleTree } from "../wire/merkle.ts";
import { stateDigest } from "../wire/receipt.ts";
import { stateStatement } from "../wire/state-root.ts";
import { verifySignature } from "./crypto.ts";
import { type KeyPair, newKey } from "./keys.ts";

/** What a node does with a transaction. `execute` gives the receipt's frame. */
export type OnSubmit = (call: SubmitCall) => void | Promise<void>;

interface SubmitCall {
  readonly request: number;
  readonly transaction: Uint8Array;
  readonly node: ScriptedNode;
  /** Executes the transaction and encodes its receipt; with this result, signed, instead of the true one. */
  readonly receipt: (lie?: Uint8Array) => Uint8Array;
  readonly answer: (frame: NodeFrame) => void;
  /** Closes the connection without a word, or with a reason. */
  readonly hangUp: (code?: number, reason?: string) => void;
}

/** The well-behaved node. */
export const execute: OnSubmit = ({ request, receipt, answer }) => {
  answer({ type: "receipt", request, receipt: receipt() });
};

export function refuse(code: string): OnSubmit {
  return ({ request, answer }) => answer({ type: "error", request, code, message: `the script says ${code}` });
}

export const silent: OnSubmit = () => undefined;

export class ScriptedCluster {
  readonly admin: KeyPair = newKey();
  readonly nodes: ScriptedNode[];
  readonly clusterId: Uint8Array;
  state: StateMachine;
  /** The log. */
  readonly blocks: EncodedBlock[] = [];
  readonly checkpoints: CheckpointBoard = {
    ...{ agreed: undefined, taking: undefined, written: undefined, states: [], roots: [] },
  };
  /** What all nodes have written of their checkpoints. */
  readonly store: MemoryStore = new MemoryStore((run) => run());
  readonly #pages = new PageHashes(sha256);
  /** How far the cluster's clock is ahead of this process's. */
  aheadNs = 0n;
  readonly #genesis: Genesis;
  #term = 1;

  private constructor(count: number) {
    const identities = Array.from({ length: count }, () => Identity.generate());
    this.#genesis = {
      timestamp: BigInt(Date.now()) * 1_000_000n,
      nodes: identities.map(({ publicKey }, index) => ({ id: index + 1, publicKey })),
      adminKey: this.admin.publicKey,
    };
    this.clusterId = clusterIdOf(sha256, this.#genesis);
    this.state = new StateMachine({ genesis: this.#genesis, sha256 });
    this.nodes = identities.map((identity, index) => new ScriptedNode(this, index + 1, identity));
  }

  /** All nodes write a checkpoint, and all of them, or the first few, sign its pages. */
  checkpoint(signers = this.nodes.length): void {
    this.store.write(takeCheckpoint(this.state, FIRST_GENERATION, { tell: this.#pages.take }), () => undefined);
    const { height, components } = contentsOf(this.state);
    const at = { height, root: this.#pages.root(components) };
    const signatures = this.nodes
      .slice(0, signers)
      .map(({ identity }) => {
        return { nodeKey: identity.publicKey, signature: identity.sign(stateStatement(sha256, this.clusterId, at)) };
      })
      .sort((a, b) => compareKeys(a.nodeKey, b.nodeKey));
    this.checkpoints.states = [{ ...at, signatures }];
  }

  static async start(count: number): Promise<ScriptedCluster> {
    const cluster = new ScriptedCluster(count);
    for (const node of cluster.nodes) await node.start();
    return cluster;
  }

  get file(): ClusterFile {
    const nodes = this.nodes.map(({ id, identity, port }) => ({
      ...{ id, name: `node-${id}`, publicKey: identity.publicKey, host: "127.0.0.1", port },
    }));
    return { clusterId: this.clusterId, genesis: this.#genesis, nodes };
  }

  /** The next block with just this transaction, applied. */
  apply(transaction: Uint8Array): Applied {
    const { height, timestamp, blockHash, at } = this.state;
    const wall = this.now();
    const earliest = earliestTimestamp(timestamp, 1);
    const block = encodeBlock(sha256, {
      configuration: THREE_VOTERS,
      ...{ group: 0, height: height + 1, term: this.#term, clusterId: this.clusterId, previousHash: blockHash },
      ...{ timestamp: wall > earliest ? wall : earliest, transactions: [transaction] },
      state: at,
    });
    this.blocks.push(block);
    return this.state.apply(decodeBlock(sha256, block.bytes));
  }

  now(): bigint {
    return BigInt(Date.now()) * 1_000_000n + this.aheadNs;
  }

  /** Does what a long time would: every session is forgotten. */
  forgetSessions(): void {
    this.state = new StateMachine({ genesis: this.#genesis, sha256 });
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) await node.stop();
  }
}

/** What a node would have to sign that wants this result to be believed. */
function withResult(applied: Applied, result: Uint8Array): Applied {
  const { previousDigest, effectsHash, block } = applied;
  const resultTree = new MerkleTree(sha256, [leafHash(sha256, result)]);
  const parts = { previousDigest, blockHash: block.hash, resultRoot: resultTree.root, effectsHash };
  return { ...applied, results: [result], resultTree, digest: stateDigest(sha256, parts) };
}

function recordOf({ hash, bytes, header }: EncodedBlock, index: number): WalRecord {
  return { index, term: header.term, hash, previousHash: header.previousHash, payload: bytes };
}

export class ScriptedNode {
  readonly id: number;
  readonly identity: Identity;
  port = 0;
  onSubmit: OnSubmit = execute;
  /** What is said instead of a challenge when somebody connects. */
  onConnect: ((socket: WebSocket) => void) | undefined;
  /** When the challenge comes. */
  greetsAfter: Promise<void> = Promise.resolve();
  answersQueries = true;
  /** What it says instead of the truth. */
  lie: (answer: QueryAnswer) => QueryAnswer = (answer) => answer;
  /** The log time that it greets with; the cluster's without. */
  greetsWith: (() => bigint) | undefined;
  /** All transactions that came, in order. */
  readonly submitted: Uint8Array[] = [];
  readonly #cluster: ScriptedCluster;
  readonly #crypto: NodeCrypto;
  readonly #givenStates: GivenStates;
  #server: Server | undefined;
  #sockets: WebSocketServer | undefined;

  constructor(cluster: ScriptedCluster, id: number, identity: Identity) {
    this.id = id;
    this.identity = identity;
    this.#cluster = cluster;
    this.#crypto = new NodeCrypto(identity);
    this.#givenStates = new GivenStates(cluster.store, cluster.checkpoints);
  }

  get connections(): number {
    return this.#sockets?.clients.size ?? 0;
  }

  /** Listens; with another identity than its own, where a test wants an impostor. */
  async start(identity: Identity = this.identity): Promise<void> {
    this.#server = createServer({ key: identity.toPem(), cert: identity.certificate });
    this.#sockets = new WebSocketServer({ server: this.#server, maxPayload: 4 * 1_048_576 });
    this.#sockets.on("connection", (socket) => this.#serve(socket));
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets?.clients ?? []) socket.terminate();
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.close();
    await once(server, "close");
  }

  #serve(socket: WebSocket): void {
    const { clusterId } = this.#cluster;
    const answer = (frame: NodeFrame): void => socket.send(encodeNodeFrame(frame));
    socket.on("error", () => undefined);
    if (this.onConnect !== undefined) {
      this.onConnect(socket);
      return;
    }
    const nonce = new Uint8Array(32).fill(this.id);
    void this.greetsAfter.then(() => answer({ type: "challenge", clusterId, node: this.id, nonce }));
    socket.on("message", (data: Buffer) => {
      const frame = decodeClientFrame(new Uint8Array(data));
      if (frame.type === "hello") {
        const { publicKey, signature } = frame;
        const digest = helloDigest(sha256, { clusterId, node: this.id, nonce, publicKey });
        if (!verifySignature(publicKey, digest, signature)) {
          answer({ type: "error", request: 0, code: "bad_signature", message: "the hello is not signed by its key" });
        } else {
          answer({ type: "welcome", node: this.id, logTime: this.greetsWith?.() ?? this.#cluster.now() });
        }
      } else if (frame.type === "submit") this.#submit(socket, frame.request, frame.transaction);
      else if (this.answersQueries) answer(this.#answered(frame.request, frame.query));
    });
  }

  #answered(request: number, query: Uint8Array): NodeFrame {
    try {
      return { type: "answer", request, answer: encodeAnswer(this.lie(this.#answerTo(query))) };
    } catch (error) {
      if (!(error instanceof QueryRefusal)) throw error;
      return { type: "error", request, code: error.code, message: error.message };
    }
  }

  #answerTo(encoded: Uint8Array): QueryAnswer {
    const { state, clusterId, blocks, checkpoints } = this.#cluster;
    const everything = { authority: 0, seesAll: true };
    const query = decodeQuery(encoded);
    assert(query.type !== "handOver" && query.type !== "scrub", "a scripted cluster has no leader and no disk");
    if (!isChainQuery(query)) return state.query(query, everything);
    const log: Pick<LogStore, "firstIndex" | "read" | "hash"> = {
      firstIndex: () => 1,
      hash: (height) => blocks[height - 1]?.hash,
      read: (from, to) => blocks.slice(from - 1, to - 1).map((block, at) => recordOf(block, from + at)),
    };
    const shared = { state, log, clusterId, checkpoints, crypto: this.#crypto };
    const deps = { ...shared, node: this.id, status: new StatusBoard(), givenStates: this.#givenStates };
    return new ChainAnswers(deps).answer(query, everything, 0);
  }

  #submit(socket: WebSocket, request: number, transaction: Uint8Array): void {
    this.submitted.push(transaction);
    void this.onSubmit({
      ...{ request, transaction, node: this },
      receipt: (lie) => {
        const applied = this.#cluster.apply(transaction);
        const told = lie === undefined ? applied : withResult(applied, lie);
        return blockReceipts(this.#crypto, this.#cluster.clusterId, told)(0);
      },
      answer: (frame) => socket.send(encodeNodeFrame(frame)),
      hangUp: (code, reason) => (code === undefined ? socket.terminate() : socket.close(code, reason)),
    });
  }
}
