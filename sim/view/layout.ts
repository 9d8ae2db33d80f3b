/** Where on the canvas what is drawn: rows from top to bottom. */

export const GUTTER = 92;
const OVERVIEW = 40;
const FAULT_ROW = 16;
const FAULT_ROWS_MAX = 6;
const LANE_MIN = 56;
const LANE_MAX = 180;
const CLIENTS = 40;
const CHART = 130;
const AXIS = 24;
const GAP = 14;

export interface Box {
  readonly top: number;
  readonly height: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly overview: Box;
  readonly faults: Box;
  readonly faultRow: number;
  readonly lanes: readonly Box[];
  readonly clients: Box;
  readonly chart: Box;
  readonly axis: Box;
}

/** Shares a canvas out. */
export function layoutOf(width: number, height: number, lanes: number, faultRows: number): Layout {
  const faultsHeight = Math.min(FAULT_ROWS_MAX, Math.max(1, faultRows)) * FAULT_ROW;
  const rest = height - OVERVIEW - faultsHeight - CLIENTS - CHART - AXIS - 5 * GAP;
  const laneHeight = Math.floor(Math.min(LANE_MAX, Math.max(LANE_MIN, rest / lanes)));
  const faults = { top: OVERVIEW + GAP, height: faultsHeight };
  const firstLane = faults.top + faults.height + GAP;
  const clients = { top: firstLane + lanes * laneHeight, height: CLIENTS };
  const chart = { top: clients.top + CLIENTS + GAP, height: CHART };
  return {
    width,
    height,
    overview: { top: 0, height: OVERVIEW },
    faults,
    faultRow: FAULT_ROW,
    lanes: Array.from({ length: lanes }, (_, lane) => ({ top: firstLane + lane * laneHeight, height: laneHeight })),
    clients,
    chart,
    axis: { top: chart.top + chart.height, height: AXIS },
  };
}

/** Puts stretches of time into as few rows as it takes for none to lie over another; the row of each. */
export function rowsOf(bands: readonly { readonly fromUs: number; readonly toUs: number }[]): readonly number[] {
  const free: number[] = [];
  return bands.map(({ fromUs, toUs }) => {
    const row = free.findIndex((us) => us <= fromUs);
    const taken = row < 0 ? free.length : row;
    free[taken] = toUs;
    return taken;
  });
}
