/**
 * One who takes backups while all goes on, as `quorate backup` does: from one node, by the pages of a checkpoint that a
 * quorum has signed or from the first block on, up to a height that a quorum has signed. Each is restored in memory.
 *
 * A node may refuse, forget what it has offered, crash, or be cut off: then the backup begins again with another node. What
 * it gives must hold.
 */
import { must } from "../../node/base/assert.ts";
import type { NodeId } from "../../node/base/ids.ts";
import type { Random } from "../../node/base/ports/random.ts";
import { type OfferedState, PageParts, type PagePlace, placesOf } from "../../node/replica/offered-state.ts";
import type { Replay } from "../../node/replica/replay.ts";
import { type ChainQuery, decodeAnswer, encodeQuery } from "../../node/state/queries.ts";
import type { SignedCheckpoint } from "../../node/wire/attestation.ts";
import type { Consistency } from "../../node/wire/client-frames.ts";
import type { Backups } from "../check/backups.ts";
import type { History } from "../check/history.ts";
import type { Verdict } from "../check/verdict.ts";
import { chance } from "../draw.ts";
import type { Reached } from "../reached.ts";
import type { Scheduler } from "../scheduler.ts";
import type { BackupOptions } from "./options.ts";
import { codeOf, type Outcome, type SimClient, type Times } from "./sim-client.ts";

/** How long a backup waits for signatures, or for a node that lags, before it turns to another node. */
const PATIENCE_US = 3_000_000;
/** So many backups shall have all that was acknowledged before they began; others end where a quorum has signed already. */
const UP_TO_DATE_PERMILLE = 500;
/** What a node may say to somebody who takes a backup: not here any more, not yet, or that it knows too little. */
const MAY_REFUSE: ReadonlySet<string> = new Set([
  "block_compacted",
  "checkpoint_gone",
  "checkpoint_unavailable",
  "unknown_key",
]);

export interface BackupTakerDeps {
  readonly client: SimClient;
  readonly random: Random;
  readonly scheduler: Pick<Scheduler, "nowUs">;
  readonly history: Pick<History, "heights">;
  readonly verdict: Verdict;
  readonly reached: Reached;
  readonly backups: Backups;
}

/** A backup on its way. */
interface Backup {
  readonly node: NodeId;
  /** The end lies here or above. */
  atLeast: number;
  /** What is to be done next; answered, it says what comes then. */
  step: () => void;
  /** When it last came further. */
  cameFurtherUs: number;
}

/** The pages of an offered state that have come, and those that are to be asked for. */
interface Pages {
  readonly offered: OfferedState;
  readonly places: readonly PagePlace[];
  readonly taken: Uint8Array[];
}

type AnswerTo<T extends ChainQuery["type"]> = ReturnType<typeof decodeAnswer<T>>;

export class BackupTaker {
  readonly #deps: BackupTakerDeps;
  readonly #options: BackupOptions;
  #backup: Backup | undefined;

