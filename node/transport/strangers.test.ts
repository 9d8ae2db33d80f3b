import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Strangers } from "./strangers.ts";

let server: Server;
let port = 0;
const dialled: Socket[] = [];

beforeEach(async () => {
  server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
});

afterEach(() => {
  for (const socket of dialled.splice(0)) socket.destroy();
  server.close();
});

/** Our end of a connection that comes from an address of this machine. */
async function from(localAddress: string): Promise<Socket> {
  const accepted = once(server, "connection");
  const socket = connect({ host: "127.0.0.1", port, localAddress });
  socket.on("error", () => undefined);
  dialled.push(socket);
  return ((await accepted) as [Socket])[0];
}

test("beyond the bound the oldest goes for each that comes; it is said once, until there was room again", async () => {
  let times = 0;
  const strangers = new Strangers(4, () => {
    times += 1;
  });
  const sockets: Socket[] = [];
  const come = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const socket = await from("127.0.0.1");
      sockets.push(socket);
      strangers.add(socket);
    }
  };
  await come(4);
  expect([times, strangers.count]).toEqual([0, 4]);
  await come(2);
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true, false, false, false, false]);
  expect([times, strangers.count]).toEqual([1, 4]);
  for (const socket of sockets) socket.destroy();
  await expect.poll(() => strangers.count).toBe(0);
  await come(6);
  expect([times, strangers.count]).toEqual([2, 4]);
});

test("the address that has most of them loses one, however old another's are", async () => {
  const strangers = new Strangers(4, () => undefined);
  const peer = await from("127.0.0.2");
  strangers.add(peer);
  const flood: Socket[] = [];
  for (let i = 0; i < 8; i++) {
    const socket = await from("127.0.0.1");
    flood.push(socket);
    strangers.add(socket);
  }
  expect([peer.destroyed, flood.filter(({ destroyed }) => !destroyed).length]).toEqual([false, 3]);
  expect(flood.at(-1)?.destroyed).toBe(false);
});

test("who is taken counts no more, and nobody's end takes another's place", async () => {
  const strangers = new Strangers(1, () => undefined);
  const socket = await from("127.0.0.1");
  strangers.add(socket);
  expect(strangers.take(socket)).toBe(socket);
  expect([strangers.take(socket), strangers.count]).toEqual([undefined, 0]);
  strangers.add(await from("127.0.0.1"));
  expect(socket.destroyed).toBe(false);
  strangers.add(socket);
  expect([socket.destroyed, strangers.count]).toEqual([false, 1]);
});
