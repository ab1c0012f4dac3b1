/** The last questions of this viewer, kept in this browser alone. */

import { ref } from "vue";

const KEPT = "assay.questions";
const MOST = 20;

function read(): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(found) ? found.filter((one): one is string => typeof one === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
}

export const recent = ref<string[]>(read());

function keep(questions: string[]): void {
  recent.value = questions;
  try {
    localStorage.setItem(KEPT, JSON.stringify(questions));
  } catch {
    // A full or closed store loses the list, not the question.
  }
}

/** Remember a question as the latest one. */
export function remember(question: string): void {
  keep([question, ...recent.value.filter((one) => one !== question)].slice(0, MOST));
}

export function forgetAll(): void {
  keep([]);
}
