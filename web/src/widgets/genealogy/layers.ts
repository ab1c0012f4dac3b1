/** Places of the nodes of a large genealogy: a column per layer, ordered so that neighbours lie near each other. */

import type { GraphData } from "../../api/types";

export interface Places {
  x: Float64Array;
  y: Float64Array;
  /** Rows of the nodes in each column, top to bottom, from the earliest layer on. */
  columns: number[][];
  column: Int32Array;
}

export const COLUMN = 220;
export const ROW = 34;
const SWEEPS = 4;

export function neighbours(data: GraphData): number[][] {
  const found: number[][] = data.nodes.ids.map(() => []);
  data.edges.tails.forEach((tail, edge) => {
    const head = data.edges.heads[edge]!;
    found[tail]!.push(head);
    found[head]!.push(tail);
  });
  return found;
}

export function place(data: GraphData, around: number[][]): Places {
  const count = data.nodes.ids.length;
  const levels = [...new Set(data.nodes.layers)].sort((a, b) => a - b);
  const at = new Map(levels.map((level, index) => [level, index]));
  const column = Int32Array.from(data.nodes.layers, (level) => at.get(level)!);
  const columns: number[][] = levels.map(() => []);
  for (let node = 0; node < count; node += 1) columns[column[node]!]!.push(node);
  const y = new Float64Array(count);
  const settle = (nodes: number[]) => nodes.forEach((node, row) => (y[node] = (row - (nodes.length - 1) / 2) * ROW));
  columns.forEach(settle);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const side = sweep % 2 ? 1 : -1;
    for (const nodes of side < 0 ? columns : [...columns].reverse()) {
      const wanted = new Map<number, number>();
      for (const node of nodes) {
        const beside = around[node]!.filter((other) => (column[other]! - column[node]!) * side > 0);
        wanted.set(node, beside.length ? beside.reduce((sum, other) => sum + y[other]!, 0) / beside.length : y[node]!);
      }
      nodes.sort((a, b) => wanted.get(a)! - wanted.get(b)!);
      settle(nodes);
    }
  }
  const x = Float64Array.from(column, (one) => one * COLUMN);
  return { x, y, columns, column };
}
