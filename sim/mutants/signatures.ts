/** Bugs about who has signed. */
import { toHex, utf8 } from "../../node/base/bytes.ts";
import type { Crypto, VerifyJob } from "../../node/base/ports/crypto.ts";
import { otherCluster } from "../workload/intruder.ts";

const OF_TRANSACTIONS = "quorate.transaction.v1\0";
const OF_GREETINGS = "quorate.hello.v1\0";
const OF_NODES = ["quorate.attestation.v1\0", "quorate.state.v1\0"];

/** Whatever a signature is, it is good. */
export function trustingAll(crypto: Crypto): Crypto {
  return { ...crypto, verify: (jobs, done) => crypto.verify(jobs, (valid) => done(valid.map(() => true))) };
}

/** Of several signatures that are checked together, one that is good vouches for all. */
export function trustingOneForAll(crypto: Crypto): Crypto {
  return {
    ...crypto,
    verify: (jobs, done) => crypto.verify(jobs, (valid) => done(valid.map(() => valid.includes(true)))),
  };
}

/** What is signed for another cluster is as good. */
export function takingForeignSignatures(crypto: Crypto): Crypto {
  const foreign = new Map<string, Uint8Array>();
  const hearing = hearingOf(crypto, [OF_TRANSACTIONS], (digest, [domain, clusterId, ...rest]) => {
    if (domain === undefined || clusterId === undefined) return;
    foreign.set(digest, crypto.sha256(domain, otherCluster(clusterId), ...rest));
  });
  return verifying(hearing, (jobs, valid, done) => {
    const others = jobs.map((job) => ({ ...job, message: foreign.get(toHex(job.message)) ?? job.message }));
    crypto.verify(others, (there) => done(valid.map((is, index) => is || there[index] === true)));
  });
}

/** Who has greeted with a signature may do so with it again. */
export function takingGreetingsAgain(crypto: Crypto): Crypto {
  const greetings = new Set<string>();
  const known = new Set<string>();
  const hearing = hearingOf(crypto, [OF_GREETINGS], (digest) => greetings.add(digest));
  return verifying(hearing, (jobs, valid, done) => {
    const taken = jobs.map(({ publicKey, message, signature }, index) => {
      const greeting = `${toHex(publicKey)} ${toHex(signature)}`;
      if (!greetings.has(toHex(message))) return valid[index] === true;
      if (valid[index] === true) known.add(greeting);
      return known.has(greeting);
    });
    done(taken);
  });
}

/** What other nodes say that they have signed is not looked at. */
export function believingNodes(crypto: Crypto): Crypto {
  const statements = new Set<string>();
  const hearing = hearingOf(crypto, OF_NODES, (digest) => statements.add(digest));
  return verifying(hearing, (jobs, valid, done) => {
    done(jobs.map(({ message }, index) => statements.has(toHex(message)) || valid[index] === true));
  });
}

/** The same crypto, which tells of what is hashed to be signed: the digest, and what it is made of. */
function hearingOf(
  crypto: Crypto,
  domains: readonly string[],
  tell: (digest: string, chunks: readonly Uint8Array[]) => void,
): Crypto {
  const heads = new Set(domains.map((domain) => toHex(utf8(domain))));
  return {
    ...crypto,
    sha256: (...chunks) => {
      const digest = crypto.sha256(...chunks);
      const [head] = chunks;
      if (head !== undefined && chunks.length > 2 && heads.has(toHex(head))) tell(toHex(digest), chunks);
      return digest;
    },
  };
}

/** With another judgement of what was verified. */
function verifying(
  crypto: Crypto,
  judge: (jobs: readonly VerifyJob[], valid: readonly boolean[], done: (valid: readonly boolean[]) => void) => void,
): Crypto {
  return { ...crypto, verify: (jobs, done) => crypto.verify(jobs, (valid) => judge(jobs, valid, done)) };
}
