/** What is drawn, and what all that draw need: places, colours, and rows. */
import { type Box, GUTTER, type Layout } from "./layout.ts";
import type { Arrow, Model } from "./model.ts";
import type { TimeScale } from "./time-scale.ts";

const NODE_COLOURS = ["#3f7ee8", "#d9762b", "#2f9e6e", "#a05bd6", "#c2497f", "#6d8a1f", "#1f93a8", "#8a6d3b", "#777"];

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

/** The middle of a node's lane, or of that which all clients share. */
export function laneY({ lanes, clients }: Layout, node: number): number {
  const { top, height } = lanes[node - 1] ?? clients;
  return top + height / 2;
}

export function nodeColour(node: number): string {
  return NODE_COLOURS[(node - 1) % NODE_COLOURS.length] as string;
}

/** Writes into the gutter. */
export function label(context: CanvasRenderingContext2D, colour: string, text: string, y: number): void {
  context.fillStyle = colour;
  context.fillText(text, 12, y);
}

/** Draws with everything outside of a row cut off. */
export function inLane(
  context: CanvasRenderingContext2D,
  layout: Layout,
  { top, height }: Box,
  draw: () => void,
): void {
  context.save();
  context.beginPath();
  context.rect(GUTTER, top, layout.width - GUTTER, height);
  context.clip();
  draw();
  context.restore();
}
