import { beforeEach, describe, expect, test } from "vitest";
import { CLIENT_FRAMES_PER_TURN_MAX, CLIENTS_FRAMES_PER_TURN_MAX, CLIENTS_FRAMES_WAITING_MAX } from "../base/limits.ts";
import { ClientIntake, type Inlet } from "./client-intake.ts";

let deferred: (() => void)[] = [];
let intake = new ClientIntake({ defer: (callback) => void deferred.push(callback) });

beforeEach(() => {
  deferred = [];
  intake = new ClientIntake({ defer: (callback) => void deferred.push(callback) });
});

function endTurn(): void {
  for (const callback of deferred.splice(0)) callback();
}

/** A client, and what has become of what it sent. */
class Client {
  readonly inlet: Inlet;
  readonly delivered: number[] = [];
  isPaused = false;
  isRefused = false;
  #next = 0;

  constructor() {
    this.inlet = intake.open({
      deliver: (frame) => void this.delivered.push(new DataView(frame.buffer).getUint32(0)),
      pause: () => {
        this.isPaused = true;
      },
      resume: () => {
        this.isPaused = false;
      },
      refuse: () => {
        this.isRefused = true;
        this.inlet.close();
      },
    });
  }

  send(count: number): void {
    for (let i = 0; i < count; i++) {
      const frame = new Uint8Array(4);
      new DataView(frame.buffer).setUint32(0, this.#next++);
      this.inlet.frame(frame);
    }
  }
}

describe("frames of one client", () => {
  test("are handed over at once, as many as a turn takes; the others in the next turns, in order, while nothing is read", () => {
    const client = new Client();
    client.send(CLIENT_FRAMES_PER_TURN_MAX);
    expect([client.delivered.length, client.isPaused]).toEqual([CLIENT_FRAMES_PER_TURN_MAX, false]);
    client.send(CLIENT_FRAMES_PER_TURN_MAX + 1);
    expect([client.delivered.length, client.isPaused]).toEqual([CLIENT_FRAMES_PER_TURN_MAX, true]);
    endTurn();
    expect([client.delivered.length, client.isPaused]).toEqual([2 * CLIENT_FRAMES_PER_TURN_MAX, true]);
    endTurn();
    expect(client.isPaused).toBe(false);
    client.send(1);
    expect(client.delivered).toEqual(Array.from({ length: 2 * CLIENT_FRAMES_PER_TURN_MAX + 2 }, (_, i) => i));
  });

  test("count together with pings and pongs", () => {
    const client = new Client();
    for (let i = 0; i < CLIENT_FRAMES_PER_TURN_MAX; i++) client.inlet.passed();
    expect(client.isPaused).toBe(false);
    client.inlet.passed();
    expect(client.isPaused).toBe(true);
    client.send(1);
    expect(client.delivered).toEqual([]);
    endTurn();
    expect([client.delivered, client.isPaused]).toEqual([[0], false]);
  });

  test("are dropped when it is closed, also while they are handed over", () => {
    const client = new Client();
    client.send(2 * CLIENT_FRAMES_PER_TURN_MAX);
    client.inlet.close();
    client.send(1);
    endTurn();
    expect(client.delivered.length).toBe(CLIENT_FRAMES_PER_TURN_MAX);
    let heard = 0;
    const inlet = intake.open({
      deliver: () => {
        heard += 1;
        if (heard === CLIENT_FRAMES_PER_TURN_MAX + 1) inlet.close();
      },
      pause: () => undefined,
      resume: () => expect.unreachable("a closed one is read"),
      refuse: () => undefined,
    });
    for (let i = 0; i < 2 * CLIENT_FRAMES_PER_TURN_MAX; i++) inlet.frame(new Uint8Array(1));
    endTurn();
    endTurn();
    expect(heard).toBe(CLIENT_FRAMES_PER_TURN_MAX + 1);
    // Nothing of it counts as waiting.
    const other = new Client();
    other.send(CLIENT_FRAMES_PER_TURN_MAX + CLIENTS_FRAMES_WAITING_MAX);
    expect(other.isRefused).toBe(false);
  });

  test("nothing is deferred while nothing is sent", () => {
    new Client().send(1);
    for (let turns = 0; deferred.length > 0; turns++) {
      expect(turns).toBeLessThan(3);
      endTurn();
    }
  });
});

describe("frames of many clients", () => {
  test("all together are as many in a turn as the actors can be given, and no client waits for another's last frame", () => {
    const clients = Array.from({ length: 64 }, () => new Client());
    const delivered = (): number => clients.reduce((sum, client) => sum + client.delivered.length, 0);
    for (const client of clients) client.send(1_000);
    expect(delivered()).toBe(CLIENTS_FRAMES_PER_TURN_MAX);
    const late = new Client();
    late.send(1);
    const before = delivered();
    endTurn();
    expect(late.delivered).toEqual([0]);
    expect(Math.min(...clients.map((client) => client.delivered.length))).toBeGreaterThan(0);
    expect(delivered() - before).toBeLessThan(CLIENTS_FRAMES_PER_TURN_MAX);
    expect(delivered() - before).toBeGreaterThan(CLIENTS_FRAMES_PER_TURN_MAX * 0.9);
    while (deferred.length > 0) endTurn();
    expect(delivered()).toBe(64_000);
    expect(clients.some(({ isPaused }) => isPaused)).toBe(false);
  });

  test("where too many wait, the client goes of whom most do", () => {
    const bystander = new Client();
    bystander.send(CLIENT_FRAMES_PER_TURN_MAX + 10);
    const flood = new Client();
    flood.send(CLIENT_FRAMES_PER_TURN_MAX + CLIENTS_FRAMES_WAITING_MAX - 10);
    expect(flood.isRefused).toBe(false);
    bystander.send(1);
    expect([flood.isRefused, bystander.isRefused]).toEqual([true, false]);
    while (deferred.length > 0) endTurn();
    expect(bystander.delivered.length).toBe(CLIENT_FRAMES_PER_TURN_MAX + 11);
  });
});
