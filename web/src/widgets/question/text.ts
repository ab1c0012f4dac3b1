/** Small readings of a question's text; what it means is the server's business. */

const OPEN = "([【（［";
const CLOSE = ")]】）］";
const QUOTES: Record<string, string> = { "'": "'", '"': '"', "‘": "’", "“": "”" };

/** Where the last stage begins (its bar), or -1. */
function lastBar(text: string): number {
  let depth = 0;
  let quote = "";
  let found = -1;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (quote) quote = char === quote ? "" : quote;
    else if (QUOTES[char]) quote = QUOTES[char];
    else if (OPEN.includes(char)) depth++;
    else if (CLOSE.includes(char)) depth--;
    else if ((char === "|" || char === "｜") && depth === 0) found = at;
  }
  return found;
}

const SORT = /^[|｜]\s*(?:sort(?:\s+by)?|排序(?:\s+按)?)\s+(.*)$/is;
const DESCENDING = /\s+(?:desc|降序)$/i;
const ASCENDING = /\s+(?:asc|升序)$/i;

export interface Sorting {
  column: string;
  descending: boolean;
}

/** What the question is sorted by, when that is its last stage and one column. */
export function sorting(text: string): Sorting | null {
  const bar = lastBar(text);
  const found = bar < 0 ? null : SORT.exec(text.slice(bar).trim());
  if (!found) return null;
  const key = found[1]!.trim();
  const descending = DESCENDING.test(key);
  return { column: key.replace(DESCENDING, "").replace(ASCENDING, ""), descending };
}

/** The question sorted by a column: upwards, then downwards, then not at all. */
export function sortedBy(text: string, column: string): string {
  const now = sorting(text);
  const bare = now ? text.slice(0, lastBar(text)).trimEnd() : text.trimEnd();
  if (now?.column !== column) return `${bare} | sort ${column}`;
  return now.descending ? bare : `${bare} | sort ${column} desc`;
}
