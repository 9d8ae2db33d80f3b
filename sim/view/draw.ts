/** Drawing the model on a canvas: an overview, faults, a lane a node with messages between them, the log, and the time. */
import { type Box, GUTTER, type Layout } from "./layout.ts";
import { type Arrow, type Band, type Lane, lastUpTo, type Model } from "./model.ts";
import type { TimeScale } from "./time-scale.ts";

/** Colours by what they are for, as the page's style has them. */
export type Palette = Readonly<
  Record<"ink" | "faint" | "line" | "panel" | "accent" | "good" | "bad" | "warm" | "bar", string>
>;

export interface Scene {
  readonly model: Model;
  readonly scale: TimeScale;
  readonly layout: Layout;
  readonly palette: Palette;
  readonly faultRows: readonly number[];
  /** Which records and arrows are shown. */
  readonly showsRecord: (at: number) => boolean;
  readonly showsArrow: (arrow: Arrow) => boolean;
  /** Place of the record that is looked at. */
  readonly selected: number;
}

const ARROWS_MAX = 6_000;
const NODE_COLOURS = ["#3f7ee8", "#d9762b", "#2f9e6e", "#a05bd6", "#c2497f", "#6d8a1f", "#1f93a8", "#8a6d3b", "#777"];
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

/** The middle of a node's lane, or of that which all clients share. */
export function laneY({ lanes, clients }: Layout, node: number): number {
  const { top, height } = lanes[node - 1] ?? clients;
  return top + height / 2;
}

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

export function nodeColour(node: number): string {
  return NODE_COLOURS[(node - 1) % NODE_COLOURS.length] as string;
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

function arrowColour(palette: Palette, { message, fate }: Arrow): string {
  if (fate === "lost") return palette.bad;
  if (/^(preVote|vote|timeoutNow)/.test(message)) return palette.warm;
  if (/^(append|compacted|catchUp)/.test(message)) return palette.accent;
  if (/^(submit|query|receipt|answer|error)/.test(message)) return palette.good;
  return palette.faint;
}

function drawArrows(context: CanvasRenderingContext2D, scene: Scene): void {
  const { layout, palette, scale } = scene;
  const seen = [...arrowsInSight(scene)];
  const thin = Math.max(1, Math.ceil(seen.length / ARROWS_MAX));
  context.save();
  context.beginPath();
  context.rect(GUTTER, 0, layout.width - GUTTER, layout.height);
  context.clip();
  context.lineWidth = 1;
  context.globalAlpha = seen.length > 800 ? 0.35 : 0.8;
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
    if (seen.length <= 800) drawHead(context, [x, y], [endX, endY], lost);
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

/** The committed and the last index of each node's log over time, as much of the log as is in sight. */
function drawChart(context: CanvasRenderingContext2D, scene: Scene): void {
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

function drawAxis(context: CanvasRenderingContext2D, { layout, palette, scale }: Scene): void {
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

function label(context: CanvasRenderingContext2D, colour: string, text: string, y: number): void {
  context.fillStyle = colour;
  context.fillText(text, 12, y);
}

/** Draws with everything outside of a row cut off. */
function inLane(context: CanvasRenderingContext2D, layout: Layout, { top, height }: Box, draw: () => void): void {
  context.save();
  context.beginPath();
  context.rect(GUTTER, top, layout.width - GUTTER, height);
  context.clip();
  draw();
  context.restore();
}
