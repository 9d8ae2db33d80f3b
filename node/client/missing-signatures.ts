/** Who has not signed, of those whose signatures are wanted: in words that an operator can act on. */
import { equalBytes } from "../base/bytes.ts";
import { type ClusterFile, votersIn } from "../transport/cluster-file.ts";

/** Of the nodes that vote, as the cluster file has them: how many are among those that have signed, and which are not. */
export function missingSignatures(cluster: ClusterFile, signers: readonly Uint8Array[]): string {
  const voters = votersIn(cluster);
  const missing = voters.filter(({ publicKey }) => !signers.some((key) => equalBytes(key, publicKey)));
  const names = missing.map(({ name }) => name).join(", ");
  const signed = `${voters.length - missing.length} of ${voters.length} nodes that vote have signed`;
  return `${signed}; missing: ${names}; start them, or remove them ("quorate member remove")`;
}
