/** Replies of Redis, in whatever pieces they arrive. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { RedisConnection, redisCommand } from "./redis-connection.ts";

/** A connection to somebody who answers each pipeline with these pieces, one after the other. */
async function answeredBy(pieces: readonly string[]): Promise<{ connection: RedisConnection; end: () => void }> {
  const server = createServer((socket: Socket) => {
    socket.setNoDelay(true);
    socket.on("data", () => {
      void (async (): Promise<void> => {
        for (const piece of pieces) {
          socket.write(piece, "latin1");
          await new Promise((resolve) => {
            setTimeout(resolve, 1);
          });
        }
      })();
    });
    socket.on("error", () => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const connection = await RedisConnection.open((server.address() as AddressInfo).port);
  const end = (): void => {
    connection.close();
    server.close();
  };
  return { connection, end };
}

const REPLIES = ":1000\r\n+OK\r\n$4\r\na\r\nb\r\n$-1\r\n*2\r\n:1\r\n*2\r\n$1\r\nx\r\n$-1\r\n";
const READ = [1_000, "OK", "a\r\nb", null, [1, ["x", null]]];
const COMMANDS = READ.map(() => redisCommand("PING"));

test.each([
  ["at once", [REPLIES]],
  ["byte for byte", REPLIES.split("")],
])("replies that come %s are read as the same", async (_, pieces) => {
  const { connection, end } = await answeredBy(pieces);
  expect(await connection.ask(...COMMANDS)).toEqual(READ);
  expect(await connection.ask(...COMMANDS)).toEqual(READ);
  end();
});

test("a refusal fails what was asked", async () => {
  const { connection, end } = await answeredBy([":1\r\n", "-ERR no such script\r\n"]);
  await expect(connection.ask(...COMMANDS)).rejects.toMatchObject({
    code: "peer_failed",
    message: expect.stringContaining("no such script"),
  });
  await expect(connection.ask(...COMMANDS)).rejects.toMatchObject({ code: "peer_failed" });
  end();
});

test("a command is its words with their lengths in bytes", () => {
  expect(redisCommand("SET", "key", "\u0000\r\n\u00ff")).toBe(
    "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$4\r\n\u0000\r\n\u00ff\r\n",
  );
});
