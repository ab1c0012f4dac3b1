/** Language at run time: the URL decides, then what the viewer chose before, then the plant. */

import { computed, watchEffect } from "vue";

import type { Language, Text } from "../api/types";
import { route, setQuery } from "../state/route";
import { en } from "./en";
import { zh } from "./zh";

export type Key = keyof typeof en;
export type Catalogue = Record<Key, string>;

const REMEMBERED = "assay.language";
const catalogues: Record<Language, Catalogue> = { en, zh };

function isLanguage(value: unknown): value is Language {
  return value === "zh" || value === "en";
}

function remembered(): Language | null {
  const value = localStorage.getItem(REMEMBERED);
  return isLanguage(value) ? value : null;
}

const browser: Language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
const fallback = remembered() ?? browser;

export const language = computed<Language>(() => {
  const asked = route.query.get("lang");
  return isLanguage(asked) ? asked : fallback;
});

export function setLanguage(next: Language): void {
  localStorage.setItem(REMEMBERED, next);
  setQuery({ lang: next }, { replace: true });
}

/** The BCP 47 tag used for numbers and dates: the viewer's own variant of the language, when there is one. */
export const locale = computed(() => {
  const own = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language.value));
  return own ?? (language.value === "zh" ? "zh-CN" : "en");
});

watchEffect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
});

/** The message for `key`, with `{name}` filled in. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return catalogues[language.value][key].replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in values ? String(values[name]) : whole,
  );
}

/** A catalogue key built from data, or null when the catalogue has none. */
export function tIfKnown(key: string): string | null {
  const catalogue: Record<string, string> = catalogues[language.value];
  return catalogue[key] ?? null;
}

/** What a two-language text says in the current language. */
export function said(text: Text | null | undefined): string {
  if (!text) return "";
  return text[language.value] || text.en || text.zh;
}
