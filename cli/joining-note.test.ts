import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { toHex } from "../node/base/bytes.ts";
import { JOINING_FILE, joiningIdentity } from "../node/host/init.ts";
import { type JoiningNote, noteIn, unfinishedNotes, writeNote } from "./joining-note.ts";

const home = mkdtempSync(join(tmpdir(), "quorate-note-"));
afterAll(() => rmSync(home, { recursive: true }));

const ADD: JoiningNote = {
  ...{ publicKey: "07", host: "h", port: 9, voter: false, name: undefined, before: undefined },
};
const REJOIN: JoiningNote = { ...ADD, name: "north", voter: true, before: { id: 2, name: "north", isLost: true } };

function directory(name: string): string {
  const path = join(home, name);
  mkdirSync(path, { recursive: true });
  return path;
}

test.each([
  ["nobody's place", ADD],
  ["another's place", REJOIN],
  ["that of a node without a name", { ...ADD, before: { id: 2, name: undefined, isLost: false } }],
])("a note about a node in %s is read as it was written, and written over", (_, note) => {
  const dir = directory("note");
  writeNote(dir, note);
  expect(noteIn(dir)).toEqual(note);
});

test("where there is none nothing is read", () => {
  expect(noteIn(join(home, "nowhere"))).toBeUndefined();
});

describe("what is no note is an error that names the file", () => {
  const fields = { version: 1, ...REJOIN };
  test.each([
    ["cut short", JSON.stringify(fields).slice(0, 40)],
    ["nothing", "null"],
    ["of another version", JSON.stringify({ ...fields, version: 2 })],
    ["without a vote", JSON.stringify({ ...fields, voter: undefined })],
    ["with a name that is none", JSON.stringify({ ...fields, name: 5 })],
    ["about nobody before it", JSON.stringify({ ...fields, before: null })],
    ["about something before it", JSON.stringify({ ...fields, before: { id: "2" } })],
  ])("%s", (_, text) => {
    const dir = directory("damaged");
    writeFileSync(join(dir, JOINING_FILE), text);
    const message = expect.stringContaining(join(dir, JOINING_FILE));
    expect(() => noteIn(dir)).toThrow(expect.objectContaining({ code: "file_unreadable", message }));
  });
});

test("nodes are unfinished that have no configuration: beside the cluster file, or in one directory", () => {
  const beside = directory("cluster");
  const begun = (dir: string, note: JoiningNote): JoiningNote => {
    const own = { ...note, publicKey: toHex(joiningIdentity(dir).publicKey) };
    writeNote(dir, own);
    return own;
  };
  const rejoin = begun(directory("cluster/node-2"), REJOIN);
  begun(directory("cluster/node-3"), REJOIN);
  // Its identity was moved away, and another one is there by now.
  joiningIdentity(directory("cluster/node-4"));
  writeNote(directory("cluster/node-4"), REJOIN);
  writeNote(directory("cluster/node-5"), REJOIN);
  writeFileSync(join(beside, "node-3", "config.json"), "{}");
  const elsewhere = directory("elsewhere");
  const add = begun(elsewhere, ADD);
  const clusterFile = join(beside, "cluster.json");
  writeFileSync(clusterFile, "{}");
  expect(unfinishedNotes(clusterFile, undefined)).toEqual([{ dir: join(beside, "node-2"), note: rejoin }]);
  expect(unfinishedNotes(clusterFile, elsewhere)).toEqual([{ dir: elsewhere, note: add }]);
  expect(unfinishedNotes(clusterFile, join(beside, "node-3"))).toEqual([]);
});
