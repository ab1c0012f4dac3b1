/** Things that came about alike are drawn as one group, until somebody opens it. */

import type { GraphData } from "../../api/types";

/** A genealogy as it is drawn: the same columns, with what stands behind each box. */
export interface Drawn {
  data: GraphData;
  /** How many nodes a box stands for. */
  members: number[];
  /** The name under which a group is opened; null for a node of its own. */
  groups: (string | null)[];
  /** The box of each node of the genealogy. */
  box: Int32Array;
}

/** From this many nodes on a genealogy is drawn in groups, and so many make one. */
export const GROUPS_FROM = 300;
const LEAST = 8;

export function ungrouped(data: GraphData): Drawn {
  const { ids } = data.nodes;
  return { data, members: ids.map(() => 1), groups: ids.map(() => null), box: Int32Array.from(ids.keys()) };
}

/** Nodes of one kind, step and layer that lead to the same boxes nearer to the root, as one box; the root stays alone. */
export function grouped(data: GraphData, opened: ReadonlySet<string>): Drawn {
  const { names, kinds, segments, layers } = data.nodes;
  const nearer: number[][] = names.map(() => []);
  data.edges.tails.forEach((tail, edge) => {
    const head = data.edges.heads[edge]!;
    const [near, far] = Math.abs(layers[tail]!) < Math.abs(layers[head]!) ? [tail, head] : [head, tail];
    if (layers[near]! * layers[far]! >= 0 && layers[near] !== layers[far]) nearer[far]!.push(near);
  });
  const order = [...names.keys()].sort((a, b) => Math.abs(layers[a]!) - Math.abs(layers[b]!) || a - b);
  const box = new Int32Array(names.length);
  const boxes: number[][] = [];
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to < order.length && Math.abs(layers[order[to]!]!) === Math.abs(layers[order[from]!]!)) to += 1;
    const alike = new Map<string, number[]>();
    for (const node of order.slice(from, to)) {
      const beside = [...new Set(nearer[node]!.map((one) => box[one]!))].sort((a, b) => a - b);
      const key = JSON.stringify([kinds[node], segments[node], layers[node], beside]);
      const mine = alike.get(key);
      if (mine) mine.push(node);
      else alike.set(key, [node]);
    }
    for (const nodes of alike.values()) {
      const together = nodes.length >= LEAST && !opened.has(names[nodes[0]!]!) && !nodes.includes(0);
      for (const part of together ? [nodes] : nodes.map((node) => [node])) {
        for (const node of part) box[node] = boxes.length;
        boxes.push(part);
      }
    }
    from = to;
  }
  return { ...folded(data, boxes, box), box };
}

function folded(data: GraphData, boxes: number[][], box: Int32Array): Omit<Drawn, "box"> {
  const { nodes, edges } = data;
  const first = <T>(column: T[]): T[] => boxes.map((part) => column[part[0]!]!);
  const single = <T>(column: T[]): (T | null)[] => boxes.map((part) => (part.length === 1 ? column[part[0]!]! : null));
  const sure = new Map<number, number>();
  const refused = new Set<number>();
  edges.tails.forEach((tail, edge) => {
    const [from, to] = [box[tail]!, box[edges.heads[edge]!]!];
    if (from === to) return;
    const key = from * boxes.length + to;
    sure.set(key, Math.min(sure.get(key) ?? 1, edges.confidence[edge]!));
    if (edges.refused[edge]) refused.add(key);
  });
  const joined = [...sure.keys()];
  return {
    members: boxes.map((part) => part.length),
    groups: boxes.map((part) => (part.length > 1 ? nodes.names[part[0]!]! : null)),
    data: {
      ...data,
      nodes: {
        names: first(nodes.names),
        ids: first(nodes.ids),
        kinds: first(nodes.kinds),
        segments: first(nodes.segments),
        layers: first(nodes.layers),
        confidence: boxes.map((part) => part.reduce((least, node) => Math.min(least, nodes.confidence[node]!), 1)),
        hidden: boxes.map((part) => part.reduce((sum, node) => sum + Math.max(0, nodes.hidden[node]!), 0)),
        equipment: single(nodes.equipment),
        started: single(nodes.started),
        ended: single(nodes.ended),
        refused: boxes.map((part) => [...new Set(part.map((node) => nodes.refused[node]).filter(Boolean))].join(", ") || null),
      },
      edges: {
        tails: joined.map((key) => Math.floor(key / boxes.length)),
        heads: joined.map((key) => key % boxes.length),
        confidence: [...sure.values()],
        refused: joined.map((key) => refused.has(key)),
      },
    },
  };
}
