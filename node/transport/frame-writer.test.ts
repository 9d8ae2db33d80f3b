import { Duplex, PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { FrameWriter } from "./frame-writer.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function bench(): { writer: FrameWriter; written: string[]; socket: { readyState: number; bufferedAmount: number } } {
  const socket = { readyState: WebSocket.OPEN as number, bufferedAmount: 0 };
  const stream = new PassThrough();
  const written: string[] = [];
  stream.on("data", (bytes: Buffer) => void written.push(bytes.toString("hex")));
  const writer = new FrameWriter({ webSocket: socket as unknown as WebSocket, stream, dialled: false });
  return { writer, written, socket };
}

test("what is sent in one turn leaves in one write, in order, and counts until then", async () => {
  const { writer, written, socket } = bench();
  socket.bufferedAmount = 10;
  writer.send(Uint8Array.of(1, 2), Uint8Array.of(3));
  writer.send(Uint8Array.of(4));
  expect([writer.bufferedBytes, written]).toEqual([14, []]);
  await turn();
  expect([writer.bufferedBytes, written]).toEqual([10, ["8203010203820104"]]);
  writer.send(Uint8Array.of(5));
  await turn();
  expect(written[1]).toBe("820105");
});

test("whoever closes the WebSocket hands over what waits before; afterwards nothing leaves", async () => {
  const { writer, written, socket } = bench();
  writer.send(Uint8Array.of(1));
  writer.flush();
  socket.readyState = WebSocket.CLOSING;
  writer.send(Uint8Array.of(2));
  await turn();
  expect([written, writer.bufferedBytes]).toEqual([["820101"], 0]);
});

test("a batch's memory carries the next one, once the stream is done with it", async () => {
  const memory: ArrayBufferLike[] = [];
  const done: (() => void)[] = [];
  const stream = new Duplex({
    read: () => undefined,
    write: (bytes: Buffer, _encoding, written) => {
      memory.push(bytes.buffer);
      done.push(written);
    },
  });
  const socket = { readyState: WebSocket.OPEN as number, bufferedAmount: 0 } as WebSocket;
  const writer = new FrameWriter({ webSocket: socket, stream, dialled: true });
  const send = async (): Promise<void> => {
    writer.send(new Uint8Array(1_048_576));
    await turn();
  };
  await send();
  await send(); // waits in the stream, in memory of its own
  done[0]?.();
  await turn();
  done[1]?.();
  await send();
  expect(memory).toHaveLength(3);
  expect([memory[1] === memory[0], memory.slice(0, 2).includes(memory[2] as ArrayBuffer)]).toEqual([false, true]);
});
