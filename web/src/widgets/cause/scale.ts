/** One scale for all intervals of a cause list, so that lengths can be compared down the page. */

import type { Cause } from "../../api/types";

export interface Scale {
  /** Position of a value in percent of the width; values beyond the scale stick to its ends. */
  at(value: number): number;
  ticks: number[];
  reference: number;
  top: number;
}

const ROUND = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
const MARGIN = 3;

/** True when the target is numeric: effects are shifts, and no effect is 0 rather than 1. */
export function isShift(cause: Cause): boolean {
  return typeof cause.effect.mean_shift === "number";
}

export function estimate(cause: Cause): number | null {
  const { effect } = cause;
  return isShift(cause) ? effect.mean_shift! : (effect.risk_ratio ?? null);
}

function finite(values: (number | null | undefined)[]): number[] {
  return values.filter((value): value is number => typeof value === "number" && Number.isFinite(value));
}

function spread(from: number, to: number): (share: number) => number {
  return (share) => {
    const clipped = Math.min(1, Math.max(0, (share - from) / (to - from)));
    return MARGIN + clipped * (100 - 2 * MARGIN);
  };
}

/** Keeps about `limit` of the ticks, always the reference. */
function thin(ticks: number[], reference: number, limit: number): number[] {
  const step = Math.ceil(ticks.length / limit);
  const home = ticks.indexOf(reference);
  return ticks.filter((_, index) => (index - home) % step === 0);
}

function ratioScale(causes: Cause[]): Scale {
  const values = finite(causes.flatMap((cause) => [estimate(cause), ...(cause.effect.ci ?? [])])).filter((v) => v > 0);
  const lowest = Math.min(1, ...values) * 0.9;
  const highest = Math.max(2, ...values) * 1.1;
  const low = [...ROUND].reverse().find((tick) => tick <= lowest) ?? lowest;
  const high = ROUND.find((tick) => tick >= highest) ?? highest;
  const position = spread(Math.log(low), Math.log(high));
  const ticks = ROUND.filter((tick) => tick >= low && tick <= high);
  return { at: (value) => position(Math.log(Math.max(value, 1e-9))), ticks: thin(ticks, 1, 6), reference: 1, top: high };
}

function shiftScale(causes: Cause[]): Scale {
  const values = finite(causes.flatMap((cause) => [estimate(cause), ...(cause.effect.ci ?? [])]));
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  const width = (high - low || 1) * 1.1;
  const step = 10 ** Math.floor(Math.log10(width / 3));
  const unit = [1, 2, 5, 10].map((factor) => factor * step).find((size) => width / size <= 5) ?? step * 10;
  const from = Math.floor(low / unit) * unit;
  const to = Math.ceil(high / unit) * unit || unit;
  const ticks: number[] = [];
  for (let tick = from; tick <= to + unit / 2; tick += unit) ticks.push(Number(tick.toPrecision(12)));
  return { at: spread(from, to), ticks, reference: 0, top: to };
}

export function scaleFor(causes: Cause[]): Scale {
  return causes.some(isShift) ? shiftScale(causes) : ratioScale(causes);
}
