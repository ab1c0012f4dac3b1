/** A genealogy that goes on from some of its nodes. */

import type { GraphData, TraceData, TraceNode } from "../../api/types";
import { standing } from "./refused";

/** How many movements of a node are not drawn, where that isn't known. */
export const UNKNOWN = -1;

/** The genealogy with what lies around one of its nodes, in layers counted from that node's own. */
export function widened(data: GraphData, around: TraceData): GraphData {
  const nodes = {
    names: [...data.nodes.names],
    ids: [...data.nodes.ids],
    kinds: [...data.nodes.kinds],
    segments: [...data.nodes.segments],
    layers: [...data.nodes.layers],
    confidence: [...data.nodes.confidence],
    hidden: [...data.nodes.hidden],
    equipment: [...data.nodes.equipment],
    started: [...data.nodes.started],
    ended: [...data.nodes.ended],
    refused: [...data.nodes.refused],
  };
  const { tails, heads, confidence, refused } = data.edges;
  const edges = { tails: [...tails], heads: [...heads], confidence: [...confidence], refused: [...refused] };
  const row = new Map(nodes.names.map((name, at) => [name, at]));
  const home = row.get(around.root);
  if (home === undefined) return data;
  const layer = layersAround(around, nodes.layers[home]!);
  for (const node of around.nodes as TraceNode[]) {
    if (row.has(node.id) || !layer.has(node.id)) continue;
    row.set(node.id, nodes.names.length);
    nodes.names.push(node.id);
    nodes.ids.push(bare(node));
    nodes.kinds.push(node.kind);
    nodes.segments.push(node.segment ?? null);
    nodes.layers.push(layer.get(node.id)!);
    nodes.confidence.push(node.confidence ?? 1);
    nodes.hidden.push(UNKNOWN);
    nodes.equipment.push(node.equipment ?? null);
    nodes.started.push(node.started ?? null);
    nodes.ended.push(node.ended ?? null);
    nodes.refused.push(standing(node.refused));
  }
  const known = new Set(edges.tails.map((tail, edge) => `${tail} ${edges.heads[edge]}`));
  for (const edge of around.edges) {
    const [tail, head] = [row.get(edge.from), row.get(edge.to)];
    if (tail === undefined || head === undefined || known.has(`${tail} ${head}`)) continue;
    known.add(`${tail} ${head}`);
    edges.tails.push(tail);
    edges.heads.push(head);
    edges.confidence.push(edge.confidence ?? 1);
    edges.refused.push(standing(edge.refused) !== null);
    for (const end of [tail, head]) if (nodes.hidden[end]! > 0) nodes.hidden[end]! -= 1;
  }
  if (!around.truncated) nodes.hidden[home] = 0;
  const counts: Record<string, number> = {};
  for (const kind of nodes.kinds) counts[kind] = (counts[kind] ?? 0) + 1;
  return { ...data, nodes, edges, counts };
}

function layersAround(around: TraceData, of: number): Map<string, number> {
  const beside = new Map<string, [string, number][]>();
  const join = (from: string, to: string, by: number) => {
    const mine = beside.get(from);
    if (mine) mine.push([to, by]);
    else beside.set(from, [[to, by]]);
  };
  for (const edge of around.edges) {
    join(edge.from, edge.to, 1);
    join(edge.to, edge.from, -1);
  }
  const layer = new Map([[around.root, of]]);
  for (const [name, at] of layer) for (const [other, by] of beside.get(name) ?? []) if (!layer.has(other)) layer.set(other, at + by);
  return layer;
}

/** The id without the kind before it. */
function bare(node: TraceNode): string {
  return node.id.startsWith(`${node.kind}:`) ? node.id.slice(node.kind.length + 1) : node.id;
}
