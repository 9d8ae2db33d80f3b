/**
 * The lanes and the panel beside them: what the mouse and the keys do. Records come at once or while a run goes on; then
 * what happened last is shown until somebody looks at something else. Its parts are in the page's HTML (`view-page.ts`).
 */
import type { TraceRecord } from "../trace-recorder.ts";
import { isOutcome } from "../unavoidable.ts";
import { drawScene } from "./draw.ts";
import { Filter } from "./filter.ts";
import { GUTTER, type Layout, layoutOf, rowsOf } from "./layout.ts";
import { Model } from "./model.ts";
import { fillPanel } from "./panel.ts";
import type { Palette, Scene } from "./scene.ts";
import { TimeScale } from "./time-scale.ts";
import { arrowAt, recordAt } from "./under-mouse.ts";
import { nodeName, wordsOf } from "./words.ts";

const ZOOM_STEP = 1.25;
/** How much time is seen around a record to which a link has led: a part of the run, and not too little. */
const LINKED_PART = 40;
const LINKED_MIN_US = 20_000;

/** The part of the page with this id. */
export function part<T extends Element>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${id}`);
}

export class Viewer {
  readonly #canvas = part("lanes", HTMLCanvasElement);
  readonly #tip = part("tip", HTMLElement);
  readonly #filterBox = part("filter", HTMLInputElement);
  readonly #found = part("found", HTMLElement);
  readonly #panel = {
    title: part("title", HTMLElement),
    nodes: part("nodes", HTMLElement),
    list: part("list", HTMLElement),
  };
  #model = new Model(1);
  #shown = new Filter();
  #scale = new TimeScale(0);
  #faultRows: readonly number[] = [];
  #layout: Layout = layoutOf(1, 1, 1, 1);
  #selected = 0;
  /** How much time is shown of what happened last; undefined when something else is looked at. */
  #followedUs: number | undefined;
  /** What stands in the address before the record that is looked at. */
  #linkPrefix = "";
  #waiting = false;
  /** Where the mouse went down, while it drags. */
  #dragX: number | undefined;
  #dragged = false;

  constructor() {
    this.#listen();
  }

  /** A run of so many nodes begins; what was shown before is forgotten. Links to its records begin with `linkPrefix`. */
  begin(nodes: number, linkPrefix = ""): void {
    this.#model = new Model(nodes);
    this.#shown = new Filter();
    this.#scale = new TimeScale(0);
    this.#selected = 0;
    this.#linkPrefix = linkPrefix;
    this.#place();
    this.#filter();
  }

  /** More has happened. */
  add(records: readonly TraceRecord[]): void {
    this.#model.add(records);
    this.#shown.add(records);
    this.#scale.reach(this.#model.endUs);
    this.#place();
    this.#count();
    if (this.#followedUs === undefined) return;
    this.#scale.showLast(this.#followedUs);
    this.#selected = this.#model.records.length - 1;
    this.#fill();
  }

  /** Shows so much time of what happens last from now on, or all of it. */
  follow(lengthUs: number): void {
    this.#followedUs = lengthUs;
  }

  /**
   * All has happened. Whoever has not looked at something else sees the whole run, and what broke a rule or was lost, or else
   * one end of it.
   */
  end(otherwise: "first" | "last"): void {
    if (this.#followedUs === undefined) return;
    const { records, endUs } = this.#model;
    const verdict = records.findIndex(({ what }) => isOutcome(what));
    this.#scale.showLast(endUs);
    this.#select(verdict >= 0 ? verdict : otherwise === "first" ? 0 : records.length - 1);
  }

  /** Goes to the record that the address names, if it is there: `#step=12` is the event of that number, `#record=34` a record. */
  followLink(): boolean {
    const [, kind, number] = /[#&](step|record)=(\d+)$/.exec(window.location.hash) ?? [];
    if (kind === undefined) return false;
    const wanted = Number(number);
    const { records, endUs } = this.#model;
    const place = records.findIndex((record) =>
      kind === "record" ? record.id === wanted : record.what === "step" && record.step === wanted,
    );
    const us = records[place]?.us;
    if (us === undefined) return false;
    const length = Math.min(this.#scale.toUs - this.#scale.fromUs, Math.max(LINKED_MIN_US, endUs / LINKED_PART));
    this.#scale.show(us - length / 2, length);
    this.#select(place);
    return true;
  }

  #listen(): void {
    const canvas = this.#canvas;
    window.addEventListener("resize", () => this.#place());
    window.addEventListener("keydown", (event) => this.#key(event));
    this.#filterBox.addEventListener("input", () => this.#filter());
    part("first", HTMLElement).addEventListener("click", () => this.#step(-1, 0));
    part("back", HTMLElement).addEventListener("click", () => this.#step(-1, this.#selected));
    part("forward", HTMLElement).addEventListener("click", () => this.#step(1, this.#selected));
    part("last", HTMLElement).addEventListener("click", () => this.#step(1, this.#model.records.length - 1));
    part("whole", HTMLElement).addEventListener("click", () => this.#zoom(Number.MAX_SAFE_INTEGER));
    part("closer", HTMLElement).addEventListener("click", () => this.#zoom(1 / ZOOM_STEP ** 3));
    part("farther", HTMLElement).addEventListener("click", () => this.#zoom(ZOOM_STEP ** 3));
    this.#panel.list.addEventListener("click", (event) => {
      const item = event.target instanceof Element ? event.target.closest("li") : null;
      const at = item?.dataset["at"];
      if (at !== undefined) this.#select(Number(at));
    });
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointerleave", () => this.#hideTip());
  }

  #key(event: KeyboardEvent): void {
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const length = this.#scale.toUs - this.#scale.fromUs;
    const actions: Readonly<Record<string, () => void>> = {
      ArrowRight: () => this.#step(1, this.#selected),
      ArrowLeft: () => this.#step(-1, this.#selected),
      Home: () => this.#step(-1, 0),
      End: () => this.#step(1, this.#model.records.length - 1),
      "+": () => this.#zoom(1 / ZOOM_STEP),
      "-": () => this.#zoom(ZOOM_STEP),
      "0": () => this.#zoom(Number.MAX_SAFE_INTEGER),
      a: () => this.#pan(-length / 8),
      d: () => this.#pan(length / 8),
      "/": () => this.#filterBox.focus(),
    };
    const action = actions[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  }

  /** Shares the canvas out, for what there is to show and the room that there is. */
  #place(): void {
    const { clientWidth, clientHeight } = this.#canvas;
    const ratio = window.devicePixelRatio;
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    // Whoever sets a canvas's size empties it, even if the size is the same.
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#faultRows = rowsOf(this.#model.faults);
    const faultRows = 1 + this.#faultRows.reduce((most, row) => Math.max(most, row), 0);
    this.#layout = layoutOf(clientWidth, clientHeight, this.#model.lanes.length, faultRows);
    this.#scale.place(GUTTER, clientWidth - GUTTER);
    this.#draw();
  }

  #filter(): void {
    this.#shown.set(this.#filterBox.value);
    this.#count();
    this.#fill();
    this.#draw();
  }

  #count(): void {
    this.#found.textContent = `${this.#shown.count} of ${this.#model.records.length}`;
  }

  #select(at: number): void {
    const record = this.#model.records[at];
    if (record === undefined) return;
    this.#selected = at;
    this.#followedUs = undefined;
    const link = `#${this.#linkPrefix}${record.what === "step" ? `step=${record.step}` : `record=${record.id}`}`;
    if (window.location.hash !== link) window.history.replaceState(null, "", link);
    this.#scale.reveal(record.us);
    this.#fill();
    this.#draw();
  }

  #fill(): void {
    fillPanel(this.#panel, this.#model, this.#selected, (at) => this.#shown.shows(at));
  }

  /** To the next record that is shown, or the first one from a place on. */
  #step(direction: 1 | -1, from: number): void {
    const start = from === this.#selected ? from + direction : from;
    const towards = from === this.#selected ? direction : direction === 1 ? -1 : 1;
    for (let at = start; at >= 0 && at < this.#model.records.length; at += towards) {
      if (!this.#shown.shows(at)) continue;
      this.#select(at);
      return;
    }
  }

  #zoom(factor: number, aroundUs: number = this.#model.records[this.#selected]?.us ?? 0): void {
    this.#followedUs = undefined;
    this.#scale.zoom(factor, aroundUs);
    this.#draw();
  }

  #pan(byUs: number): void {
    this.#followedUs = undefined;
    this.#scale.pan(byUs);
    this.#draw();
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    const perPixel = this.#scale.us(1) - this.#scale.us(0);
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
      this.#pan(perPixel * (event.deltaX + event.deltaY));
    else this.#zoom(ZOOM_STEP ** (event.deltaY / 100), this.#scale.us(event.offsetX));
  }

  #down(event: PointerEvent): void {
    this.#dragX = event.offsetX;
    this.#dragged = false;
    this.#canvas.setPointerCapture(event.pointerId);
    if (this.#inOverview(event)) this.#toOverview(event.offsetX);
  }

  #move(event: PointerEvent): void {
    if (this.#dragX === undefined) {
      this.#showTip(event);
      return;
    }
    const moved = event.offsetX - this.#dragX;
    if (Math.abs(moved) > 2) this.#dragged = true;
    if (this.#inOverview(event)) this.#toOverview(event.offsetX);
    else this.#pan(this.#scale.us(0) - this.#scale.us(moved));
    this.#dragX = event.offsetX;
  }

  #up(event: PointerEvent): void {
    this.#dragX = undefined;
    if (this.#dragged || this.#inOverview(event)) return;
    const [scene, x, y] = [this.#scene(), event.offsetX, event.offsetY];
    this.#select(arrowAt(scene, x, y)?.sentAt ?? recordAt(scene, x, y));
  }

  #inOverview({ offsetY }: PointerEvent): boolean {
    return offsetY < this.#layout.overview.height;
  }

  #toOverview(x: number): void {
    const { width } = this.#layout;
    const us = ((x - GUTTER) / (width - GUTTER)) * this.#model.endUs;
    const length = this.#scale.toUs - this.#scale.fromUs;
    this.#followedUs = undefined;
    this.#scale.show(us - length / 2, length);
    this.#draw();
  }

  #showTip(event: PointerEvent): void {
    const arrow = arrowAt(this.#scene(), event.offsetX, event.offsetY);
    const record = arrow === undefined ? undefined : this.#model.records[arrow.sentAt];
    if (arrow === undefined || record === undefined) {
      this.#hideTip();
      return;
    }
    const took = ((arrow.endUs - arrow.sentUs) / 1000).toFixed(3);
    this.#tip.textContent = `${nodeName(arrow.from)} ${wordsOf(record)} · ${arrow.fate}, ${took} ms`;
    this.#tip.style.left = `${Math.min(event.offsetX + 14, this.#layout.width - 340)}px`;
    this.#tip.style.top = `${event.offsetY + 14}px`;
    this.#tip.hidden = false;
  }

  #hideTip(): void {
    this.#tip.hidden = true;
  }

  /** Draws before the screen is shown next, however often it is asked until then. */
  #draw(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    window.requestAnimationFrame(() => {
      this.#waiting = false;
      const context = this.#canvas.getContext("2d");
      if (context === null) return;
      const ratio = window.devicePixelRatio;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      drawScene(context, this.#scene());
    });
  }

  #scene(): Scene {
    return {
      model: this.#model,
      scale: this.#scale,
      layout: this.#layout,
      palette: paletteOf(document.documentElement),
      faultRows: this.#faultRows,
      showsRecord: (at) => this.#shown.shows(at),
      showsArrow: (arrow) => this.#shown.showsArrow(arrow),
      selected: this.#selected,
    };
  }
}

function paletteOf(root: Element): Palette {
  const style = getComputedStyle(root);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: colour("ink"),
    faint: colour("faint"),
    line: colour("line"),
    panel: colour("panel"),
    accent: colour("accent"),
    good: colour("good"),
    bad: colour("bad"),
    warm: colour("warm"),
    bar: colour("bar"),
  };
}
