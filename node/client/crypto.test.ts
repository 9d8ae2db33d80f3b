/**
 * The client library's @noble against Node's OpenSSL and against published vectors: same keys, same signatures, same
 * hashes, same verdicts. What needs the shared data says so where it is not there.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { ed25519 } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex, utf8 } from "../base/bytes.ts";
import { dataPath, needsData } from "../base/data.test-support.ts";
import type { VerifyJob } from "../base/ports/crypto.ts";
import { sha256 as nodeSha256 } from "../host/node-crypto.ts";
import { Identity } from "../transport/identity.ts";
import { sha256 as portableSha256 } from "../wire/sha256.ts";
import { randomBytes, sha256, verifySignature } from "./crypto.ts";
import { keyFromSeed, newKey } from "./keys.ts";
import { unanimous, verdictsOf, verifyOnNode } from "./verifiers.test-support.ts";
import { verifyPortably } from "./verify-portably.ts";

const BERNSTEIN = dataPath("ed25519/sign.input.gz");
const WYCHEPROOF = dataPath("ed25519/wycheproof_ed25519_test.json");
/** @noble takes milliseconds a vector: it does one in so many, and Node all. */
const PORTABLE_EVERY = 8;

/** PKCS #8 of an Ed25519 key is this and the 32-byte seed (RFC 8410, section 7). */
const PKCS8_PREFIX = "302e020100300506032b657004220420";

/** A node's identity with the secret of a client's key. */
function identityOf(seed: Uint8Array): Identity {
  const der = Buffer.from(`${PKCS8_PREFIX}${toHex(seed)}`, "hex").toString("base64");
  return Identity.fromPem(`-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`);
}

function bytes(hex: string): Uint8Array {
  return fromHex(hex) ?? expect.unreachable(`${hex} is not hexadecimal`);
}

function all(length: number, byte: number): Uint8Array {
  return new Uint8Array(length).fill(byte);
}

describe("SHA-256", () => {
  test("FIPS 180-4: the examples", () => {
    const examples = [
      ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
      ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
      [
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
      ],
    ] as const;
    for (const [text, hash] of examples) {
      for (const ours of [sha256, portableSha256, nodeSha256]) expect(toHex(ours(utf8(text)))).toBe(hash);
    }
    for (const ours of [sha256, portableSha256, nodeSha256]) expect(toHex(ours())).toBe(examples[0][1]);
  });

  test("client, @noble and node agree, however the input is cut, small or large", () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(20_000).map((length) => new Uint8Array(length).fill(length)),
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 5 }), (chunks) => {
        const expected = createHash("sha256").update(Buffer.concat(chunks)).digest("hex");
        for (const ours of [sha256, portableSha256, nodeSha256]) expect(toHex(ours(...chunks))).toBe(expected);
      }),
      { numRuns: 200 },
    );
  });

  test("a full batch: native in the client, and the same as @noble", () => {
    const batch = new Uint8Array(1_048_320).map((_, i) => i % 253);
    expect(sha256(batch)).toEqual(portableSha256(batch));
    expect(sha256(batch.subarray(0, 100), batch.subarray(100))).toEqual(nodeSha256(batch));
  });
});

describe("Ed25519", () => {
  test("a key is the same on a client and on a node, and so are its signatures", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ maxLength: 300 }),
        (seed, message) => {
          const key = keyFromSeed(seed);
          const identity = identityOf(seed);
          expect(identity.publicKey).toEqual(key.publicKey);
          const signature = key.sign(message);
          expect(identity.sign(message)).toEqual(signature);
          expect(ed25519.sign(message, seed)).toEqual(signature);
          expect(verifySignature(key.publicKey, message, signature)).toBe(true);
          expect(verifyPortably(key.publicKey, message, signature)).toBe(true);
        },
      ),
      { numRuns: 20 },
    );
  });

  test("no bit of key, message or signature may differ, for any of the three", async () => {
    const key = newKey();
    const message = randomBytes(64);
    const good = { publicKey: key.publicKey, message, signature: key.sign(message) };
    const jobs: VerifyJob[] = [good];
    for (const field of ["publicKey", "message", "signature"] as const) {
      for (const bit of [0, 7, 100, 255]) {
        const changed = good[field].slice();
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
        jobs.push({ ...good, [field]: changed });
      }
    }
    expect(await verdictsOf(jobs)).toEqual(jobs.map((job) => unanimous(job === good)));
  });

  test("nonsense is no signature and no key, and throws nothing", async () => {
    const message = new Uint8Array(1);
    const pairs = [
      ...[all(32, 0xff), all(32, 0), all(0, 0), all(31, 1)].map((publicKey) => ({ publicKey, signature: all(64, 0) })),
      ...[all(0, 0), all(63, 1), all(64, 0xff)].map((signature) => ({ publicKey: newKey().publicKey, signature })),
    ];
    const jobs = pairs.map((pair) => ({ ...pair, message }));
    expect(await verdictsOf(jobs)).toEqual(jobs.map(() => unanimous(false)));
    expect(await verifyOnNode([])).toEqual([]);
    expect(() => keyFromSeed(all(31, 0))).toThrow(expect.objectContaining({ code: "key_invalid" }));
  });

  test("Bernstein's 1,024 vectors: both sign them to the byte and verify them", async (context) => {
    needsData(context, BERNSTEIN);
    const lines = gunzipSync(readFileSync(BERNSTEIN)).toString("utf8").trim().split("\n");
    expect(lines).toHaveLength(1_024);
    const jobs = lines.map((line, index) => {
      const [secret = "", publicHex = "", messageHex = "", signed = ""] = line.split(":");
      const seed = bytes(secret.slice(0, 64));
      const job = { publicKey: bytes(publicHex), message: bytes(messageHex), signature: bytes(signed.slice(0, 128)) };
      const identity = identityOf(seed);
      expect(identity.publicKey).toEqual(job.publicKey);
      expect(identity.sign(job.message)).toEqual(job.signature);
      if (index % PORTABLE_EVERY !== 0) return job;
      expect(keyFromSeed(seed).publicKey).toEqual(job.publicKey);
      expect(keyFromSeed(seed).sign(job.message)).toEqual(job.signature);
      expect(ed25519.sign(job.message, seed)).toEqual(job.signature);
      expect(verifyPortably(job.publicKey, job.message, job.signature)).toBe(true);
      return job;
    });
    expect((await verifyOnNode(jobs)).every((good) => good)).toBe(true);
  });

  test("Wycheproof: all three say what is expected of each of its 151 signatures", async (context) => {
    needsData(context, WYCHEPROOF);
    const { testGroups } = JSON.parse(readFileSync(WYCHEPROOF, "utf8")) as WycheproofFile;
    const cases = testGroups.flatMap(({ publicKey, tests }) =>
      tests.map(({ tcId, msg, sig, result }) => ({
        ...{ tcId, valid: result === "valid" },
        job: { publicKey: bytes(publicKey.pk), message: bytes(msg), signature: bytes(sig) },
      })),
    );
    expect(cases).toHaveLength(151);
    const verdicts = await verdictsOf(cases.map(({ job }) => job));
    expect(cases.map(({ tcId }, index) => ({ tcId, ...verdicts[index] }))).toEqual(
      cases.map(({ tcId, valid }) => ({ tcId, ...unanimous(valid) })),
    );
  });
});

interface WycheproofFile {
  readonly testGroups: readonly {
    readonly publicKey: { readonly pk: string };
    readonly tests: readonly {
      readonly tcId: number;
      readonly msg: string;
      readonly sig: string;
      readonly result: string;
    }[];
  }[];
}
