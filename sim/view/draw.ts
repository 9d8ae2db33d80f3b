/** Drawing the model on a canvas: an overview, faults, a lane a node with messages between them, the log, and the time. */
import { drawArrows } from "./draw-arrows.ts";
import { drawAxis, drawChart } from "./draw-chart.ts";
import type { Band, Lane } from "./lane.ts";
import { type Box, GUTTER } from "./layout.ts";
import { lastUpTo } from "./model.ts";
import { inLane, label, laneY, nodeColour, type Scene } from "./scene.ts";

const FONT = "11px system-ui, sans-serif";

export function drawScene(context: CanvasRenderingContext2D, scene: Scene): void {
  const { layout, palette } = scene;
  context.clearRect(0, 0, layout.width, layout.height);
  context.font = FONT;
  context.textBaseline = "middle";
  drawOverview(context, scene);
  drawFaults(context, scene);
  for (const lane of scene.model.lanes) drawLane(context, scene, lane);
  drawLine(context, scene, layout.clients);
  label(context, palette.faint, "clients", laneY(layout, 0));
  drawArrows(context, scene);
  for (const lane of scene.model.lanes) drawRecords(context, scene, lane);
  drawChart(context, scene);
  drawAxis(context, scene);
  drawCursor(context, scene, palette.ink);
}

function overviewX({ model, layout }: Scene, us: number): number {
  return GUTTER + (us / Math.max(1, model.endUs)) * (layout.width - GUTTER);
}

/** The whole run, with who led when, and the part of it that is in sight. */
function drawOverview(context: CanvasRenderingContext2D, scene: Scene): void {
  const { model, layout, palette, scale } = scene;
  const { top, height } = layout.overview;
  const rowHeight = (height - 6) / model.lanes.length;
  label(context, palette.faint, "whole run", top + height / 2);
  model.lanes.forEach((lane, row) => {
    const y = top + 3 + row * rowHeight;
    const fill = (bands: readonly Band[], colour: string, alpha: number): void => {
      context.globalAlpha = alpha;
      context.fillStyle = colour;
      for (const { fromUs, toUs } of bands) {
        const x = overviewX(scene, fromUs);
        context.fillRect(x, y, Math.max(1, overviewX(scene, toUs) - x), rowHeight - 1.5);
      }
    };
    fill([{ fromUs: 0, toUs: model.endUs, text: "" }], palette.line, 0.6);
    fill(lane.leading, nodeColour(lane.node), 0.9);
    fill(lane.down, palette.bad, 0.75);
    fill(lane.paused, palette.warm, 0.75);
  });
  context.globalAlpha = 1;
  const [left, right] = [overviewX(scene, scale.fromUs), overviewX(scene, scale.toUs)];
  context.strokeStyle = palette.ink;
  context.lineWidth = 1.5;
  context.strokeRect(left, top + 0.75, Math.max(3, right - left) - 0.75, height - 1.5);
}

function drawFaults(context: CanvasRenderingContext2D, scene: Scene): void {
  const { model, layout, palette, scale, faultRows } = scene;
  const { faults, faultRow } = layout;
  label(context, palette.faint, "faults", faults.top + faultRow / 2);
  inLane(context, layout, faults, () => {
    model.faults.forEach(({ fromUs, toUs, text }, place) => {
      if (toUs < scale.fromUs || fromUs > scale.toUs) return;
      const y = faults.top + (((faultRows[place] ?? 0) * faultRow) % faults.height);
      const x = scale.x(fromUs);
      const width = Math.max(2, scale.x(toUs) - x);
      const cut = /[|>]/.test(text);
      context.globalAlpha = 0.85;
      context.fillStyle = cut ? palette.bad : palette.warm;
      context.fillRect(x, y + 1, width, faultRow - 2);
      context.globalAlpha = 1;
      if (width < 24) return;
      context.save();
      context.beginPath();
      context.rect(x, y, width, faultRow);
      context.clip();
      context.fillStyle = palette.panel;
      context.fillText(text, Math.max(x, GUTTER) + 4, y + faultRow / 2 + 0.5);
      context.restore();
    });
  });
}

