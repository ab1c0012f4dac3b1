/** Who is signed in, and where. */

import { ref, shallowRef } from "vue";

import { api, ApiError, rememberCsrf, whenSignedOut } from "../api/client";
import type { PageEntry, Session, Targets, Trouble } from "../api/types";

export const session = shallowRef<Session | null>(null);
export const phase = ref<"starting" | "signed-out" | "signed-in" | "unreachable">("starting");
export const startTrouble = shallowRef<Trouble | null>(null);
export const pages = shallowRef<PageEntry[]>([]);
export const targets = shallowRef<Targets | null>(null);

function signOut(): void {
  session.value = null;
  phase.value = "signed-out";
}

whenSignedOut(signOut);

export async function start(): Promise<void> {
  try {
    const current = await api.session();
    rememberCsrf(current.csrf);
    pages.value = await api.pages();
    session.value = current;
    phase.value = "signed-in";
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return signOut();
    startTrouble.value = error instanceof ApiError ? error.trouble : null;
    phase.value = "unreachable";
  }
}

export async function login(password: string): Promise<void> {
  const answer = await api.login(password);
  rememberCsrf(answer.csrf);
  await start();
}

export async function logout(): Promise<void> {
  await api.logout().catch(() => undefined);
  signOut();
}

/** Suggested targets; they change after every import, so `refresh` asks again. */
export async function loadTargets(refresh = false): Promise<void> {
  if (targets.value && !refresh) return;
  targets.value = await api.targets().catch(() => null);
}
