/** The layers of a statistic's picture, schema `assay.plot/1`; what each means is said in `assay.stats.plot.spec`. */

import type { PlotData, Text } from "../../api/types";

export type Role = "data" | "centre" | "limit" | "warning" | "specification" | "target" | "fit" | "reference" | "muted" | "other";
type Values = (number | null)[];

export interface PointsLayer { kind: "points"; name: Text; x: Values; y: Values; role: Role; joined: boolean; labels: string[] | null }
export interface LineLayer { kind: "line"; name: Text; x: Values; y: Values; role: Role; steps: boolean; dashed: boolean }
export interface BandLayer { kind: "band"; name: Text; x: Values; low: Values; high: Values; role: Role }
export interface BarsLayer { kind: "bars"; name: Text; x: Values; height: Values; width: number; role: Role }
export interface LevelLayer { kind: "level"; name: Text; y: number; role: Role; label: string }
export interface UprightLayer { kind: "upright"; name: Text; x: number; role: Role; label: string }
export interface Flag { x: number; y: number; rules: string[] }
export interface FlagsLayer { kind: "flags"; name: Text; flags: Flag[] }
export interface CellsLayer { kind: "cells"; heads: Text[]; rows: string[][] }
export interface WordsLayer { kind: "words"; text: Text; x: number; y: number }
export type Layer = PointsLayer | LineLayer | BandLayer | BarsLayer | LevelLayer | UprightLayer | FlagsLayer | CellsLayer | WordsLayer;

export interface Axis {
  title: Text;
  unit?: string | null;
  categories?: (string | Text)[] | null;
  ticks?: [number, string][] | null;
  low?: number | null;
  high?: number | null;
}

export interface Panel {
  title: Text;
  x: Axis;
  y: Axis;
  layers: Layer[];
}

/** The panels of a payload with their layers typed; the server has checked them. */
export function panels(data: PlotData): Panel[] {
  return data.panels as unknown as Panel[];
}

export function layersOf<K extends Layer["kind"]>(panel: Panel, kind: K): Extract<Layer, { kind: K }>[] {
  return panel.layers.filter((layer): layer is Extract<Layer, { kind: K }> => layer.kind === kind);
}
