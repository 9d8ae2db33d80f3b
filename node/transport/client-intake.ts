/**
 * Frames of clients on their way to the actors: so many in one turn of the event loop, and of each client so many. A client
 * whose frames wait is not read, so whoever sends without end waits behind its own frames and nobody else's, and no flood
 * fills a mailbox, which would refuse whoever comes next.
 *
 * A turn ends in a callback that is deferred after a frame was handed over. Before it comes the one in which the actors, whom
 * that frame woke, handle all that waits for them.
 */
import { CLIENT_FRAMES_PER_TURN_MAX, CLIENTS_FRAMES_PER_TURN_MAX, CLIENTS_FRAMES_WAITING_MAX } from "../base/limits.ts";
import type { Clock } from "../base/ports/clock.ts";

/** A client's connection. */
export interface Source {
  readonly deliver: (frame: Uint8Array) => void;
  /** No more is to be read, though what has been read may still come. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Too much waits, and most of it here: closes the connection, and its inlet. */
  readonly refuse: () => void;
}

export interface Inlet {
  frame(frame: Uint8Array): void;
  /** A frame that is for nobody: a ping or pong. It takes time all the same. */
  passed(): void;
  /** What waits is dropped, and nothing is taken any more. */
  close(): void;
}

interface Client {
  readonly source: Source;
  waiting: Uint8Array[];
  /** In the turn that `turn` says. */
  taken: number;
  turn: number;
  isClosed: boolean;
}

export class ClientIntake {
  readonly #clock: Pick<Clock, "defer">;
  /** Those that are paused, in the order in which they are served. */
  readonly #paused = new Set<Client>();
  #waiting = 0;
  #turn = 0;
  #taken = 0;
  #isTurn = false;

  constructor(clock: Pick<Clock, "defer">) {
    this.#clock = clock;
  }

  open(source: Source): Inlet {
    const client: Client = { source, waiting: [], taken: 0, turn: this.#turn, isClosed: false };
    return {
      frame: (frame) => this.#frame(client, frame),
      passed: () => {
        if (client.isClosed) return;
        if (!this.#take(client, CLIENT_FRAMES_PER_TURN_MAX)) this.#pause(client);
        this.#beginTurn();
      },
      close: () => {
        client.isClosed = true;
        this.#waiting -= client.waiting.length;
        client.waiting = [];
        this.#paused.delete(client);
      },
    };
  }

  #frame(client: Client, frame: Uint8Array): void {
    if (client.isClosed) return;
    if (client.waiting.length === 0 && this.#take(client, CLIENT_FRAMES_PER_TURN_MAX)) client.source.deliver(frame);
    else {
      this.#pause(client);
      client.waiting.push(frame);
      this.#waiting += 1;
      if (this.#waiting > CLIENTS_FRAMES_WAITING_MAX) this.#refuseGreatest();
    }
    this.#beginTurn();
  }

  /** Counts a frame of this turn; false when there were too many. */
  #take(client: Client, shareMax: number): boolean {
    if (client.turn !== this.#turn) {
      client.turn = this.#turn;
      client.taken = 0;
    }
    if (client.taken >= shareMax || this.#taken >= CLIENTS_FRAMES_PER_TURN_MAX) return false;
    client.taken += 1;
    this.#taken += 1;
    return true;
  }

  #pause(client: Client): void {
    if (this.#paused.has(client)) return;
    this.#paused.add(client);
    client.source.pause();
  }

  #beginTurn(): void {
    if (this.#isTurn) return;
    this.#isTurn = true;
    this.#clock.defer(() => this.#endTurn());
  }

  #endTurn(): void {
    this.#isTurn = false;
    this.#turn += 1;
    this.#taken = 0;
    const share = Math.floor(CLIENTS_FRAMES_PER_TURN_MAX / this.#paused.size);
    const shareMax = Math.max(1, Math.min(share, CLIENT_FRAMES_PER_TURN_MAX));
    for (const client of [...this.#paused]) {
      if (this.#taken >= CLIENTS_FRAMES_PER_TURN_MAX) break;
      this.#serve(client, shareMax);
    }
    if (this.#taken > 0 || this.#paused.size > 0) this.#beginTurn();
  }

  /** The next frames of one that is paused; then it is the last in the order, or goes on. */
  #serve(client: Client, shareMax: number): void {
    let served = 0;
    while (served < client.waiting.length && this.#take(client, shareMax)) {
      const frame = client.waiting[served] as Uint8Array;
      served += 1;
      client.source.deliver(frame);
    }
    if (client.isClosed) return;
    client.waiting = client.waiting.slice(served);
    this.#waiting -= served;
    this.#paused.delete(client);
    if (client.waiting.length > 0) this.#paused.add(client);
    else client.source.resume();
  }

  #refuseGreatest(): void {
    let greatest: Client | undefined;
    for (const client of this.#paused) {
      if (greatest === undefined || client.waiting.length > greatest.waiting.length) greatest = client;
    }
    greatest?.source.refuse();
  }
}
