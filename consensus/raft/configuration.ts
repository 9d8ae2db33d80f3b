/**
 * Who takes part (§6 of the paper; dissertation, chapter 4). Pure functions; how a configuration comes into force is told in
 * consensus/README.md.
 *
 * Voters change by joint consensus only: a configuration with `outgoing` voters stands between the old voters and the new
 * ones, and as long as it stands, everything needs a majority of both. So any two configurations that may be in force at
 * the same time have no two quorums without a common member, however many voters are exchanged at once.
 */
import { assert } from "../../node/base/assert.ts";
import {
  type Configuration,
  type Members,
  sameConfiguration,
  sameIds,
  sameMembers,
} from "../../node/base/configuration.ts";
import type { NodeId } from "../../node/base/ids.ts";
import { isQuorum } from "../../node/base/quorum.ts";

export type { Configuration, Members };

/** What is wrong with a configuration; undefined when nothing is. */
export function configurationFault({ voters, outgoing, learners }: Configuration): string | undefined {
  if (voters.length === 0) return "it has no voters";
  if (![voters, outgoing, learners].every(isAscending)) return "its ids are not positive, or do not ascend";
  if (learners.some((id) => voters.includes(id))) return "a node is voter and learner";
  return undefined;
}

/** Whether one configuration gives way to another: both majorities are needed. */
function isJoint({ outgoing }: Configuration): boolean {
  return outgoing.length > 0;
}

/** Whether a node has a say. */
export function isVoter({ voters, outgoing }: Configuration, id: NodeId): boolean {
  return voters.includes(id) || outgoing.includes(id);
}

/** Everybody who has a say; ascending. */
export function votersOf({ voters, outgoing }: Configuration): readonly NodeId[] {
  return union(voters, outgoing);
}

/** Everybody who receives the log; ascending. */
export function membersOf(configuration: Configuration): readonly NodeId[] {
  return union(votersOf(configuration), configuration.learners);
}

/** The configuration between the current one, which is not joint, and the target. */
function enterJoint(current: Configuration, { voters, learners }: Members): Configuration {
  assert(!isJoint(current), "one change at a time");
  return { voters, outgoing: current.voters, learners };
}

/** The configuration that a joint one leads to. */
function leaveJoint({ voters, learners }: Configuration): Configuration {
  return { voters, outgoing: [], learners };
}

/**
 * Whether an entry may carry `to` behind one that carries `from`: the same; other learners; a joint one that the voters
 * before it are part of; or what a joint one leads to.
 */
export function isLegalStep(from: Configuration, to: Configuration): boolean {
  if (sameConfiguration(from, to)) return true;
  if (configurationFault(to) !== undefined) return false;
  if (isJoint(from)) return sameConfiguration(to, leaveJoint(from));
  return isJoint(to) ? sameIds(to.outgoing, from.voters) : sameIds(to.voters, from.voters);
}

/**
 * The configuration that the next entry should carry on the way to the desired members; undefined when they are reached,
 * or when voters are not ready: they have the log and answer. New voters are learners first (dissertation §4.2.1), so that
 * the cluster never waits for one whose log is empty; then all voters change at once, if most of those to come are ready: a
 * change that they cannot commit would take the leader its quorum for ever. Whoever leads leaves a joint configuration,
 * whatever is desired by then.
 */
export function nextConfiguration(
  current: Configuration,
  desired: Members,
  isReady: (id: NodeId) => boolean,
): Configuration | undefined {
  if (isJoint(current)) return leaveJoint(current);
  if (sameMembers(current, desired)) return undefined;
  const fault = configurationFault({ ...desired, outgoing: [] });
  assert(fault === undefined, `members that are desired have been checked: ${fault}`);
  const isNew = (id: NodeId): boolean => !current.voters.includes(id);
  const learners = union(desired.voters, desired.learners).filter(isNew);
  if (!sameIds(learners, current.learners)) return { voters: current.voters, outgoing: [], learners };
  const ready = desired.voters.filter(isReady);
  const areReady = 2 * ready.length > desired.voters.length && desired.voters.filter(isNew).every(isReady);
  return areReady ? enterJoint(current, desired) : undefined;
}

/**
 * Whom the next step waits for: new voters that are not ready and, where most of those to come are not, whoever of them is not;
 * in a joint configuration, whoever is not of those without whom it cannot be left.
 */
export function awaitedVoters(
  current: Configuration,
  desired: Members,
  isReady: (id: NodeId) => boolean,
): readonly NodeId[] {
  if (isJoint(current)) return isQuorum(current, isReady) ? [] : votersOf(current).filter((id) => !isReady(id));
  if (sameIds(current.voters, desired.voters)) return [];
  const late = desired.voters.filter((id) => !isReady(id));
  const isNew = (id: NodeId): boolean => !current.voters.includes(id);
  return 2 * late.length < desired.voters.length ? late.filter(isNew) : late;
}

function isAscending(ids: readonly NodeId[]): boolean {
  return ids.every((id, at) => Number.isSafeInteger(id) && id > (ids[at - 1] ?? 0));
}

function union(a: readonly NodeId[], b: readonly NodeId[]): readonly NodeId[] {
  return [...new Set([...a, ...b])].sort((x, y) => x - y);
}
