/** From a trace to what is drawn: similar step runs become one stack, every node gets a layer and a row. */

import type { TraceData, TraceEdge, TraceNode, TraceResult } from "../../api/types";

/** Step runs that share every neighbour are drawn as one stack from this many on. */
const STACK_FROM = 4;

export type Verdict = "bad" | "good" | "none";

export interface GraphNode {
  key: string;
  kind: string;
  members: TraceNode[];
  layer: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface GraphEdge {
  from: GraphNode;
  to: GraphNode;
  weight: number;
}

export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
  width: number;
  height: number;
}

const BAD = /^(nok|ng|not ok|fail(ed)?|bad|reject(ed)?|nio|n\.i\.o\.?)$/i;
const GOOD = /^(ok|pass(ed)?|good|accept(ed)?|io|i\.o\.?)$/i;

function verdictOf(results: TraceResult[]): Verdict {
  const texts = results.map((result) => result.text ?? "").filter(Boolean);
  if (texts.some((text) => BAD.test(text))) return "bad";
  return texts.some((text) => GOOD.test(text)) ? "good" : "none";
}

export function nodeVerdict(node: TraceNode): Verdict {
  return verdictOf(node.results ?? []);
}

const NODE = { width: 176, height: 58 };
const CELL = { size: 12, perRow: 12 };
const GAP = { x: 64, y: 18 };
const EDGE_MARGIN = 12;

function sizeOf(node: GraphNode): { width: number; height: number } {
  if (node.members.length === 1) return NODE;
  const rows = Math.ceil(Math.min(node.members.length, 120) / CELL.perRow);
  return { width: NODE.width + 12, height: 44 + rows * (CELL.size + 3) + 14 };
}

function neighbours(edges: TraceEdge[]): Map<string, { into: string[]; out: string[] }> {
  const found = new Map<string, { into: string[]; out: string[] }>();
  const of = (id: string) => {
    const known = found.get(id) ?? { into: [], out: [] };
    found.set(id, known);
    return known;
  };
  for (const edge of edges) {
    of(edge.from).out.push(edge.to);
    of(edge.to).into.push(edge.from);
  }
  return found;
}

function stacks(data: TraceData): Map<string, TraceNode[]> {
  const around = neighbours(data.edges);
  const groups = new Map<string, TraceNode[]>();
  for (const node of data.nodes as TraceNode[]) {
    const { into = [], out = [] } = around.get(node.id) ?? {};
    const alike = [node.segment ?? "", [...new Set(into)].sort(), [...new Set(out)].sort()];
    const key = node.kind === "execution" && node.id !== data.root ? `stack ${JSON.stringify(alike)}` : node.id;
    const members = groups.get(key);
    if (members) members.push(node);
    else groups.set(key, [node]);
  }
  const split = new Map<string, TraceNode[]>();
  for (const [key, members] of groups) {
    if (members.length >= STACK_FROM) {
      split.set(key, members.sort((a, b) => String(a.started ?? "").localeCompare(String(b.started ?? ""))));
    } else {
      for (const member of members) split.set(member.id, [member]);
    }
  }
  return split;
}

/** Longest path from the sources, which themselves stand right before what they went into; an edge that closes a loop (rework) is drawn but does not push a node further. */
function layers(keys: string[], edges: [string, string][]): Map<string, number> {
  const out = new Map<string, string[]>(keys.map((key) => [key, []]));
  for (const [from, to] of edges) out.get(from)?.push(to);
  const state = new Map<string, "open" | "done">();
  const order: string[] = [];
  const forward: [string, string][] = [];
  for (const start of keys) {
    if (state.has(start)) continue;
    const path: { key: string; next: number }[] = [{ key: start, next: 0 }];
    state.set(start, "open");
    while (path.length) {
      const top = path[path.length - 1]!;
      const child = out.get(top.key)![top.next++];
      if (child === undefined) {
        state.set(top.key, "done");
        order.push(top.key);
        path.pop();
      } else if (state.get(child) !== "open") {
        forward.push([top.key, child]);
        if (!state.has(child)) {
          state.set(child, "open");
          path.push({ key: child, next: 0 });
        }
      }
    }
  }
  const layer = new Map(keys.map((key) => [key, 0]));
  const rank = new Map(order.reverse().map((key, index) => [key, index]));
  forward.sort((a, b) => rank.get(a[0])! - rank.get(b[0])!);
  for (const [from, to] of forward) layer.set(to, Math.max(layer.get(to)!, layer.get(from)! + 1));
  const entered = new Set(forward.map(([, to]) => to));
  const nearest = new Map<string, number>();
  for (const [from, to] of forward) nearest.set(from, Math.min(nearest.get(from) ?? Infinity, layer.get(to)!));
  for (const [key, next] of nearest) if (!entered.has(key)) layer.set(key, next - 1);
  return layer;
}

