import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import { publicKeyObject, rawPublicKey, selfSignedCertificate } from "./certificate.ts";
import { Identity } from "./identity.ts";

describe("identities", () => {
  test("survive their PEM", () => {
    const identity = Identity.generate();
    const again = Identity.fromPem(identity.toPem());
    expect(again.publicKey).toEqual(identity.publicKey);
    expect(again.sign(new Uint8Array([1]))).toEqual(identity.sign(new Uint8Array([1])));
    expect(again.certificate).toBe(identity.certificate);
  });

  test.each(["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])(
    "are not made from %j",
    (pem) => {
      expect(() => Identity.fromPem(pem)).toThrow(expect.objectContaining({ code: "identity_invalid" }));
    },
  );

  test("must be Ed25519", () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    expect(() => Identity.fromPem(pem)).toThrow(expect.objectContaining({ code: "identity_invalid" }));
    expect(rawPublicKey(generateKeyPairSync("x25519").publicKey)).toBeUndefined();
  });
});

describe("certificates", () => {
  test("are well-formed X.509, signed by the key they hold (RFC 8410)", () => {
    const identity = Identity.generate();
    const certificate = new X509Certificate(identity.certificate);
    expect(certificate.verify(publicKeyObject(identity.publicKey))).toBe(true);
    expect(certificate.verify(publicKeyObject(Identity.generate().publicKey))).toBe(false);
    expect(rawPublicKey(certificate.publicKey)).toEqual(identity.publicKey);
    expect(certificate.subject).toBe("CN=quorate");
    expect(certificate.validTo).toBe("Dec 31 23:59:59 9999 GMT");
  });

  test("say nothing about whose key signed them: the key inside is what counts", () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const other = Identity.generate().publicKey;
    const certificate = new X509Certificate(selfSignedCertificate(privateKey, other));
    expect(rawPublicKey(certificate.publicKey)).toEqual(other);
    expect(certificate.verify(certificate.publicKey)).toBe(false);
  });
});
