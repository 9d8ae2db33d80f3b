/**
 * How scripts show things: one line each. `3@2` is position 3 of term 2, `t2` is term 2; a log is the terms of its
 * entries, with `|` behind what is committed and `~` at what is not durable, and `..5@2` for what is compacted away.
 */
import { sameConfiguration } from "../../node/base/configuration.ts";
import type { NodeEvent, TestNode } from "./cluster.test-support.ts";
import type { Configuration } from "./configuration.ts";
import { configurationText } from "./configurations.test-support.ts";
import type { Entry, Message } from "./messages.ts";
import type { Raft } from "./raft.ts";
import type { Ready, RoleState } from "./ready.ts";
import type { PeerProgress } from "./replication.ts";

const NAMES_PER_EPOCH = 2 ** 32;

export function messageLine(message: Message): string {
  return `${message.from}->${message.to} ${message.type} t${message.term}${bodyText(message)}`;
}

function bodyText(message: Message): string {
  switch (message.type) {
    case "preVote":
      return ` last ${message.lastIndex}@${message.lastTerm}`;
    case "vote":
      return ` last ${message.lastIndex}@${message.lastTerm}${message.transfer === true ? " by transfer" : ""}`;
    case "timeoutNow":
      return ` last ${message.lastIndex}`;
    case "preVoteResponse":
    case "voteResponse":
      return message.granted ? " yes" : " no";
    case "append": {
      const entries = message.entries.map(({ index, term }) => `${index}@${term}`).join(" ");
      return ` after ${message.previousIndex}@${message.previousTerm} [${entries}] commit ${message.commit}`;
    }
    case "compacted":
      return ` up to ${message.previousIndex}@${message.previousTerm}`;
    case "appendResponse":
      if (message.accepted) return ` yes up to ${message.index}`;
      return ` no after ${message.index} hint ${message.hintIndex}@${message.hintTerm}`;
    case "heartbeat":
      return ` commit ${message.commit} round ${message.sequence}`;
    case "heartbeatResponse":
      return ` round ${message.sequence}`;
    case "readIndex":
      return ` #${message.requestId % NAMES_PER_EPOCH}${message.lease ? " by lease" : ""}`;
    case "readIndexResponse":
      return ` #${message.requestId % NAMES_PER_EPOCH} ${message.refused ? "refused" : `index ${message.index}`}`;
  }
}

/** An entry with its data. */
export function entryText({ index, term, data }: Entry): string {
  return `${index}@${term}:${String.fromCharCode(...data)}`;
}

/** The line for an event; undefined for one that is not told. Writes are told of slow disks only. */
export function eventLine(event: NodeEvent, tell: { readonly disk: boolean }): string | undefined {
  switch (event.type) {
    case "role":
      return `  ${event.node} ${roleText(event.role)}`;
    case "write":
      return tell.disk ? `  ${event.node} writes ${writeText(event.ready)}` : undefined;
    case "synced":
      return tell.disk ? `  ${event.node} has synced ${writeText(event.ready)}` : undefined;
    case "sent":
      return undefined;
    case "delivered":
      return event.credible ? messageLine(event.message) : `${messageLine(event.message)}: not believed`;
    case "applied": {
      const places = event.entries.map(({ index, term }) => `${index}@${term}`);
      return `  ${event.node} applies ${places.join(" ")}`;
    }
    case "wants":
      return `  ${event.node} wants a checkpoint of ${event.wanted.atLeast} or later from ${event.wanted.from}`;
    case "read": {
      const { read } = event;
      return `  ${event.node} read ${read.requestId} ${"refused" in read ? "refused" : `at ${read.index}`}`;
    }
  }
}

function roleText({ role, leader, term }: RoleState): string {
  if (role !== "follower") return `${role} t${term}`;
  return leader === 0 ? `follower t${term}` : `follower t${term} of ${leader}`;
}

function writeText({ hardState, truncateFrom, entries }: Ready): string {
  const parts: string[] = [];
  if (hardState !== undefined) parts.push(`t${hardState.term} vote ${hardState.vote}`);
  if (truncateFrom !== undefined) parts.push(`cut from ${truncateFrom}`);
  if (entries.length > 0) parts.push(`[${entries.map(({ index, term }) => `${index}@${term}`).join(" ")}]`);
  return parts.join(", ");
}

export function statusLine({ id, raft, disk }: TestNode, first: Configuration): string {
  if (raft === undefined) return `${id} down         t${disk.hardState.term} vote ${disk.hardState.vote}`;
  const log: string[] = raft.firstIndex > 1 ? [`..${raft.firstIndex - 1}@${raft.termAt(raft.firstIndex - 1)}`] : [];
  if (raft.firstIndex > 1 && raft.commit === raft.firstIndex - 1) log.push("|");
  for (let index = raft.firstIndex; index <= raft.lastIndex; index++) {
    log.push(`${raft.termAt(index)}${index > raft.stableIndex ? "~" : ""}`);
    if (index === raft.commit) log.push("|");
  }
  const leader = raft.leader === 0 ? "-" : raft.leader;
  const node = `${id} ${raft.role.padEnd(12)} t${raft.term} vote ${raft.vote} leader ${leader}`;
  return `${node} log ${log.join(" ")}`.trimEnd() + membership(raft, first);
}

/** The configuration, where it is another than the cluster's first; with `~` while it is not known to be committed. */
function membership({ configuration, configurationIsCommitted }: Raft, first: Configuration): string {
  if (sameConfiguration(configuration, first)) return "";
  return ` {${configurationText(configuration)}}${configurationIsCommitted ? "" : "~"}`;
}

export function progressLine({ peer, match, next, state, paused, inFlight }: PeerProgress): string {
  return `${peer} ${state}${paused ? " paused" : ""} match ${match} next ${next} in flight ${inFlight}`;
}
