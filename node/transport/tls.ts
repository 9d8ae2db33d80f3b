/**
 * TLS 1.3 between Quorate processes. Certificates are self-signed; trust is the raw Ed25519 key in them, pinned by the
 * cluster file. TLS itself proves that the other side holds the key's private half.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { rawPublicKey } from "./certificate.ts";

export interface TlsCredentials {
  readonly key: string;
  readonly cert: string;
}

/** Options common to both ends. Chains are not checked: the key is, by the caller, before any frame. */
export const TLS_OPTIONS = { minVersion: "TLSv1.3", rejectUnauthorized: false } as const;

/**
 * Dialling ends leave their WebSocket frames unmasked in effect (a mask of zeros): masking protects plain-text proxies
 * from a browser's script (RFC 6455, section 10.3), and inside TLS there are none; it would cost two passes over each frame.
 */
export function zeroMask(mask: Buffer): void {
  mask.fill(0);
}

/** The raw key that the sender of a message has proven; undefined when it has shown none of ours. */
export function peerKey({ socket }: IncomingMessage): Uint8Array | undefined {
  return provenKey(socket);
}

/** The raw key that the other end of a connection has proven; undefined when it has shown none of ours. */
export function provenKey(socket: Socket): Uint8Array | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  try {
    const certificate = socket.getPeerX509Certificate();
    return certificate === undefined ? undefined : rawPublicKey(certificate.publicKey);
  } catch {
    // A stranger's certificate may hold a key that OpenSSL cannot even parse.
    return undefined;
  }
}
