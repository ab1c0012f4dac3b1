/** A panel as a table, for those who read figures rather than look at lines. */

import type { Column, Text } from "../../api/types";
import { en } from "../../i18n/en";
import { zh } from "../../i18n/zh";
import { layersOf, type CellsLayer, type Panel } from "./spec";

export interface Table {
  columns: Column[];
  rows: Record<string, unknown>[];
}

function column(field: string, title: Text, type: Column["type"] = "text"): Column {
  return { field, title, type, digits: type === "number" ? 7 : null };
}

export function cellTable(cells: CellsLayer): Table {
  return {
    columns: cells.heads.map((head, index) => column(`c${index}`, head)),
    rows: cells.rows.map((row) => Object.fromEntries(row.map((cell, index) => [`c${index}`, cell]))),
  };
}

/** Every drawn value: the series it belongs to, where, how high, and the rules it completes. */
export function pointTable(panel: Panel): Table {
  const flagged = new Map(layersOf(panel, "flags").flatMap(({ flags }) => flags.map(({ x, rules }) => [x, rules.join(", ")])));
  const measured = layersOf(panel, "points").flatMap((layer) =>
    layer.x.map((x, index) => ({ place: layer.labels?.[index] ?? x, value: layer.y[index], rules: x === null ? "" : (flagged.get(x) ?? "") })),
  );
  const bars = layersOf(panel, "bars").flatMap((layer) =>
    layer.x.map((x, index) => ({ place: place(panel, x), value: layer.height[index], rules: "" })),
  );
  const columns = [column("place", panel.x.title), column("value", panel.y.title, "number")];
  if (flagged.size) columns.push(column("rules", { zh: zh["plot.rules"], en: en["plot.rules"] }));
  return { columns, rows: [...measured, ...bars] };
}

function place(panel: Panel, x: number | null): unknown {
  const name = x === null ? undefined : panel.x.categories?.[x];
  return name ?? x;
}
