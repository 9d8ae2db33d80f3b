import { expect, test } from "vitest";
import { Lives } from "./lives.ts";

/** Lives that close when their disk lets them, and what becomes of them. */
class Recorded {
  readonly events: string[] = [];
  readonly lives = new Lives(() => this.#open());
  #opened = 0;
  #letGo: () => void = () => undefined;

  /** The disk goes on. */
  letGo(): void {
    this.#letGo();
  }

  #open(): Promise<{ close(): Promise<void> }> {
    this.#opened += 1;
    const name = this.#opened;
    this.events.push(`opened ${name}`);
    const close = async (): Promise<void> => {
      this.events.push(`closing ${name}`);
      await new Promise<void>((resolve) => {
        this.#letGo = resolve;
      });
      this.events.push(`closed ${name}`);
    };
    return Promise.resolve({ close });
  }
}

test("a node starts again when nothing of its life before is open any more", async () => {
  const node = new Recorded();
  await node.lives.begin();
  const restarted = node.lives.restart();
  expect(node.events).toEqual(["opened 1", "closing 1"]);
  node.letGo();
  await restarted;
  expect(node.events).toEqual(["opened 1", "closing 1", "closed 1", "opened 2"]);
});

test("a node that has stopped itself does not start again: its data is opened no more", async () => {
  const node = new Recorded();
  await node.lives.begin();
  node.lives.end();
  await node.lives.restart();
  expect(node.events).toEqual(["opened 1"]);
});

test("neither does one that was to start again already, and waited for its disk", async () => {
  const node = new Recorded();
  await node.lives.begin();
  const restarted = node.lives.restart();
  node.lives.end();
  node.letGo();
  await Promise.all([restarted, node.lives.settled()]);
  expect(node.events).toEqual(["opened 1", "closing 1", "closed 1"]);
  // What is closed is not closed again.
  await node.lives.close();
  expect(node.events).toHaveLength(3);
});

test("a restart that fails is told once, and waited for by nobody", async () => {
  let opened = 0;
  const lives = new Lives(() => {
    opened += 1;
    if (opened > 1) return Promise.reject(new Error("damaged"));
    return Promise.resolve({ close: () => Promise.resolve() });
  });
  await lives.begin();
  await expect(lives.restart()).rejects.toThrow("damaged");
  await lives.settled();
  expect(lives.current).toBeUndefined();
});
