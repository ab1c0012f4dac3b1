/** Records that the gate refused as evidence: data all the same, and told apart. */

import type { RefusedMark } from "../../api/types";
import { t, tIfKnown } from "../../i18n";

/** Codes for which records stand refused, parted by commas; null where none does. */
export function standing(refused: RefusedMark[] | undefined): string | null {
  const codes = (refused ?? []).filter((one) => one.outcome === "refused").flatMap((one) => one.reasons);
  return [...new Set(codes)].join(", ") || null;
}

/** What people read of refused records, each sort once: the reasons, and what holds now where that is something else. */
export function marks(refused: RefusedMark[] | undefined): string[] {
  const said = (refused ?? []).map((one) => {
    const reasons = one.reasons.join(", ");
    if (one.outcome === "refused") return t("refused.mark", { reasons });
    return t("refused.since", { reasons, outcome: tIfKnown(`evidence.verdict.${one.outcome}`) ?? one.outcome });
  });
  return [...new Set(said)];
}
