/** One question at a time: its answer, or what is wrong with it, and a way to give it up. */

import { onScopeDispose, ref, shallowRef } from "vue";

import { api, ApiError } from "../../api/client";
import type { Found, Trouble } from "../../api/types";

/** Rows that are shown; the answer says how many there are, and the export has them all. */
export const FIRST_ROWS = 1000;

export function useAnswer() {
  const answer = shallowRef<Found | null>(null);
  const trouble = shallowRef<Trouble | null>(null);
  const asked = ref("");
  const busy = ref(false);
  const cancelled = ref(false);
  const seconds = ref(0);
  let controller: AbortController | null = null;
  let clock: ReturnType<typeof setInterval> | undefined;

  function stop(): void {
    clearInterval(clock);
    controller = null;
    busy.value = false;
  }

  async function ask(question: string): Promise<void> {
    controller?.abort();
    clearInterval(clock);
    const own = (controller = new AbortController());
    const began = performance.now();
    asked.value = question;
    trouble.value = null;
    cancelled.value = false;
    busy.value = true;
    seconds.value = 0;
    clock = setInterval(() => (seconds.value = (performance.now() - began) / 1000), 200);
    try {
      const found = await api.find({ question, first: FIRST_ROWS, explain: true }, own.signal);
      if (own.signal.aborted) return;
      answer.value = found;
      seconds.value = (performance.now() - began) / 1000;
    } catch (error) {
      if (own.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      answer.value = null;
      trouble.value = error.trouble;
    } finally {
      if (controller === own) stop();
    }
  }

  /** Give the question up; the server stops when the connection goes. */
  function cancel(): void {
    if (!controller) return;
    controller.abort();
    cancelled.value = true;
    stop();
  }

  function clear(): void {
    cancel();
    cancelled.value = false;
    asked.value = "";
    answer.value = null;
    trouble.value = null;
  }

  onScopeDispose(cancel);
  return { answer, trouble, asked, busy, cancelled, seconds, ask, cancel, clear };
}
