/** The three that check Ed25519 signatures: libsodium in nodes, OpenSSL in clients on Node, @noble/curves elsewhere. */
import type { VerifyJob } from "../base/ports/crypto.ts";
import { NodeCrypto } from "../host/node-crypto.ts";
import { Identity } from "../transport/identity.ts";
import { verifySignature } from "./crypto.ts";
import { verifyPortably } from "./verify-portably.ts";

const crypto = new NodeCrypto(Identity.generate());

/** What each of them says of a signature. */
export interface Verdicts {
  readonly node: boolean;
  readonly client: boolean;
  readonly portable: boolean;
}

/** As nodes check, in order. */
export async function verifyOnNode(jobs: readonly VerifyJob[]): Promise<readonly boolean[]> {
  return await new Promise((resolve) => {
    crypto.verify(jobs, resolve);
  });
}

/** What the three say of each signature, in order. */
export async function verdictsOf(jobs: readonly VerifyJob[]): Promise<Verdicts[]> {
  const onNode = await verifyOnNode(jobs);
  return jobs.map(({ publicKey, message, signature }, index) => ({
    node: onNode[index] === true,
    client: verifySignature(publicKey, message, signature),
    portable: verifyPortably(publicKey, message, signature),
  }));
}

/** All three say the same. */
export function unanimous(valid: boolean): Verdicts {
  return { node: valid, client: valid, portable: valid };
}
