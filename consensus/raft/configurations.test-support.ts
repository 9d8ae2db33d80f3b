/**
 * Configurations as text, and as tests put them into entries: `1,2,3&1,2+4` has voters 1, 2 and 3, outgoing voters 1 and 2, and
 * learner 4. An entry's data is any text; where it stands under another configuration than the cluster's first, that follows in
 * braces.
 */

import { utf8 } from "../../node/base/bytes.ts";
import { sameConfiguration } from "../../node/base/configuration.ts";
import type { NodeId } from "../../node/base/ids.ts";
import type { Configuration } from "./configuration.ts";

/** A configuration with the voters 1, 2, 3, ... */
export function votersUpTo(count: number): Configuration {
  return { voters: Array.from({ length: count }, (_, index) => index + 1), outgoing: [], learners: [] };
}

export function idsOf(text: string): NodeId[] {
  return text === "" ? [] : text.split(",").map(Number);
}

export function configurationText({ voters, outgoing, learners }: Configuration): string {
  return voters.join(",") + groupText("&", outgoing) + groupText("+", learners);
}

function groupText(sign: string, ids: readonly NodeId[]): string {
  return ids.length > 0 ? sign + ids.join(",") : "";
}

export function configurationOf(text: string): Configuration {
  const [, voters = "", outgoing = "", learners = ""] = /^([\d,]*)(?:&([\d,]*))?(?:\+([\d,]*))?$/.exec(text) ?? [];
  return { voters: idsOf(voters), outgoing: idsOf(outgoing), learners: idsOf(learners) };
}

export function entryData(text: string, configuration: Configuration, first: Configuration): Uint8Array {
  const same = sameConfiguration(configuration, first);
  return utf8(same ? text : `${text}{${configurationText(configuration)}}`);
}

const OPEN = "{".charCodeAt(0);
const CLOSE = "}".charCodeAt(0);

/** Reads the configuration out of an entry's data. */
export function configurationIn(data: Uint8Array, first: Configuration): Configuration {
  if (data.at(-1) !== CLOSE) return first;
  return configurationOf(String.fromCharCode(...data.slice(data.indexOf(OPEN) + 1, -1)));
}
