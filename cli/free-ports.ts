/** Free ports of the loopback address, for clusters on one machine. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below the ranges from which systems take the ports of outgoing connections (Linux from 32768, others higher): a node
 * that is not up yet must not find its port taken by somebody who dials out, least of all by a peer that dials it.
 */
const FROM = 10_240;
const BELOW = 32_768;

/** Ports that nobody uses now. Nobody promises that this stays so, but it is likely. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(FROM, BELOW);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
