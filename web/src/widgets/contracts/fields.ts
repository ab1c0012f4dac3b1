/** The fields of a form: of a template's JSON Schema, or of a function's ABI. */

import { locale } from "../../i18n";

export interface Field {
  name: string;
  title: string;
  kind: "text" | "whole" | "moment" | "truth" | "json";
  pattern?: string;
}

interface Term {
  type: string | string[];
  title?: string;
  format?: string;
  pattern?: string;
}

interface Input {
  name: string;
  type: string;
}

/** Of "中文 / English", the half in the viewer's language. */
function half(title: string): string {
  const [zh, en] = title.split(" / ", 2);
  return (locale.value.startsWith("zh") ? zh : (en ?? zh)) ?? title;
}

export function termFields(schema: unknown): Field[] {
  const properties = (schema as { properties?: Record<string, Term> }).properties ?? {};
  return Object.entries(properties).map(([name, term]) => ({
    name,
    title: half(term.title ?? name),
    kind: term.format === "date-time" ? "moment" : term.type === "integer" ? "whole" : term.type === "boolean" ? "truth" : "text",
    pattern: term.pattern?.replace(/^\^|\$$/g, ""),
  }));
}

export function argumentFields(inputs: readonly unknown[]): Field[] {
  return (inputs as Input[]).map(({ name, type }) => ({
    name,
    title: name,
    kind: type === "tuple" || type.endsWith("]") ? "json" : type === "bool" ? "truth" : "text",
  }));
}

/** What was typed, as JSON values; `bad` names the first field that is none. */
export function filled(fields: Field[], texts: Record<string, string>): { values: Record<string, unknown>; bad?: string } {
  const values: Record<string, unknown> = {};
  for (const field of fields) {
    const text = (texts[field.name] ?? "").trim();
    try {
      values[field.name] = value(field, text);
    } catch {
      return { values, bad: field.title };
    }
  }
  return { values };
}

function value(field: Field, text: string): unknown {
  if (field.kind === "json") return JSON.parse(text);
  if (field.kind === "moment") return new Date(text).toISOString();
  if (field.kind === "truth" && text !== "true" && text !== "false") throw new TypeError(text);
  if (field.kind === "truth") return text === "true";
  if (field.kind !== "whole") return text;
  const whole = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(whole)) throw new TypeError(text);
  return whole;
}
