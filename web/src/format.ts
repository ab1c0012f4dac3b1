/** Numbers by the viewer's locale, times in the plant's zone. */

import { locale, t } from "./i18n";
import { session } from "./state/session";

const cache = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

function numberFormat(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `n${locale.value}${JSON.stringify(options)}`;
  let format = cache.get(key) as Intl.NumberFormat | undefined;
  if (!format) cache.set(key, (format = new Intl.NumberFormat(locale.value, options)));
  return format;
}

function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `d${locale.value}${JSON.stringify(options)}`;
  let format = cache.get(key) as Intl.DateTimeFormat | undefined;
  if (!format) cache.set(key, (format = new Intl.DateTimeFormat(locale.value, options)));
  return format;
}

export function zone(): string {
  return session.value?.plant.time_zone ?? "UTC";
}

/** A count or reading: whole numbers in full, others to four significant digits. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return t("value.none");
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value)) return numberFormat({ maximumFractionDigits: 0 }).format(value);
  const size = Math.abs(value);
  if (size >= 1000) return numberFormat({ maximumFractionDigits: 1 }).format(value);
  if (size < 1e-4) return scientific(value);
  return numberFormat({ maximumSignificantDigits: 4 }).format(value);
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

/** A signed difference of shares in percentage points. */
export function points(value: number): string {
  return numberFormat({ maximumFractionDigits: 1, signDisplay: "exceptZero" }).format(value * 100);
}

const SUPERSCRIPT: Record<string, string> = {
  "-": "⁻", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹",
};

function scientific(value: number): string {
  if (value === 0) return "0";
  const [mantissa = "", exponent = ""] = value.toExponential(1).split("e");
  const raised = [...exponent.replace("+", "")].map((sign) => SUPERSCRIPT[sign] ?? sign).join("");
  return `${numberFormat({ maximumFractionDigits: 1 }).format(Number(mantissa))} × 10${raised}`;
}

/** A probability: four decimals while readable, powers of ten below. */
export function probability(value: number | null | undefined): string {
  if (value === null || value === undefined) return t("value.none");
  if (value < 1e-300) return `< ${scientific(1e-300)}`;
  if (value < 1e-3) return scientific(value);
  return numberFormat({ maximumSignificantDigits: 2 }).format(value);
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
  return dateFormat({
    timeZone: zone(),
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
    hourCycle: "h23",
  }).format(moment);
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

/** A wall-clock value from `wallClock`, written for people. */
export function wallTime(value: number, detail: "day" | "minute" | "second"): string {
  const day: Intl.DateTimeFormatOptions = { timeZone: "UTC", year: "numeric", month: "2-digit", day: "2-digit" };
  if (detail === "day") return dateFormat(day).format(value);
  const clock: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (detail === "second") clock.second = "2-digit";
  return dateFormat({ ...day, ...clock }).format(value);
}

/** Any recorded value, as text. */
export function plain(value: unknown): string {
  if (value === null || value === undefined || value === "") return t("value.none");
  if (typeof value === "boolean") return t(value ? "value.true" : "value.false");
  if (typeof value === "number") return number(value);
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}
