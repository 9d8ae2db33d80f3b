/** In which line of a JSON text something stands: what is wrong with a value is known by its path, and looked for by line. */

/** Lines' ends, strings, what opens and closes, and numbers and names; what lies between says nothing. */
const TOKENS = /\n|"(?:[^"\\]|\\.)*"|[{}[\],]|[^\s{}[\],:"]+/g;

/** Where one is in a map or list that is open: at a key, or before the next one. */
interface Place {
  readonly isList: boolean;
  key: string | undefined;
}

/** The line of a path such as `faults[3].step.kind` in a text that is JSON, or of as much of the path as there is. */
export function lineOfPath(json: string, path: string): number {
  const wanted = path.split(/[.[\]]+/).filter(Boolean);
  const places: Place[] = [];
  let line = 1;
  let found = { depth: 0, line };
  for (const [token] of json.matchAll(TOKENS)) {
    const place = places.at(-1);
    if (token === "\n") line += 1;
    else if (token === "}" || token === "]") places.pop();
    else if (token === ",") goOn(place);
    else if (place !== undefined && place.key === undefined) place.key = JSON.parse(token) as string;
    else {
      const isOnTheWay = places.every(({ key }, index) => key === wanted[index]);
      if (isOnTheWay && places.length > found.depth) found = { depth: places.length, line };
      if (token === "{") places.push({ isList: false, key: undefined });
      if (token === "[") places.push({ isList: true, key: "0" });
    }
  }
  return found.line;
}

function goOn(place: Place | undefined): void {
  if (place !== undefined) place.key = place.isList ? String(Number(place.key) + 1) : undefined;
}
