import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import { testCipher } from "../cipher.test-support.ts";
import { NodeDisk } from "../node-disk.ts";
import { levelDamage } from "./level-files.ts";
import { LevelStore } from "./level-store.ts";
import { verifyStore } from "./verify-store.ts";

const HOME = mkdtempSync(join(tmpdir(), "quorate-verify-store-"));
let copies = 0;

afterAll(() => rmSync(HOME, { recursive: true }));

function copyOf(path: string): string {
  copies += 1;
  const copy = join(HOME, `copy-${copies}`);
  cpSync(path, copy, { recursive: true });
  return copy;
}

/** A value that is half zeros, so that some blocks are compressed, and half noise. */
function someValue(seed: number): Uint8Array {
  return Uint8Array.from({ length: 3_000 }, (_, i) => (i < 1_500 ? 0 : Math.imul(seed + 1, i * 2_654_435_761) >>> 13));
}

/** A store with values in tables and others in LevelDB's log, written in several lives. */
async function makeStore(path: string, cipher: Cipher | undefined): Promise<void> {
  for (let life = 0; life < 3; life++) {
    const store = await LevelStore.open(path, { cipher });
    for (let i = 0; i < 8; i++) {
      await new Promise<void>((resolve, reject) => {
        const change = { key: `checkpoint/x/${life * 5 + i}`, value: someValue(life * 100 + i) };
        store.write([change], (error) => (error === undefined ? resolve() : reject(error)));
      });
    }
    await store.close();
  }
}

/** Files whose bytes count; LevelDB's `LOG` is a diary for people. */
function filesOf(path: string): string[] {
  return readdirSync(path).filter((name) => !/^(LOG|LOCK)/.test(name));
}

function flip(path: string, name: string, offset: number, bit: number): void {
  const bytes = readFileSync(join(path, name));
  bytes.writeUInt8(bytes.readUInt8(offset) ^ (1 << bit), offset);
  writeFileSync(join(path, name), bytes);
}

describe.each<[string, Cipher | undefined]>([
  ["in the clear", undefined],
  ["encrypted", testCipher()],
])("a store %s", (name, cipher) => {
  const path = join(HOME, name.replaceAll(" ", "-"));
  beforeAll(async () => await makeStore(path, cipher));

  test("that is sound has no problem, and is shown", async () => {
    const seen: (number | undefined)[] = [];
    expect(await verifyStore(copyOf(path), cipher, (store) => seen.push(store.get("checkpoint/x/0")?.length))).toEqual(
      [],
    );
    expect(seen).toEqual([3_000]);
    expect(filesOf(path).some((file) => file.endsWith(".ldb"))).toBe(true);
  });

  test("with a flipped bit in any byte of its tables is found damaged without being opened, with file and place", () => {
    const tables = filesOf(path).filter((file) => file.endsWith(".ldb"));
    const copy = copyOf(path);
    for (const file of tables) {
      const { size } = statSync(join(copy, file));
      for (let offset = 0; offset < size; offset += offset < size - 200 ? 499 : 1) {
        flip(copy, file, offset, offset & 7);
        const found = levelDamage(new NodeDisk(copy));
        expect(found, `${file} ${offset}`).toEqual([{ name: file, offset: expect.any(Number) }]);
        expect(found[0]?.offset).toBeLessThanOrEqual(offset);
        flip(copy, file, offset, offset & 7);
      }
    }
    expect(levelDamage(new NodeDisk(copy))).toEqual([]);
  });

  test("with any flipped bit is found damaged", async () => {
    const files = filesOf(path);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...files), fc.nat(2 ** 30), fc.nat(7), async (file, place, bit) => {
        const copy = copyOf(path);
        flip(copy, file, place % statSync(join(copy, file)).size, bit);
        expect((await verifyStore(copy, cipher, () => undefined)).map(({ code }) => code)).toContain("store_damaged");
        rmSync(copy, { recursive: true });
      }),
      { numRuns: 25 },
    );
  });
});
