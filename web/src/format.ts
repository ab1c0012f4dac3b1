/** Numbers by the viewer's locale, times in the plant's zone. */

import { locale, t } from "./i18n";
import { session } from "./state/session";

const cache = new Map<string, Intl.NumberFormat>();

function numberFormat(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${locale.value}${JSON.stringify(options)}`;
  let format = cache.get(key);
  if (!format) cache.set(key, (format = new Intl.NumberFormat(locale.value, options)));
  return format;
}

export function zone(): string {
  return session.value?.plant.time_zone ?? "UTC";
}

/** A count or reading: whole numbers in full, others to `digits` significant digits. */
export function number(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || Number.isNaN(value)) return t("value.none");
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value)) return numberFormat({ maximumFractionDigits: 0 }).format(value);
  const size = Math.abs(value);
  if (size >= 1000 && digits <= 4) return numberFormat({ maximumFractionDigits: 1 }).format(value);
  if (size < 1e-4) return scientific(value);
  return numberFormat({ maximumSignificantDigits: digits }).format(value);
}

/** A number to `digits` significant digits, without needless zeros. */
export function rough(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined || Number.isNaN(value)) return t("value.none");
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (Math.abs(value) >= 10 ** digits) return numberFormat({ maximumFractionDigits: 0 }).format(value);
  return numberFormat({ minimumSignificantDigits: digits, maximumSignificantDigits: digits }).format(value);
}

export function percent(value: number | null | undefined, digits = 1): string {
  if (value === null || value === undefined || Number.isNaN(value)) return t("value.none");
  return numberFormat({ style: "percent", maximumFractionDigits: digits }).format(value);
}

/** A difference in the unit of the reading, with its sign. */
export function signed(value: number | null | undefined): string {
  const text = number(value);
  return typeof value === "number" && value > 0 ? `+${text}` : text;
}

/** A signed difference of shares in percentage points. */
export function points(value: number): string {
  return numberFormat({ maximumFractionDigits: 1, signDisplay: "exceptZero" }).format(value * 100);
}

function scientific(value: number): string {
  return numberFormat({ notation: "scientific", maximumSignificantDigits: 3 }).format(value);
}

/** A probability: decimals while readable, else a mantissa and a power of ten. */
export function probability(value: number | null | undefined): { text: string; exponent: number | null } {
  if (value === null || value === undefined) return { text: t("value.none"), exponent: null };
  if (value === 0) return { text: "< 10", exponent: -300 };
  if (value >= 1e-3) return { text: numberFormat({ maximumSignificantDigits: 2 }).format(value), exponent: null };
  const [mantissa = "", exponent = ""] = value.toExponential(1).split("e");
  return { text: `${numberFormat({ maximumFractionDigits: 1 }).format(Number(mantissa))} × 10`, exponent: Number(exponent) };
}

/** Milliseconds of an ISO time; a time without an offset is UTC, as all recorded times are. */
export function instant(value: unknown): number {
  if (typeof value === "number") return value;
  const text = String(value);
  const hasOffset = /(?:Z|[+-]\d{2}:?\d{2})$/i.test(text) || /^\d{4}-\d{2}-\d{2}$/.test(text);
  return Date.parse(hasOffset ? text : `${text.replace(" ", "T")}Z`);
}

export function time(value: unknown): string {
  if (value === null || value === undefined || value === "") return t("value.none");
  const moment = instant(value);
  if (Number.isNaN(moment)) return String(value);
  return wallTime(wallClock(moment), "second");
}

const wallParts = new Map<string, Intl.DateTimeFormat>();

/** The plant's wall clock at `moment`, written as if it were UTC, so that axes tick on the plant's days and hours. */
export function wallClock(moment: number): number {
  const name = zone();
  let format = wallParts.get(name);
  if (!format) {
    format = new Intl.DateTimeFormat("en-CA", {
      timeZone: name, hourCycle: "h23",
      year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
    });
    wallParts.set(name, format);
  }
  const part = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(part.year!, part.month! - 1, part.day!, part.hour!, part.minute!, part.second!) + (moment % 1000);
}

/** A wall-clock value from `wallClock`, in ISO 8601 order: the one order that no reader can take for another. */
export function wallTime(value: number, detail: "day" | "minute" | "second"): string {
  const text = new Date(value).toISOString().replace("T", " ");
  return text.slice(0, { day: 10, minute: 16, second: 19 }[detail]);
}

const INTERVAL = /(\d{4}-\d{2}-\d{2}T[\d:.]+Z)\/(\d{4}-\d{2}-\d{2}T[\d:.]+Z)/g;
const INSTANT = /\d{4}-\d{2}-\d{2}T[\d:.]+Z/g;

/** A sentence or value with its UTC times written on the plant's clock; the end of an interval leaves out the same day. */
export function localTimes(text: string): string {
  return text
    .replace(INTERVAL, (_, from: string, to: string) => {
      const [start, end] = [time(from), time(to)];
      return `${start} – ${start.slice(0, 10) === end.slice(0, 10) ? end.slice(11) : end}`;
    })
    .replace(INSTANT, (moment) => time(moment));
}

/** Any recorded value, as text. */
export function plain(value: unknown): string {
  if (value === null || value === undefined || value === "") return t("value.none");
  if (typeof value === "boolean") return t(value ? "value.true" : "value.false");
  if (typeof value === "number") return number(value);
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}
