/** What a scanner types into a field for an id, and the id it means. */

import { api, ApiError } from "../api/client";

/** What is shown for GS (ASCII 29), the separator inside a GS1 code; the server takes it for one. */
const SEPARATOR = "␝";

/** Text that can only be a code: an AIM identifier, an application identifier in brackets, an address, a separator. */
const CODE = /^\](?:[A-Za-z]\d)|^\(\d{2,4}\)|^https?:\/\/|^urn:|[\u001d␝]/i;

/** Text that may be a code or a long id: digits as a GS1 code begins with, a device code. */
const MAYBE = /^\d{16}|^[+=]/;

/** Scanners in keyboard mode send GS as Ctrl+]; a field drops it, so it is written down. */
export function keepSeparator(event: KeyboardEvent): void {
  if (!event.ctrlKey || event.altKey || event.metaKey || (event.key !== "]" && event.code !== "BracketRight")) return;
  const field = event.target as HTMLInputElement;
  event.preventDefault();
  field.setRangeText(SEPARATOR, field.selectionStart ?? field.value.length, field.selectionEnd ?? field.value.length, "end");
  field.dispatchEvent(new Event("input"));
}

/** The id of what is recorded under a scanned code; text that is no code is an id already. Throws what is wrong with a code. */
export async function scannedId(text: string): Promise<string> {
  if (!CODE.test(text) && !MAYBE.test(text)) return text;
  try {
    const { thing } = await api.code(text);
    return thing ? `${thing.kind}:${thing.id}` : text;
  } catch (error) {
    if (error instanceof ApiError && !CODE.test(text)) return text;
    throw error;
  }
}
