/** A report as one HTML page: figures, failures, and plots as inline SVG. */
import { escapeHtml, PAGE_STYLE } from "../html.ts";
import { type NeverReached, neverReachedLines } from "../never-reached.ts";
import { median } from "../statistics.ts";
import { partsLines, programsLines, type Report } from "./report.ts";

const BINS = 32;
const PLOT = { width: 460, height: 120 } as const;
const MS_PER_SECOND = 1_000;

const STYLE = `
main { max-width: 1040px; margin: 0 auto; padding: 32px 24px 64px; display: grid; gap: 20px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; }
.card, section { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px; }
.card b { display: block; font-size: 24px; font-weight: 600; font-variant-numeric: tabular-nums; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(380px, 1fr)); gap: 20px; align-items: start; }
.bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: 3px 12px; align-items: center; }
.bars i { display: block; height: 10px; border-radius: 3px; background: var(--bar); min-width: 1px; }
.bars .none { color: var(--bad); } .num { text-align: right; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: 6px 12px 6px 0; vertical-align: top;
  border-top: 1px solid var(--line); } th { font-weight: 500; color: var(--faint); border-top: 0; }
td { overflow-wrap: anywhere; } svg { width: 100%; height: auto; } svg rect { fill: var(--bar); }
svg polyline { fill: none; stroke: var(--bar); stroke-width: 2; }
svg text { fill: var(--faint); font: 10px system-ui, sans-serif; } .bad { color: var(--bad); } .good { color: var(--good); }
`;

