import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { toHex } from "../base/bytes.ts";
import { readKeyFile, writeKeyFile } from "./key-file.ts";
import { newKey } from "./keys.ts";

const directory = mkdtempSync(join(tmpdir(), "quorate-keys-"));
afterAll(() => rmSync(directory, { recursive: true }));

function coded(code: string): Error {
  return expect.objectContaining({ code }) as Error;
}

test("a key survives its file, which only its owner may read", () => {
  const path = join(directory, "good.key");
  const key = newKey();
  writeKeyFile(path, key);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readKeyFile(path)).toMatchObject({ seed: key.seed, publicKey: key.publicKey });
  expect(readKeyFile(path).sign(new Uint8Array(3))).toEqual(key.sign(new Uint8Array(3)));
});

test("a key is never overwritten", () => {
  const path = join(directory, "kept.key");
  writeKeyFile(path, newKey());
  const before = readFileSync(path, "utf8");
  expect(() => writeKeyFile(path, newKey())).toThrow(coded("file_exists"));
  expect(readFileSync(path, "utf8")).toBe(before);
  expect(() => writeKeyFile(join(directory, "no/such/place.key"), newKey())).toThrow(coded("key_file_unwritable"));
});

test("a key that others may read is refused, and the message says how to put it right", () => {
  const path = join(directory, "exposed.key");
  writeKeyFile(path, newKey());
  for (const mode of [0o604, 0o640, 0o620]) {
    chmodSync(path, mode);
    expect(() => readKeyFile(path)).toThrow(coded("key_file_exposed"));
    expect(() => readKeyFile(path)).toThrow(`chmod 600 ${path}`);
  }
  chmodSync(path, 0o400);
  expect(readKeyFile(path).publicKey).toHaveLength(32);
});

test.each([
  ["no JSON", "{", "key_invalid"],
  ["a list", "[]", "key_invalid"],
  ["null", "null", "key_invalid"],
  ["another version", JSON.stringify({ ...fields(), version: 2 }), "key_invalid"],
  ["no secret", JSON.stringify({ ...fields(), secretSeed: undefined }), "key_invalid"],
  ["a short secret", JSON.stringify({ ...fields(), secretSeed: "00" }), "key_invalid"],
  ["a secret that is no hex", JSON.stringify({ ...fields(), secretSeed: "zz".repeat(32) }), "key_invalid"],
  ["another's public key", JSON.stringify({ ...fields(), publicKey: toHex(newKey().publicKey) }), "key_invalid"],
])("a file that is no key file is refused: %s", (name, text, code) => {
  const path = join(directory, `${name}.key`);
  writeFileSync(path, text, { mode: 0o600 });
  expect(() => readKeyFile(path)).toThrow(coded(code));
});

test("a file that is not there is said to be so", () => {
  expect(() => readKeyFile(join(directory, "nowhere.key"))).toThrow(coded("key_file_unreadable"));
});

function fields(): object {
  const { seed, publicKey } = newKey();
  return { version: 1, publicKey: toHex(publicKey), secretSeed: toHex(seed) };
}
