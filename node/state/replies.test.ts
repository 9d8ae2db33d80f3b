import { expect, test } from "vitest";
import { SESSION_WINDOW } from "../base/limits.ts";
import { refusalOf } from "../wire/hostile.contract.ts";
import { Replies } from "./replies.ts";

const hash = (n: number): Uint8Array => new Uint8Array(32).fill(n % 251);
const result = (n: number): Uint8Array => new Uint8Array(20 + (n % 30)).fill(n % 7);

test("are found by number and hash while they are in the window, also after many were swept and in a page", () => {
  let replies = new Replies();
  const rounds = 20 * SESSION_WINDOW;
  for (let n = 1; n <= rounds; n++) {
    replies.forget(n - SESSION_WINDOW);
    replies.add(n, hash(n), result(n));
    if (n % 1_000 === 0) replies = Replies.decode(replies.encode(), n);
    expect(replies.find(n - SESSION_WINDOW)).toBe(-1);
    const oldest = Math.max(1, n - SESSION_WINDOW + 1);
    for (const known of [oldest, n]) {
      const at = replies.find(known);
      expect(replies.isTo(at, hash(known))).toBe(true);
      expect(replies.isTo(at, hash(known + 1))).toBe(false);
      expect(replies.result(at)).toEqual(result(known));
    }
  }
});

test("a dropped result stays dropped, and the reply known", () => {
  let replies = new Replies();
  for (const n of [3, 1, 2]) replies.add(n, hash(n), result(n));
  for (const dropped of [3, 1]) {
    replies.dropOldest();
    replies = Replies.decode(replies.encode(), 3);
    expect(replies.isTo(replies.find(dropped), hash(dropped))).toBe(true);
    expect(replies.result(replies.find(dropped))).toBeUndefined();
  }
  expect(replies.result(replies.find(2))).toEqual(result(2));
  expect(replies.resultBytes).toBe(result(2).length);
});

const decode = (bytes: Uint8Array): Replies => Replies.decode(bytes, 2);

test("bytes that no replies have are refused", () => {
  const replies = new Replies();
  for (const n of [1, 2]) replies.add(n, hash(n), result(n));
  const encoded = replies.encode();
  for (let length = 1; length < encoded.length; length++) {
    if (length === encoded.length / 2) continue;
    const fault = refusalOf(decode, encoded.slice(0, length));
    expect([undefined, "malformed_body"]).toContain(fault);
  }
  expect(refusalOf(decode, encoded.slice(0, -1))).toBe("malformed_body");
  const twice = new Uint8Array([...encoded, ...encoded]);
  expect(refusalOf(decode, twice)).toBe("malformed_body");
  expect(refusalOf((bytes) => Replies.decode(bytes, 1), encoded)).toBe("malformed_body");
  expect(refusalOf((bytes) => Replies.decode(bytes, 2 + SESSION_WINDOW), encoded)).toBe("malformed_body");
});
