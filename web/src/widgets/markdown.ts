/** A small, safe Markdown: headings, paragraphs, lists, emphasis, code, links within the plant. Builds nodes, never HTML text. */

import { h, type VNode } from "vue";

const INLINE = /(`[^`]+`)|(\*\*[^*]+\*\*)|(\*[^*]+\*)|(\[[^\]]+\]\([^)\s]+\))/;

function safeAddress(address: string): string | null {
  return /^(\/(?!\/)|#)/.test(address) ? address : null;
}

export function inline(text: string): (VNode | string)[] {
  const nodes: (VNode | string)[] = [];
  let rest = text;
  for (let match = INLINE.exec(rest); match; match = INLINE.exec(rest)) {
    const [token] = match;
    if (match.index) nodes.push(rest.slice(0, match.index));
    if (match[1]) nodes.push(h("code", token.slice(1, -1)));
    else if (match[2]) nodes.push(h("strong", token.slice(2, -2)));
    else if (match[3]) nodes.push(h("em", token.slice(1, -1)));
    else {
      const [, label = "", address = ""] = /^\[([^\]]+)\]\(([^)]+)\)$/.exec(token) ?? [];
      const safe = safeAddress(address);
      nodes.push(safe ? h("a", { href: safe }, label) : label);
    }
    rest = rest.slice(match.index + token.length);
  }
  if (rest) nodes.push(rest);
  return nodes;
}

export function blocks(source: string): VNode[] {
  const nodes: VNode[] = [];
  for (const block of source.trim().split(/\n\s*\n/)) {
    const lines = block.split("\n").map((line) => line.trimEnd());
    const heading = /^(#{1,3})\s+(.*)$/.exec(lines[0] ?? "");
    if (heading) {
      nodes.push(h(`h${heading[1]!.length + 2}`, inline(heading[2]!)));
      lines.shift();
    }
    if (lines.length === 0) continue;
    const bullets = lines.every((line) => /^\s*[-*]\s+/.test(line));
    const numbers = lines.every((line) => /^\s*\d+[.)]\s+/.test(line));
    if (bullets || numbers) {
      const items = lines.map((line) => h("li", inline(line.replace(/^\s*(?:[-*]|\d+[.)])\s+/, ""))));
      nodes.push(h(bullets ? "ul" : "ol", items));
    } else {
      nodes.push(h("p", inline(lines.join(" "))));
    }
  }
  return nodes;
}
