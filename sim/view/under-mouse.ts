/** What lies where the mouse is. */
import { arrowsInSight } from "./draw-arrows.ts";
import { type Arrow, lastUpTo } from "./model.ts";
import { laneY, type Scene } from "./scene.ts";

const NEAR_PX = 6;

/** The arrow nearest to a point, if one is near. */
export function arrowAt(scene: Scene, x: number, y: number): Arrow | undefined {
  let nearest: Arrow | undefined;
  let least = NEAR_PX;
  for (const arrow of arrowsInSight(scene)) {
    const distance = distanceTo(scene, arrow, x, y);
    if (distance >= least) continue;
    least = distance;
    nearest = arrow;
  }
  return nearest;
}

/** The place of the record nearest in time: of the lane that the point is in, or of all. */
export function recordAt({ model, layout, scale }: Scene, x: number, y: number): number {
  const lane = layout.lanes.findIndex(({ top, height }) => y >= top && y < top + height);
  const places = model.lanes[lane]?.records ?? model.records.map((_, at) => at);
  const usOf = (place: number): number => model.records[places[place] as number]?.us ?? 0;
  const us = scale.us(x);
  const before = lastUpTo(places.length, (place) => usOf(place) <= us);
  const near = [before, before + 1].filter((place) => place >= 0 && place < places.length);
  near.sort((a, b) => Math.abs(usOf(a) - us) - Math.abs(usOf(b) - us));
  return places[near[0] ?? 0] ?? 0;
}

/** How far a point is from an arrow, in pixels. */
function distanceTo({ scale, layout }: Scene, { from, to, sentUs, endUs }: Arrow, x: number, y: number): number {
  const [startX, startY] = [scale.x(sentUs), laneY(layout, from)];
  const [alongX, alongY] = [scale.x(endUs) - startX, laneY(layout, to) - startY];
  const share = ((x - startX) * alongX + (y - startY) * alongY) / Math.max(1e-9, alongX ** 2 + alongY ** 2);
  const at = Math.min(1, Math.max(0, share));
  return Math.sqrt((x - startX - at * alongX) ** 2 + (y - startY - at * alongY) ** 2);
}
