/**
 * What a node believes of the other members, by the rules of SWIM (Das, Gupta, Motivala 2002, section 4.2): a rumour
 * overrules what has a lower incarnation, or the same one and a milder state; only a member itself raises its
 * incarnation. Unlike SWIM's, a member that was declared dead may come back, under a higher incarnation or by speaking.
 * News is passed on a bounded number of times, the least often told first.
 */
import { must } from "../base/assert.ts";
import type { NodeId } from "../base/ids.ts";
import { INCARNATION_MAX, MEMBER_STATES, type MemberState, type Rumour } from "./frames.ts";

export interface Member {
  readonly id: NodeId;
  readonly state: MemberState;
  readonly incarnation: number;
  /** Newest state that the member has told of; 0 before the first. */
  readonly height: number;
  /** Monotonic milliseconds when it was last heard from. */
  readonly heardMs: number;
}

interface News {
  readonly rumour: Rumour;
  told: number;
}

export class Members {
  readonly #self: NodeId;
  readonly #members = new Map<NodeId, Member>();
  readonly #news = new Map<NodeId, News>();
  readonly #tellings: number;
  #incarnation = 0;

  /** `tellings` is how often a piece of news is passed on. There are no other members at first. */
  constructor(self: NodeId, tellings: number) {
    this.#self = self;
    this.#tellings = tellings;
  }

  /** From now on these are the members; an entry for this node itself is passed over. Of others nothing is remembered. */
  setMembers(ids: readonly NodeId[]): void {
    const before = new Map(this.#members);
    this.#members.clear();
    for (const id of ids) {
      if (id === this.#self) continue;
      this.#members.set(id, before.get(id) ?? { id, state: "alive", incarnation: 0, height: 0, heardMs: 0 });
    }
    for (const id of this.#news.keys()) if (id !== this.#self && !this.#members.has(id)) this.#news.delete(id);
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  /** The other members, in the order they were given. */
  all(): readonly Member[] {
    return [...this.#members.values()];
  }

  has(id: NodeId): boolean {
    return this.#members.has(id);
  }

  get(id: NodeId): Member {
    return must(this.#members.get(id), `node ${id} is not a member`);
  }

  /** Something has come from the member itself. */
  heard(id: NodeId, nowMs: number, height: number): void {
    const member = this.get(id);
    this.#members.set(id, { ...member, heardMs: nowMs, height: Math.max(height, member.height) });
    // Whoever speaks lives: what was believed of it falls, though only it may overrule what others believe.
    if (member.state !== "alive") {
      this.#learn({ member: id, state: "alive", incarnation: member.incarnation });
    }
  }

  /** This node itself concludes something about a member. */
  conclude(id: NodeId, state: MemberState): void {
    this.#learn({ member: id, state, incarnation: this.get(id).incarnation });
  }

  /** Takes a rumour; returns the member's state where that has changed. A rumour about this node is refuted. */
  hear(rumour: Rumour): MemberState | undefined {
    if (rumour.member === this.#self) {
      if (rumour.state !== "alive" && rumour.incarnation >= this.#incarnation) {
        this.#incarnation = Math.min(rumour.incarnation + 1, INCARNATION_MAX);
        this.#tell({ member: this.#self, state: "alive", incarnation: this.#incarnation });
      }
      return undefined;
    }
    const member = this.#members.get(rumour.member);
    if (member === undefined || !overrules(rumour, member)) return undefined;
    const before = member.state;
    this.#learn(rumour);
    return before === rumour.state ? undefined : rumour.state;
  }

  /** News to send along, at most `limit` pieces; counts them as told. */
  takeNews(limit: number): readonly Rumour[] {
    const waiting = [...this.#news.values()].sort((a, b) => a.told - b.told || a.rumour.member - b.rumour.member);
    const taken = waiting.slice(0, limit);
    for (const news of taken) {
      news.told += 1;
      if (news.told >= this.#tellings) this.#news.delete(news.rumour.member);
    }
    return taken.map(({ rumour }) => rumour);
  }

  #learn(rumour: Rumour): void {
    const { member, state, incarnation } = rumour;
    this.#members.set(member, { ...this.get(member), state, incarnation });
    this.#tell(rumour);
  }

  #tell(rumour: Rumour): void {
    this.#news.set(rumour.member, { rumour, told: 0 });
  }
}

function overrules(rumour: Rumour, member: Member): boolean {
  if (rumour.incarnation !== member.incarnation) return rumour.incarnation > member.incarnation;
  return MEMBER_STATES.indexOf(rumour.state) > MEMBER_STATES.indexOf(member.state);
}
