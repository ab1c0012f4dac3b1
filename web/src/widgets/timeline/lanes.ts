/** Places of things in time: a lane for each place, rows within a lane where things overlap. */

export interface TimelineItem {
  key: string;
  lane: string;
  label: string;
  /** Milliseconds of the plant's wall clock. */
  start: number;
  end: number;
  inferred: boolean;
}

export interface Lane {
  name: string;
  /** First row of the lane and how many it has. */
  row: number;
  rows: number;
}

export interface Lanes {
  items: TimelineItem[];
  /** Row of each item, counted over all lanes. */
  row: Int32Array;
  lanes: Lane[];
  rows: number;
  from: number;
  to: number;
}

/** Rows of one lane; what finds no row is drawn over the last one. */
const MOST_ROWS = 24;

export function lanes(given: TimelineItem[]): Lanes {
  const items = [...given].sort((a, b) => a.start - b.start || a.end - b.end);
  const row = new Int32Array(items.length);
  const grouped = new Map<string, number[]>();
  items.forEach((item, at) => {
    const mine = grouped.get(item.lane);
    if (mine) mine.push(at);
    else grouped.set(item.lane, [at]);
  });
  const found: Lane[] = [];
  let rows = 0;
  for (const [name, mine] of grouped) {
    const free: number[] = [];
    for (const at of mine) {
      let place = free.findIndex((until) => until <= items[at]!.start);
      if (place < 0) place = free.length < MOST_ROWS ? free.push(0) - 1 : MOST_ROWS - 1;
      free[place] = Math.max(items[at]!.end, items[at]!.start + 1);
      row[at] = rows + place;
    }
    found.push({ name, row: rows, rows: free.length });
    rows += free.length;
  }
  const from = items[0]?.start ?? 0;
  const to = items.reduce((latest, item) => Math.max(latest, item.end), from);
  return { items, row, lanes: found, rows, from, to };
}

const SECOND = 1_000;
const DAY = 86_400_000;
const STEPS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200].map((s) => s * SECOND);

/** Round moments between `from` and `to`, at most about `most` of them. */
export function ticks(from: number, to: number, most: number): { at: number; detail: "day" | "minute" | "second" }[] {
  const wanted = Math.max(1, (to - from) / Math.max(1, most));
  const step = STEPS.find((one) => one >= wanted) ?? Math.ceil(wanted / DAY) * DAY;
  const detail = step >= DAY ? "day" : step >= 60 * SECOND ? "minute" : "second";
  const found = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push({ at, detail } as const);
  return found;
}
