/** The network as actors see it: frames to and from peers and clients. */
import type { NodeId } from "../ids.ts";

/** A client's connection to this node; numbers are not used again while the node runs. */
export type ConnectionId = number;

/** Another node of the cluster: the key that it proves, and where it listens. */
export interface Peer {
  readonly id: NodeId;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly host: string;
  readonly port: number;
}

/** What the network tells the node. */
export interface NetworkHandler {
  /** A frame from a peer whose identity has been proven. At most FRAME_BYTES_MAX long. */
  peerFrame(from: NodeId, frame: Uint8Array): void;
  /**
   * The link that a peer sends on has ended. Its process is gone, or only the link; a peer that cannot be reached, or whose machine has
   * lost its power, is not told of at once, or never.
   */
  peerLost(from: NodeId): void;
  clientOpened(connection: ConnectionId): void;
  /** A frame from a client; nothing is known of its sender or its content. At most FRAME_BYTES_MAX long. */
  clientFrame(connection: ConnectionId, frame: Uint8Array): void;
  clientClosed(connection: ConnectionId): void;
}

/**
 * Frames to peers and clients. May lose, delay and reorder frames to peers; never alters one (links are
 * authenticated). The frame belongs to the network once sent.
 */
export interface Network {
  /** Says who takes what arrives; called once, before anything is sent. */
  start(handler: NetworkHandler): void;
  /**
   * From now on these are the peers, each once; an entry for this node itself is passed over. Links to others are ended and
   * their frames dropped; a peer with another key is another peer. Links that stay are not disturbed.
   */
  setPeers(peers: readonly Peer[]): void;
  /**
   * Sends one frame that is handed over in pieces, so that nobody joins them only for the network to copy them again.
   * False when there is no link or its queue is full: the frame is lost, as frames may be.
   */
  sendPeer(to: NodeId, ...pieces: readonly Uint8Array[]): boolean;
  /** False when the connection is gone or has been closed for being too slow. */
  sendClient(connection: ConnectionId, frame: Uint8Array): boolean;
  /** Ends a client's connection with a reason it can read; nothing of it is heard any more. */
  closeClient(connection: ConnectionId, reason: string): void;
}
