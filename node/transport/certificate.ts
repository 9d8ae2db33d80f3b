/**
 * A self-signed X.509 certificate for a node's Ed25519 key (RFC 5280, RFC 8410). TLS wants certificates; what counts here
 * is the key inside, which both sides hold against the cluster's list. Names and dates mean nothing.
 */
import { createPublicKey, type KeyObject, sign } from "node:crypto";

/** DER tags. */
const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const EXPLICIT_0 = 0xa0;

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const header =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}

/** AlgorithmIdentifier of Ed25519: 1.3.101.112, without parameters. */
const ED25519: Buffer = der(SEQUENCE, der(OBJECT_IDENTIFIER, Buffer.from([0x2b, 0x65, 0x70])));
const COMMON_NAME: Buffer = der(OBJECT_IDENTIFIER, Buffer.from([0x55, 0x04, 0x03]));

function bitString(bytes: Uint8Array): Buffer {
  return der(BIT_STRING, Buffer.from([0]), bytes);
}

/** The certificate in PEM; valid from 2020 to the end of the calendar (RFC 5280, section 4.1.2.5). */
export function selfSignedCertificate(privateKey: KeyObject, publicKey: Uint8Array): string {
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from("quorate")))));
  const validity = der(
    SEQUENCE,
    der(UTC_TIME, Buffer.from("200101000000Z")),
    der(GENERALIZED_TIME, Buffer.from("99991231235959Z")),
  );
  const version3 = der(EXPLICIT_0, der(INTEGER, Buffer.from([2])));
  const serial = der(INTEGER, Buffer.from([1]));
  const keyInfo = der(SEQUENCE, ED25519, bitString(publicKey));
  const toBeSigned = der(SEQUENCE, version3, serial, ED25519, name, validity, name, keyInfo);
  const certificate = der(SEQUENCE, toBeSigned, ED25519, bitString(sign(null, toBeSigned, privateKey)));
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

/** The 32 raw bytes of an Ed25519 public key; undefined for a key of another kind. */
export function rawPublicKey(key: KeyObject): Uint8Array | undefined {
  if (key.asymmetricKeyType !== "ed25519") return undefined;
  const { x } = key.export({ format: "jwk" });
  return x === undefined ? undefined : new Uint8Array(Buffer.from(x, "base64url"));
}

/** The key object of a raw Ed25519 public key. Throws where the bytes are no point of the curve's encoding. */
export function publicKeyObject(raw: Uint8Array): KeyObject {
  const x = Buffer.from(raw).toString("base64url");
  return createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x } });
}