function grouped(edges: GraphEdge[], side: "from" | "to"): Map<GraphNode, GraphEdge[]> {
  const found = new Map<GraphNode, GraphEdge[]>();
  for (const edge of edges) {
    const known = found.get(edge[side]);
    if (known) known.push(edge);
    else found.set(edge[side], [edge]);
  }
  return found;
}

function position(nodes: GraphNode[], edges: GraphEdge[]): { width: number; height: number } {
  const columns: GraphNode[][] = [];
  for (const node of nodes) (columns[node.layer] ??= []).push(node);
  const filled = columns.filter((column) => column?.length);
  const order = new Map<GraphNode, number>();
  filled.forEach((column) => column.forEach((node, index) => order.set(node, index)));
  const around = { from: grouped(edges, "from"), to: grouped(edges, "to") };
  const mean = (node: GraphNode, side: "from" | "to") => {
    const other = side === "from" ? "to" : "from";
    const places = (around[side].get(node) ?? []).map((edge) => order.get(edge[other])!);
    return places.length ? places.reduce((sum, place) => sum + place, 0) / places.length : order.get(node)!;
  };
  for (let sweep = 0; sweep < 4; sweep += 1) {
    const side = sweep % 2 ? "from" : "to";
    for (const column of sweep % 2 ? [...filled].reverse() : filled) {
      const wanted = new Map(column.map((node) => [node, mean(node, side)]));
      column.sort((a, b) => wanted.get(a)! - wanted.get(b)!);
      column.forEach((node, index) => order.set(node, index));
    }
  }
  const heights = filled.map((column) => column.reduce((sum, node) => sum + node.height + GAP.y, -GAP.y));
  const height = Math.max(...heights, 0) + 2 * EDGE_MARGIN;
  let x = EDGE_MARGIN;
  filled.forEach((column, index) => {
    let y = (height - heights[index]!) / 2;
    for (const node of column) {
      node.x = x;
      node.y = y;
      y += node.height + GAP.y;
    }
    x += Math.max(...column.map((node) => node.width)) + GAP.x;
  });
  return { width: x - GAP.x + EDGE_MARGIN, height };
}

export function layout(data: TraceData): Graph {
  const groups = stacks(data);
  const owner = new Map<string, string>();
  for (const [key, members] of groups) for (const member of members) owner.set(member.id, key);
  const weights = new Map<string, number>();
  for (const edge of data.edges) {
    const from = owner.get(edge.from);
    const to = owner.get(edge.to);
    if (from === undefined || to === undefined || from === to) continue;
    const key = JSON.stringify([from, to]);
    weights.set(key, (weights.get(key) ?? 0) + 1);
  }
  const pairs = [...weights.keys()].map((key) => JSON.parse(key) as [string, string]);
  const layer = layers([...groups.keys()], pairs);
  const nodes = new Map<string, GraphNode>();
  for (const [key, members] of groups) {
    const node: GraphNode = { key, kind: members[0]!.kind, members, layer: layer.get(key)!, x: 0, y: 0, width: 0, height: 0 };
    Object.assign(node, sizeOf(node));
    nodes.set(key, node);
  }
  const edges = pairs.map(([from, to]) => ({
    from: nodes.get(from)!,
    to: nodes.get(to)!,
    weight: weights.get(JSON.stringify([from, to]))!,
  }));
  return { nodes: [...nodes.values()], edges, ...position([...nodes.values()], edges) };
}

export function path(edge: GraphEdge): string {
  const x1 = edge.from.x + edge.from.width;
  const y1 = edge.from.y + edge.from.height / 2;
  const x2 = edge.to.x;
  const y2 = edge.to.y + edge.to.height / 2;
  const bend = Math.max(24, Math.abs(x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}
