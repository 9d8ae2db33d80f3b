/** What was thrown out of a run, in words that are the same whoever ran it: in a worker, in another folder, in a page. */

/** A frame of a stack with its function, its file and its line, as V8 writes them. */
const FRAME = /^ {4}at (?:(?<name>.+) \()?(?:.*[\\/])?(?<place>[^\\/\s()]+\.[jt]s:\d+):\d+\)?$/;
/** Whoever called the run stands behind this. */
const RUN = "World.run";

/** The message, and the functions it came through, the innermost first; without them where an engine writes stacks otherwise. */
export function thrownText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const lines = (error.stack ?? "").split("\n").flatMap((line) => {
    const { name, place } = FRAME.exec(line)?.groups ?? {};
    return place === undefined ? [] : [{ name, text: name === undefined ? place : `${name} (${place})` }];
  });
  const outermost = lines.findIndex(({ name }) => name === RUN);
  const own = outermost < 0 ? lines : lines.slice(0, outermost);
  return [`${error.name}: ${error.message}`, ...own.map(({ text }) => `    at ${text}`)].join("\n");
}
