/** Drawing the logs over time, and the time. */

import type { Lane } from "./lane.ts";
import { GUTTER } from "./layout.ts";
import { lastUpTo } from "./model.ts";
import { inLane, label, nodeColour, type Scene } from "./scene.ts";
import type { TimeScale } from "./time-scale.ts";

/** The committed and the last index of each node's log over time, as much of the log as is in sight. */
export function drawChart(context: CanvasRenderingContext2D, scene: Scene): void {
  const { model, layout, palette, scale } = scene;
  const { top, height } = layout.chart;
  const [low, high] = indexesInSight(scene);
  const yOf = (index: number): number => top + height - 6 - ((index - low) / Math.max(1, high - low)) * (height - 14);
  label(context, palette.faint, "log", top + height / 2);
  label(context, palette.faint, String(high), top + 8);
  label(context, palette.faint, String(low), top + height - 8);
  inLane(context, layout, layout.chart, () => {
    context.strokeStyle = palette.line;
    context.strokeRect(GUTTER + 0.5, top + 0.5, layout.width - GUTTER - 1, height - 1);
    for (const lane of model.lanes) {
      for (const what of ["last", "commit"] as const) {
        context.strokeStyle = nodeColour(lane.node);
        context.globalAlpha = what === "last" ? 0.35 : 1;
        context.lineWidth = what === "last" ? 1 : 1.6;
        traceSteps(context, scale, lane, (stand) => yOf(stand[what]));
      }
    }
    context.globalAlpha = 1;
  });
}

/** The lowest and the highest log index in sight; a node that has just started knows of nothing committed, which is left out. */
function indexesInSight({ model, scale }: Scene): readonly [low: number, high: number] {
  let [low, high] = [model.lastIndex, 0];
  for (const { stands } of model.lanes) {
    const first = Math.max(
      0,
      lastUpTo(stands.length, (place) => (stands[place] as { us: number }).us <= scale.fromUs),
    );
    for (let place = first; place < stands.length; place++) {
      const { us, stand } = stands[place] as Lane["stands"][number];
      if (us > scale.toUs) break;
      if (stand === undefined) continue;
      if (stand.commit > 0 || us === 0) low = Math.min(low, stand.commit);
      high = Math.max(high, stand.last);
    }
  }
  return [Math.min(low, high), high];
}

function traceSteps(
  context: CanvasRenderingContext2D,
  scale: TimeScale,
  { stands }: Lane,
  yOf: (stand: NonNullable<Lane["stands"][number]["stand"]>) => number,
): void {
  const first = Math.max(
    0,
    lastUpTo(stands.length, (place) => (stands[place] as { us: number }).us <= scale.fromUs),
  );
  let y: number | undefined;
  context.beginPath();
  for (let place = first; place < stands.length; place++) {
    const { us, stand } = stands[place] as Lane["stands"][number];
    const x = scale.x(us);
    if (y !== undefined) context.lineTo(x, y);
    if (us > scale.toUs) break;
    const next = stand === undefined ? undefined : yOf(stand);
    if (next !== undefined) context[y === undefined ? "moveTo" : "lineTo"](x, next);
    y = next;
  }
  if (y !== undefined) context.lineTo(scale.x(scale.toUs), y);
  context.stroke();
}

/** The time below the rows, and a line through them for each moment named. */
export function drawAxis(context: CanvasRenderingContext2D, { layout, palette, scale }: Scene): void {
  const lengthUs = scale.toUs - scale.fromUs;
  const rough = lengthUs / 8;
  const power = 10 ** Math.floor(Math.log10(rough));
  const tick = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const digits = Math.max(0, 3 - Math.floor(Math.log10(tick)));
  const { top, height } = layout.axis;
  label(context, palette.faint, "ms", top + height / 2);
  context.textAlign = "center";
  for (let us = Math.ceil(scale.fromUs / tick) * tick; us <= scale.toUs; us += tick) {
    const x = scale.x(us);
    context.globalAlpha = 0.5;
    context.fillStyle = palette.line;
    context.fillRect(x, layout.faults.top, 1, top - layout.faults.top);
    context.globalAlpha = 1;
    context.fillStyle = palette.faint;
    context.fillText((us / 1000).toFixed(Math.min(3, digits)), Math.min(x, layout.width - 24), top + height / 2);
  }
  context.textAlign = "left";
}