  constructor(deps: BackupTakerDeps, options: BackupOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Begins a backup, or goes on with the one that waits. */
  next(): void {
    if (this.#deps.client.open > 0) return;
    if (this.#backup === undefined) this.#begin();
    else this.#backup.step();
  }

  #begin(): void {
    const { client, history, random, scheduler, verdict } = this.#deps;
    this.#query({ type: "checkpoint" }, "linearizable", (outcome, times) => {
      if (outcome.kind !== "answer") {
        verdict.fail("refusals", `who takes a backup got ${codeOf(outcome)}`);
        return;
      }
      const { height } = decodeAnswer("checkpoint", outcome.answer);
      history.heights.read(height, times);
      const node = must(client.node, "somebody has answered");
      const begin = chance(random, this.#options.fromCheckpointPermille) ? this.#offer : this.#firstBlock;
      const atLeast = chance(random, UP_TO_DATE_PERMILLE) ? Math.max(1, height) : 1;
      this.#backup = { node, atLeast, step: begin, cameFurtherUs: scheduler.nowUs };
      this.#goOn(begin);
    });
  }

  /** Whether the node has the log from the first block on. */
  readonly #firstBlock = (): void => {
    this.#ask({ type: "blocks", from: 1 }, () => this.#end(this.#deps.backups.fromGenesis()), {
      block_compacted: () => this.#goOn(this.#offer),
    });
  };

  readonly #offer = (): void => {
    this.#ask(
      { type: "signedState" },
      (answer) => {
        const offered = this.#deps.backups.offered(answer);
        if (offered === undefined) return;
        const backup = must(this.#backup, "a backup is under way");
        backup.atLeast = Math.max(backup.atLeast, offered.signed.height);
        this.#page({ offered, places: placesOf(offered), taken: [] });
      },
      { checkpoint_unavailable: () => this.#wait() },
    );
  };

  #page(pages: Pages): void {
    const { offered, places, taken } = pages;
    const place = places[taken.length];
    if (place === undefined) {
      const replay = this.#deps.backups.fromPages(offered, taken);
      if (replay !== undefined) this.#end(replay, true);
    } else this.#goOn(() => this.#part(pages, place, new PageParts(place)));
  }

  #part(pages: Pages, place: PagePlace, parts: PageParts): void {
    const { component, page } = place;
    const query = { type: "statePage", state: pages.offered.signed.height, component, page } as const;
    this.#ask({ ...query, offset: parts.offset }, (answer) => {
      this.#deps.backups.attempt(() => {
        const whole = parts.take(answer);
        if (whole === undefined) {
          this.#goOn(() => this.#part(pages, place, parts));
          return;
        }
        pages.taken.push(whole);
        this.#page(pages);
      });
    });
  }

  /** Waits for a height that a quorum has signed, far enough up. */
  #end(replay: Replay, fromCheckpoint = false): void {
    const backup = must(this.#backup, "a backup is under way");
    const ask = (): void => {
      this.#ask({ type: "checkpoint" }, ({ height, agreed }) => {
        const end = agreed === null ? undefined : this.#deps.backups.agreed({ height, agreed });
        if (end === undefined || end.height < backup.atLeast) this.#wait();
        else this.#blocks(replay, end, fromCheckpoint);
      });
    };
    this.#goOn(ask);
  }

  #blocks(replay: Replay, end: SignedCheckpoint, fromCheckpoint: boolean): void {
    const { backups, reached } = this.#deps;
    if (replay.state.height < end.height) {
      this.#goOn(() => {
        this.#ask({ type: "blocks", from: replay.state.height + 1 }, ({ blocks }) => {
          backups.execute(replay, blocks, end);
          if (blocks.length === 0) this.#wait();
          else this.#blocks(replay, end, fromCheckpoint);
        });
      });
      return;
    }
    backups.restored(replay, end);
    reached.add("backupTaken");
    if (fromCheckpoint) reached.add("backupFromCheckpoint");
    this.#backup = undefined;
  }

  /** Takes a step at once, or after a pause. */
  #goOn(step: () => void): void {
    const backup = must(this.#backup, "a backup is under way");
    backup.step = step;
    backup.cameFurtherUs = this.#deps.scheduler.nowUs;
    if (this.#deps.verdict.failure === undefined && !chance(this.#deps.random, this.#options.pausePermille)) step();
  }

  /** The same is asked again after a pause, for a while. */
  #wait(): void {
    const { cameFurtherUs } = must(this.#backup, "a backup is under way");
    if (this.#deps.scheduler.nowUs - cameFurtherUs > PATIENCE_US) this.#beginAgain();
  }

  #beginAgain(): void {
    this.#deps.reached.add("backupBegunAgain");
    this.#backup = undefined;
    this.#deps.client.leave();
  }

  /** Asks the node of the backup; an answer of another one, and what it refuses for good, begins the backup again. */
  #ask<T extends "blocks" | "checkpoint" | "signedState" | "statePage">(
    query: ChainQuery & { readonly type: T },
    answered: (answer: AnswerTo<T>) => void,
    refused: Readonly<Record<string, () => void>> = {},
  ): void {
    const backup = must(this.#backup, "a backup is under way");
    this.#query(query, "local", (outcome) => {
      const code = codeOf(outcome);
      const isOther = this.#deps.client.node !== backup.node;
      if (isOther) this.#beginAgain();
      else if (outcome.kind === "answer") answered(decodeAnswer<T>(query.type, outcome.answer));
      else if (refused[code] !== undefined) refused[code]();
      else {
        this.#deps.verdict.expect(MAY_REFUSE.has(code), "backup", () => `${query.type} was refused: ${code}`);
        this.#beginAgain();
      }
    });
  }

  #query(query: ChainQuery, consistency: Consistency, done: (outcome: Outcome, times: Times) => void): void {
    this.#deps.client.ask({ kind: "query", query: encodeQuery(query), consistency }, done);
  }
}
