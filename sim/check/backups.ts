/**
 * Backups: whatever an honest node gives to somebody who takes one can be believed and restored. What it says that a quorum
 * has signed, a quorum of the members has; the pages are those signed; the blocks follow; and what comes of it is the
 * state that the run committed, with the accounts that the reference has at that height.
 *
 * Whose signatures count, the committed chain says: those of the members as they were at some height from the one that is
 * signed to the one at which the node answers, for a node counts again whenever its members change.
 */
import { equalBytes, toHex } from "../../node/base/bytes.ts";
import { errorMessage } from "../../node/base/errors.ts";
import type { OfferedState } from "../../node/replica/offered-state.ts";
import { checkComponents, checkRoot, placesOf, stateOf } from "../../node/replica/offered-state.ts";
import { PageHashes } from "../../node/replica/page-hashes.ts";
import { Replay } from "../../node/replica/replay.ts";
import type { StateMachine } from "../../node/state/state-machine.ts";
import {
  checkpointSigners,
  decodeCheckpoint,
  type NodeTrust,
  type SignedCheckpoint,
} from "../../node/wire/attestation.ts";
import { blockHash } from "../../node/wire/block.ts";
import type { Genesis } from "../../node/wire/genesis.ts";
import { decodeSignedState, stateSigners } from "../../node/wire/state-root.ts";
import type { CommittedChain } from "./committed-chain.ts";
import type { PastMembers } from "./past-members.ts";
import type { PastStates } from "./past-states.ts";
import { readAllAccounts } from "./readers.ts";
import { expectSame } from "./same.ts";
import type { StateSafety } from "./state-safety.ts";
import type { Verdict } from "./verdict.ts";

const RULE = "backup";

export interface BackupsDeps {
  readonly verdict: Verdict;
  readonly genesis: Genesis;
  /** With the keys of all nodes of the run. */
  readonly trust: NodeTrust;
  readonly pastMembers: Pick<PastMembers, "areQuorum">;
  readonly past: Pick<PastStates, "accountsAt" | "transfersAt">;
  readonly states: Pick<StateSafety, "digestAt">;
  readonly chain: Pick<CommittedChain, "headerAt">;
}

export class Backups {
  readonly #deps: BackupsDeps;

  constructor(deps: BackupsDeps) {
    this.#deps = deps;
  }

  /** A checkpoint that a node offers at a height of its own; undefined where it is none, and the run has failed. */
  offered(answer: {
    readonly height: number;
    readonly state: Uint8Array;
    readonly components: unknown;
  }): OfferedState | undefined {
    return this.attempt(() => {
      const signed = decodeSignedState(answer.state);
      this.#mustBeQuorum("state", stateSigners(signed, this.#deps.trust), signed.height, answer.height);
      return { signed, components: checkComponents(answer.components) };
    });
  }

  /** What a node says that a quorum has signed of the log; undefined where nobody has, and the run has failed. */
  agreed(answer: { readonly height: number; readonly agreed: Uint8Array }): SignedCheckpoint | undefined {
    return this.attempt(() => {
      const signed = decodeCheckpoint(answer.agreed);
      this.#mustBeQuorum("checkpoint", checkpointSigners(signed, this.#deps.trust), signed.height, answer.height);
      return signed;
    });
  }

  /** Where a backup without a checkpoint begins. */
  fromGenesis(): Replay {
    return new Replay(this.#replayed);
  }

  /** The state of the checkpoint that a backup begins with, by its pages in the order in which they are loaded. */
  fromPages(offered: OfferedState, pages: readonly Uint8Array[]): Replay | undefined {
    const { genesis, trust } = this.#deps;
    return this.attempt(() => {
      const hashes = new PageHashes(trust.sha256);
      const byName = new Map<string, Uint8Array>();
      placesOf(offered).forEach(({ name, page }, index) => {
        const bytes = pages[index];
        if (bytes === undefined) return;
        hashes.take(name, page, bytes);
        byName.set(`${name}/${page}`, bytes);
      });
      checkRoot(hashes, offered);
      const state = stateOf({ genesis, sha256: trust.sha256 }, offered, (name, page) => byName.get(`${name}/${page}`));
      this.#compare(state);
      return new Replay(this.#replayed, state);
    });
  }

  /** The next blocks of a node's log, up to the end of the backup. */
  execute(replay: Replay, blocks: readonly Uint8Array[], end: SignedCheckpoint): void {
    for (const block of blocks.slice(0, end.height - replay.state.height)) replay.apply(block);
    if (replay.problem !== undefined) this.#deps.verdict.fail(RULE, replay.problem);
  }

  /** A backup is complete: the state that comes of it is the one that was signed, and the one that the run has committed. */
  restored(replay: Replay, end: SignedCheckpoint): void {
    const difference = replay.difference(end);
    if (difference !== undefined) this.#deps.verdict.fail(RULE, difference);
    this.attempt(() => replay.state.checkInvariants());
    this.#compare(replay.state);
  }

  /** Does what throws for something that no honest node gives. */
  attempt<T>(take: () => T): T | undefined {
    try {
      return take();
    } catch (error) {
      this.#deps.verdict.fail(RULE, errorMessage(error));
      return undefined;
    }
  }

  get #replayed(): ConstructorParameters<typeof Replay>[0] {
    const { genesis, trust } = this.#deps;
    return { ...trust, genesis };
  }

  #mustBeQuorum(what: string, signers: readonly Uint8Array[], signedAt: number, givenAt: number): void {
    const { verdict, pastMembers } = this.#deps;
    verdict.expect(
      pastMembers.areQuorum(signers.map(toHex), signedAt, givenAt),
      RULE,
      () => `a ${what} at height ${signedAt} is given at height ${givenAt}, signed by ${signers.length} nodes only`,
    );
  }

  /** A state that was restored, against what the run has committed at its height. */
  #compare(state: StateMachine): void {
    const { verdict, states, chain, past, trust } = this.#deps;
    const { height, digest, ledger } = state;
    const header = chain.headerAt(height);
    const hash = header === undefined ? undefined : blockHash(trust.sha256, header);
    const isCommitted = states.digestAt(height) === toHex(digest) && hash !== undefined;
    const where = (): string => `a backup restored at height ${height}`;
    verdict.expect(isCommitted && equalBytes(hash, state.blockHash), RULE, () => `${where()} is not what is committed`);
    expectSame(verdict, RULE, readAllAccounts(state), past.accountsAt(height), where);
    expectSame(verdict, RULE, ledger.transferCount, past.transfersAt(height), () => `${where()}, transfers`);
  }
}