function drawLane(context: CanvasRenderingContext2D, scene: Scene, lane: Lane): void {
  const { layout, palette } = scene;
  const box = layout.lanes[lane.node - 1] as Box;
  const colour = nodeColour(lane.node);
  context.fillStyle = colour;
  context.fillRect(GUTTER - 6, box.top + 8, 3, box.height - 16);
  context.fillStyle = palette.ink;
  context.font = `600 13px system-ui, sans-serif`;
  context.fillText(`node ${lane.node}`, 12, box.top + box.height / 2);
  context.font = FONT;
  inLane(context, layout, box, () => {
    fillBands(context, scene, box, lane.campaigning, palette.warm, 0.28);
    fillBands(context, scene, box, lane.leading, colour, 0.22);
    fillBands(context, scene, box, lane.paused, palette.warm, 0.45);
    fillBands(context, scene, box, lane.down, palette.bad, 0.3);
    drawLine(context, scene, box);
  });
}

/** The line on which a lane's records lie. */
function drawLine(context: CanvasRenderingContext2D, { layout, palette }: Scene, { top, height }: Box): void {
  context.strokeStyle = palette.line;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(GUTTER, top + height / 2);
  context.lineTo(layout.width, top + height / 2);
  context.stroke();
}

function fillBands(
  context: CanvasRenderingContext2D,
  { scale, palette }: Scene,
  { top, height }: Box,
  bands: readonly Band[],
  colour: string,
  alpha: number,
): void {
  const first = lastUpTo(bands.length, (place) => (bands[place] as Band).toUs < scale.fromUs) + 1;
  for (let place = first; place < bands.length; place++) {
    const { fromUs, toUs, text } = bands[place] as Band;
    if (fromUs > scale.toUs) break;
    const x = scale.x(fromUs);
    const width = Math.max(1, scale.x(toUs) - x);
    context.globalAlpha = alpha;
    context.fillStyle = colour;
    context.fillRect(x, top + 3, width, height - 6);
    context.globalAlpha = 1;
    if (width < context.measureText(text).width + 10) continue;
    context.fillStyle = palette.ink;
    context.fillText(text, Math.max(x, GUTTER) + 5, top + 13);
  }
}

/** A dot where something happened, one a pixel at most. */
function drawRecords(context: CanvasRenderingContext2D, scene: Scene, { node, records }: Lane): void {
  const { model, layout, palette, scale, showsRecord } = scene;
  const y = laneY(layout, node);
  const usOf = (place: number): number => model.records[records[place] as number]?.us ?? 0;
  let lastX = Number.NEGATIVE_INFINITY;
  context.fillStyle = palette.ink;
  for (let place = lastUpTo(records.length, (at) => usOf(at) < scale.fromUs) + 1; place < records.length; place++) {
    const us = usOf(place);
    if (us > scale.toUs) break;
    const x = Math.round(scale.x(us));
    if (x === lastX || !showsRecord(records[place] as number)) continue;
    lastX = x;
    context.fillRect(x - 1, y - 2, 2, 4);
  }
}

function drawCursor(context: CanvasRenderingContext2D, scene: Scene, colour: string): void {
  const { model, layout, scale, selected } = scene;
  const record = model.records[selected];
  if (record === undefined) return;
  const x = scale.x(record.us);
  if (x < GUTTER) return;
  context.fillStyle = colour;
  context.fillRect(Math.round(x), layout.faults.top, 1, layout.axis.top - layout.faults.top);
  if (record.node === 0) return;
  context.beginPath();
  context.arc(x, laneY(layout, record.node), 5, 0, 2 * Math.PI);
  context.lineWidth = 2;
  context.strokeStyle = colour;
  context.stroke();
}