/** The page of a report. */
export function reportPage(report: Report): string {
  const { seeds, failed, faults, reached, transactions, simulatedMs, failureRateMax } = report;
  const percent = (part: number): string => `${(100 * part).toPrecision(2)} %`;
  const [share, ofWhat] =
    failureRateMax === null
      ? [percent(failed.length / Math.max(1, seeds)), "of them failed"]
      : [`≤ ${percent(failureRateMax)}`, "of all seeds fail, with 95 % confidence"];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Quorate: ${seeds} simulated clusters</title><style>${PAGE_STYLE}${STYLE}</style></head><body><main>
<h1>${number(seeds)} simulated clusters</h1>
<div class="cards">
${card(number(seeds), "seeds")}
${card(`<span class="${failed.length > 0 ? "bad" : "good"}">${number(failed.length)}</span>`, "failed")}
${card(share, ofWhat)}
${unavoidableCards(report)}
${card(number(transactions), "transactions")}
${card(number(report.states.distinct), "states of the protocol")}
${card(number(Math.round(simulatedMs / MS_PER_SECOND)), "simulated seconds")}
</div>
${paragraphs(programsLines(report), "bad")}
${paragraphs(partsLines(report), "faint")}
${failures(report)}
<div class="two">
<section><h2>Transactions of a seed</h2>${histogram(report.transactionsOfSeeds)}</section>
<section><h2>Virtual milliseconds of a seed</h2>${histogram(report.simulatedMsOfSeeds)}</section>
<section><h2>States of the protocol, over seeds</h2>${growthCurve(report.statesAfterSeeds)}
<p class="faint">${number(report.states.byNewestTenth)} of them came with the newest tenth of the seeds</p></section>
<section><h2>Never reached</h2>${missing(report.neverReached)}</section>
<section><h2>Faults that happened</h2>${bars(Object.entries(faults))}</section>
<section><h2>Faults that could not be done</h2>${bars(Object.entries(report.skipped))}</section>
<section><h2>Points that were reached</h2>${bars(Object.entries(reached))}</section>
</div></main></body></html>
`;
}

function paragraphs(lines: readonly string[], style: string): string {
  return lines.map((line) => `<p class="${style}">${escapeHtml(line)}</p>`).join("");
}

/** Only where the last copy could be given up. */
function unavoidableCards({ unavoidableLoss, unavoidableHalt }: Report): string {
  const cards = [
    [unavoidableLoss.length, "lost what nothing could have kept"],
    [unavoidableHalt.length, "lost a quorum only"],
  ] as const;
  return cards.flatMap(([seeds, what]) => (seeds === 0 ? [] : card(number(seeds), what))).join("\n");
}

function card(figure: string, what: string): string {
  return `<div class="card"><b>${figure}</b><span class="faint">${escapeHtml(what)}</span></div>`;
}

function failures({ failed, checkers, giveUpLastCopy }: Report): string {
  if (failed.length === 0) return "";
  const given = giveUpLastCopy ? " --give-up-last-copy" : "";
  const rows = failed.map(
    ({ seed, checker, message, atMs, step }) =>
      `<tr><td class="num">${seed}</td><td>${escapeHtml(checker)}</td><td>${escapeHtml(message)}<br>
<code class="faint">npx quorate sim shrink --seed ${seed}${given}</code></td><td class="num">${atMs} ms<br><span class="faint">${step}</span></td></tr>`,
  );
  return `<section><h2>Rules that were broken</h2>${bars(checkers)}</section>
<section><h2>Seeds that failed</h2><table><tr><th>seed</th><th>rule</th><th>what was seen</th><th>at</th></tr>
${rows.join("\n")}</table></section>`;
}

/** Bars by a logarithmic measure, since some things happen a thousand times as often as others; what never did is marked. */
function bars(counts: readonly (readonly [string, number])[]): string {
  const most = Math.max(1, ...counts.map(([, count]) => count));
  const rows = counts.map(([name, count]) => {
    const width = Math.round((100 * Math.log1p(count)) / Math.log1p(most));
    const none = count === 0 ? ' class="none"' : "";
    return `<span${none}>${escapeHtml(name)}</span><i style="width:${width}%"></i><span class="num">${number(count)}</span>`;
  });
  return `<div class="bars">${rows.join("\n")}</div>`;
}

function histogram(values: readonly number[]): string {
  const { width, height } = PLOT;
  const greatest = values.reduce((most, value) => Math.max(most, value), 1);
  const binWidth = Math.ceil((greatest + 1) / BINS);
  const bins = Array.from({ length: BINS }, () => 0);
  for (const value of values) {
    const bin = Math.floor(value / binWidth);
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  const most = Math.max(1, ...bins);
  const step = width / BINS;
  const rects = bins.map((count, bin) => {
    const tall = Math.round((count * height) / most);
    const title = `${bin * binWidth} to ${(bin + 1) * binWidth - 1}: ${count} seeds`;
    return `<rect x="${(bin * step).toFixed(1)}" y="${height - tall}" width="${(step - 1).toFixed(1)}" height="${tall}"><title>${title}</title></rect>`;
  });
  const middle = `median ${number(median(values) ?? 0)}`;
  return `<svg viewBox="0 0 ${width} ${height + 18}" role="img">${rects.join("")}
<text x="0" y="${height + 14}">0</text><text x="${width / 2}" y="${height + 14}" text-anchor="middle">${middle}</text>
<text x="${width}" y="${height + 14}" text-anchor="end">${number(greatest)}</text></svg>`;
}

/** How many different ones there were after so many seeds: a curve that gets flat says that more seeds bring little. */
function growthCurve(after: readonly number[]): string {
  const { width, height } = PLOT;
  const most = Math.max(1, after.at(-1) ?? 0);
  const step = Math.max(1, Math.floor(after.length / width));
  const places = [...after.keys()].filter((index) => index % step === 0 || index === after.length - 1);
  const points = places.map((index) => {
    const x = ((index + 1) * width) / after.length;
    return `${x.toFixed(1)},${(height - ((after[index] ?? 0) * height) / most).toFixed(1)}`;
  });
  return `<svg viewBox="0 0 ${width} ${height + 18}" role="img"><polyline points="${[`0,${height}`, ...points].join(" ")}"/>
<text x="0" y="${height + 14}">0</text>
<text x="${width}" y="${height + 14}" text-anchor="end">${number(most)} after ${number(after.length)} seeds</text></svg>`;
}

function missing(what: NeverReached): string {
  const lines = neverReachedLines(what);
  if (lines.length === 0) return '<p class="good">every point and every kind of fault was reached</p>';
  return lines.map((line) => `<p class="${what.isFailure ? "bad" : "faint"}">${escapeHtml(line)}</p>`).join("");
}

/** A number with its thousands apart. */
function number(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}
