/**
 * A day of payments from a seed, with the statistical shape of the simulated card payments of the Fraud Detection Handbook
 * (Le Borgne et al., ULB 2022, chapter 3): payers with a mean amount and a rate of their own who pay at terminals near
 * their home, a daily rhythm around noon, and episodes of fraud. Generated, not observed.
 */

import type { Random } from "../../node/base/ports/random.ts";
import { Prng } from "../../node/base/prng.ts";
import type { PaymentRow } from "./payment-row.ts";

const PAYERS = 5_000;
const TERMINALS = 10_000;
const PAYER_BASE = 1_000_000n;
const PAYEE_BASE = 2_000_000n;
const LEDGER_EUR = 978;
const DAY_SECONDS = 86_400;
/** Monday, 2024-01-01. */
const DAY_START = 1_704_067_200;
/** Side of the map, and how far from home a payer goes. */
const MAP_SIDE = 100;
const RADIUS = 5;
const RATE_MAX = 4;
const NOON_SECONDS = 43_200;
const NOON_SPREAD_SECONDS = 20_000;
/** Payers whose card has leaked: a third of their payments is five times as high. */
const LEAKED_CARDS = 40;
const LEAK_FACTOR = 5;

interface Place {
  readonly x: number;
  readonly y: number;
}

interface Payer extends Place {
  /** Cents. */
  readonly meanAmount: number;
  readonly ratePerDay: number;
  readonly terminals: readonly number[];
}

function uniform(random: Random): number {
  return random.u32() / 2 ** 32;
}

/** Nearly normal with mean 0 and deviation 1: twelve uniform draws, less six. */
function normal(random: Random): number {
  let sum = -6;
  for (let draw = 0; draw < 12; draw++) sum += uniform(random);
  return sum;
}

/** Poisson by Knuth's multiplication; rates here are small. */
function poisson(random: Random, rate: number): number {
  const limit = Math.exp(-rate);
  let count = 0;
  for (let product = uniform(random); product > limit; product *= uniform(random)) count += 1;
  return count;
}

function place(random: Random): Place {
  return { x: uniform(random) * MAP_SIDE, y: uniform(random) * MAP_SIDE };
}

/** Terminals by the cell of the map they stand in, so that a payer looks at its neighbourhood only. */
function cells(terminals: readonly Place[]): Map<string, number[]> {
  const byCell = new Map<string, number[]>();
  terminals.forEach(({ x, y }, index) => {
    const cell = `${Math.floor(x / RADIUS)}:${Math.floor(y / RADIUS)}`;
    const members = byCell.get(cell);
    if (members === undefined) byCell.set(cell, [index]);
    else members.push(index);
  });
  return byCell;
}

function nearby(home: Place, terminals: readonly Place[], byCell: ReadonlyMap<string, readonly number[]>): number[] {
  const column = Math.floor(home.x / RADIUS);
  const row = Math.floor(home.y / RADIUS);
  const near: number[] = [];
  for (let i = column - 1; i <= column + 1; i++) {
    for (let j = row - 1; j <= row + 1; j++) {
      for (const index of byCell.get(`${i}:${j}`) ?? []) {
        const terminal = terminals[index] as Place;
        if ((terminal.x - home.x) ** 2 + (terminal.y - home.y) ** 2 < RADIUS ** 2) near.push(index);
      }
    }
  }
  return near;
}

function makePayers(random: Random): readonly Payer[] {
  const terminals = Array.from({ length: TERMINALS }, () => place(random));
  const byCell = cells(terminals);
  return Array.from({ length: PAYERS }, () => {
    const home = place(random);
    const meanAmount = 500 + random.below(9_501);
    return { ...home, meanAmount, ratePerDay: uniform(random) * RATE_MAX, terminals: nearby(home, terminals, byCell) };
  });
}

function drawAmount(random: Random, mean: number): number {
  const drawn = Math.round(mean + (normal(random) * mean) / 2);
  return drawn > 0 ? drawn : 1 + random.below(2 * mean);
}

/** The payments of one day, in the order of their time. */
export function generateDay(seed: number): PaymentRow[] {
  const random = new Prng(seed);
  const payers = makePayers(random.fork("payers"));
  const draws = random.fork("payments");
  const leaked = new Set(Array.from({ length: LEAKED_CARDS }, () => draws.below(PAYERS)));
  const drawn: { second: number; payer: number; terminal: number; amount: number }[] = [];
  payers.forEach(({ meanAmount, ratePerDay, terminals }, payer) => {
    if (terminals.length === 0) return;
    const count = poisson(draws, ratePerDay);
    for (let payment = 0; payment < count; payment++) {
      const second = Math.round(NOON_SECONDS + normal(draws) * NOON_SPREAD_SECONDS);
      const terminal = terminals[draws.below(terminals.length)] as number;
      const usual = drawAmount(draws, meanAmount);
      const amount = leaked.has(payer) && draws.below(3) === 0 ? usual * LEAK_FACTOR : usual;
      if (second >= 0 && second < DAY_SECONDS) drawn.push({ second, payer, terminal, amount });
    }
  });
  drawn.sort((a, b) => a.second - b.second || a.payer - b.payer);
  return drawn.map(({ second, payer, terminal, amount }, index) => ({
    id: BigInt(index + 1),
    seconds: BigInt(DAY_START + second),
    payer: PAYER_BASE + BigInt(payer),
    payee: PAYEE_BASE + BigInt(terminal),
    amount: BigInt(amount),
    ledger: LEDGER_EUR,
  }));
}
