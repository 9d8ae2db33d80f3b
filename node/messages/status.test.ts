import { expect, test } from "vitest";
import { pack, unpack } from "../wire/msgpack.ts";
import { StatusBoard } from "./status.ts";

test("the board shows each section as it stands when somebody looks, and what it shows can travel", () => {
  const board = new StatusBoard();
  let height = 1;
  board.post("ledger", () => ({ height, digest: "ab", timestamp: 2n ** 60n }));
  board.post("gossip", () => ({ members: [{ id: 2, alive: true }] }));
  height = 2;
  const shown = {
    ledger: { height: 2, digest: "ab", timestamp: 2n ** 60n },
    gossip: { members: [{ id: 2, alive: true }] },
  };
  expect(board.read()).toEqual(shown);
  expect(unpack(pack(board.read()))).toEqual(shown);
});

test("a section that is posted again, by an actor made anew, replaces the old one", () => {
  const board = new StatusBoard();
  board.post("channels", () => ({ active: 1 }));
  board.post("channels", () => ({ active: 0 }));
  expect(board.read()).toEqual({ channels: { active: 0 } });
});
