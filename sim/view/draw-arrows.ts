/** Drawing messages, as arrows from lane to lane. */
import { GUTTER } from "./layout.ts";
import { type Arrow, lastUpTo } from "./model.ts";
import { laneY, type Palette, type Scene } from "./scene.ts";

/** Where more are in sight, only some are drawn: they are as dense as they look all the same. */
const ARROWS_MAX = 6_000;
/** Where more are in sight, they are faint and have no points. */
const POINTS_MAX = 800;

/** Arrows of which some part lies within sight, in the order in which they were sent. */
export function* arrowsInSight({ model, scale, showsArrow }: Scene): Generator<Arrow> {
  const { arrows, longestUs } = model;
  const first = lastUpTo(arrows.length, (place) => (arrows[place] as Arrow).sentUs < scale.fromUs - longestUs) + 1;
  for (let place = first; place < arrows.length; place++) {
    const arrow = arrows[place] as Arrow;
    if (arrow.sentUs > scale.toUs) return;
    if (arrow.endUs >= scale.fromUs && showsArrow(arrow)) yield arrow;
  }
}

function arrowColour(palette: Palette, { message, fate }: Arrow): string {
  if (fate === "lost") return palette.bad;
  if (/^(preVote|vote|timeoutNow)/.test(message)) return palette.warm;
  if (/^(append|compacted|catchUp)/.test(message)) return palette.accent;
  if (/^(submit|query|receipt|answer|error)/.test(message)) return palette.good;
  return palette.faint;
}

export function drawArrows(context: CanvasRenderingContext2D, scene: Scene): void {
  const { layout, palette, scale } = scene;
  const seen = [...arrowsInSight(scene)];
  const thin = Math.max(1, Math.ceil(seen.length / ARROWS_MAX));
  context.save();
  context.beginPath();
  context.rect(GUTTER, 0, layout.width - GUTTER, layout.height);
  context.clip();
  context.lineWidth = 1;
  context.globalAlpha = seen.length > POINTS_MAX ? 0.35 : 0.8;
  for (let place = 0; place < seen.length; place += thin) {
    const arrow = seen[place] as Arrow;
    const [x, y] = [scale.x(arrow.sentUs), laneY(layout, arrow.from)];
    const [toX, toY] = [scale.x(arrow.endUs), laneY(layout, arrow.to)];
    const lost = arrow.fate === "lost";
    const [endX, endY] = lost ? [x + (toX - x) * 0.6, y + (toY - y) * 0.6] : [toX, toY];
    context.strokeStyle = arrowColour(palette, arrow);
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(endX, endY);
    context.stroke();
    if (seen.length <= POINTS_MAX) drawHead(context, [x, y], [endX, endY], lost);
  }
  context.restore();
}

/** The point of an arrow, or a cross where it was lost. */
function drawHead(
  context: CanvasRenderingContext2D,
  [x, y]: readonly [number, number],
  [endX, endY]: readonly [number, number],
  lost: boolean,
): void {
  const length = Math.max(1, Math.sqrt((endX - x) ** 2 + (endY - y) ** 2));
  const [alongX, alongY] = [((endX - x) / length) * 6, ((endY - y) / length) * 6];
  context.beginPath();
  if (lost) {
    context.moveTo(endX - 3, endY - 3);
    context.lineTo(endX + 3, endY + 3);
    context.moveTo(endX - 3, endY + 3);
    context.lineTo(endX + 3, endY - 3);
  } else {
    context.moveTo(endX - alongX - alongY / 2, endY - alongY + alongX / 2);
    context.lineTo(endX, endY);
    context.lineTo(endX - alongX + alongY / 2, endY - alongY - alongX / 2);
  }
  context.stroke();
}
