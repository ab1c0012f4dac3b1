import type { Failure } from "./types";

/** True when a binding's payload is its error. */
export function isFailure(payload: unknown): payload is Failure {
  if (!payload || typeof payload !== "object" || !("error" in payload)) return false;
  const { error } = payload as { error?: { message?: unknown } };
  return !!error?.message;
}
