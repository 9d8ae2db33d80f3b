/**
 * The configuration that a block stands under, as its header bears it: for each member its id and its roles, a byte each,
 * ascending, then zeros.
 *
 * Every block names it, so it can be read off the end of a log alone, and a log that is cut has the one before by itself.
 */
import { assert } from "../base/assert.ts";
import type { Configuration } from "../base/configuration.ts";
import { NODE_ID_MAX } from "../base/limits.ts";

/** Two full sets of nodes, while one gives way to the other; and a little room. */
const MEMBERS_MAX = 20;
export const CONFIGURATION_BYTES: number = MEMBERS_MAX * 2;
const ROLES = { voter: 1, outgoing: 2, learner: 4 } as const;
const ALL_ROLES = ROLES.voter | ROLES.outgoing | ROLES.learner;

/** Writes a configuration into `CONFIGURATION_BYTES` bytes that are zero. */
export function encodeConfiguration(target: Uint8Array, { voters, outgoing, learners }: Configuration): void {
  const roles = new Map<number, number>();
  const add = (ids: readonly number[], role: number): void => {
    for (const id of ids) roles.set(id, (roles.get(id) ?? 0) | role);
  };
  add(voters, ROLES.voter);
  add(outgoing, ROLES.outgoing);
  add(learners, ROLES.learner);
  assert(roles.size <= MEMBERS_MAX, `a block names ${MEMBERS_MAX} members at most, not ${roles.size}`);
  let at = 0;
  for (const [id, role] of [...roles].sort(([a], [b]) => a - b)) {
    assert(id >= 1 && id <= NODE_ID_MAX, `a block cannot name node ${id}`);
    target[at] = id;
    target[at + 1] = role;
    at += 2;
  }
}

/** Reads a configuration; undefined where the bytes are none that `encodeConfiguration` writes. */
export function decodeConfiguration(bytes: Uint8Array): Configuration | undefined {
  const voters: number[] = [];
  const outgoing: number[] = [];
  const learners: number[] = [];
  let before = 0;
  let at = 0;
  for (; at < CONFIGURATION_BYTES && bytes[at] !== 0; at += 2) {
    const id = bytes[at] as number;
    const role = bytes[at + 1] as number;
    const both = ROLES.voter | ROLES.learner;
    if (id <= before || role === 0 || role > ALL_ROLES || (role & both) === both) return undefined;
    if ((role & ROLES.voter) !== 0) voters.push(id);
    if ((role & ROLES.outgoing) !== 0) outgoing.push(id);
    if ((role & ROLES.learner) !== 0) learners.push(id);
    before = id;
  }
  const isPadded = bytes.subarray(at, CONFIGURATION_BYTES).every((byte) => byte === 0);
  return isPadded && voters.length > 0 ? { voters, outgoing, learners } : undefined;
}
