/** From one panel of layers to ECharts options. No arithmetic on the data happens here, only drawing. */

import type { Text } from "../../api/types";
import { number } from "../../format";
import { said } from "../../i18n";
import { ink, soft, hair } from "../chart/colours";
import type { EChartsOption, SeriesOption } from "../chart/echarts";
import { layersOf, type Axis, type BandLayer, type BarsLayer, type FlagsLayer, type LineLayer, type Panel, type PointsLayer, type Role } from "./spec";

const FONT = '"Inter Variable", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif';
const FLAGGED = "#c01010";
/** Room that the rules beside a flagged point take, in pixels. */
const FLAG_LABEL = 26;
/** Digits of a value that is read off: as many as the results print. */
const READ_DIGITS = 7;

/** A colour for each role; the same meanings as in printed reports. */
export const COLOURS: Record<Role, string> = {
  data: "#1f4e79",
  centre: "#2e7d32",
  limit: "#b3261e",
  warning: "#c3ccd4",
  specification: "#6a1b9a",
  target: "#00737f",
  fit: "#c2562d",
  reference: "#6b7782",
  muted: "#98a2ab",
  other: "#5d8aa8",
};

type Pair = [number, number];

/** The points of two arrays, without those that have no value. */
function pairs(x: (number | null)[], y: (number | null)[]): Pair[] {
  return x.flatMap((at, index): Pair[] => {
    const value = y[index];
    return at === null || value === null || value === undefined ? [] : [[at, value]];
  });
}

/** A step line holds each value from half way before its place to half way behind it. */
function stepped(points: Pair[]): Pair[] {
  if (points.length < 2) return points;
  const edge = (left: number, right: number): number => (points[left]![0] + points[right]![0]) / 2;
  const last = points.length - 1;
  return points.flatMap(([x, y], index): Pair[] => {
    const before = index === 0 ? 2 * x - edge(0, 1) : edge(index - 1, index);
    const behind = index === last ? 2 * x - edge(last - 1, last) : edge(index, index + 1);
    return [[before, y], [behind, y]];
  });
}

function label(text: string | Text): string {
  return typeof text === "string" ? text : said(text);
}

/** Places on an axis that have names: categories at 0, 1, 2 …, or ticks where the axis isn't linear. */
function named(axis: Axis): Map<number, string> | null {
  if (axis.categories) return new Map(axis.categories.map((name, index) => [index, label(name)]));
  return axis.ticks ? new Map(axis.ticks) : null;
}

function axisOption(axis: Axis, isX: boolean): object {
  const places = named(axis);
  const title = axis.unit && axis.unit !== "1" ? `${said(axis.title)} (${axis.unit})` : said(axis.title);
  const padded = axis.categories ? { min: -0.5, max: axis.categories.length - 0.5 } : {};
  return {
    type: "value",
    name: title,
    nameLocation: "middle",
    nameGap: isX ? 26 : undefined,
    nameTextStyle: { color: soft, fontFamily: FONT, fontSize: 12 },
    scale: true,
    ...padded,
    ...(axis.low === null || axis.low === undefined ? {} : { min: axis.low }),
    ...(axis.high === null || axis.high === undefined ? {} : { max: axis.high }),
    axisLine: { show: isX, onZero: false, lineStyle: { color: hair } },
    splitLine: { show: false },
    axisTick: places ? { customValues: [...places.keys()] } : { show: isX },
    axisLabel: {
      color: ink,
      fontFamily: FONT,
      fontSize: 12,
      hideOverlap: true,
      ...(places ? { customValues: [...places.keys()] } : {}),
      formatter: (value: number) => places?.get(value) ?? (places ? "" : number(Number(value.toPrecision(9)), 9)),
    },
  };
}

function pointsSeries(layer: PointsLayer): SeriesOption {
  const colour = COLOURS[layer.role];
  const data = layer.x.flatMap((x, index) => {
    const y = layer.y[index];
    return x === null || y === null || y === undefined ? [] : [{ value: [x, y], name: layer.labels?.[index] ?? "" }];
  });
  const symbol = layer.role === "muted" ? "diamond" : "circle";
  const size = data.length > 600 ? 2 : data.length > 150 ? 4 : 6;
  const shared = { name: said(layer.name), data, symbol, symbolSize: size, itemStyle: { color: colour }, z: 4 };
  if (!layer.joined) return { ...shared, type: "scatter" };
  return { ...shared, type: "line", showSymbol: data.length <= 2000, lineStyle: { color: colour, width: 1 }, connectNulls: false };
}

function lineSeries(layer: LineLayer): SeriesOption {
  const points = pairs(layer.x, layer.y);
  return {
    type: "line",
    name: said(layer.name),
    data: layer.steps ? stepped(points) : points,
    showSymbol: false,
    silent: true,
    lineStyle: { color: COLOURS[layer.role], width: layer.role === "warning" ? 0.8 : 1.4, type: layer.dashed ? "dashed" : "solid" },
    itemStyle: { color: COLOURS[layer.role] },
    z: 3,
  };
}

function bandSeries(layer: BandLayer): SeriesOption {
  const low = pairs(layer.x, layer.low);
  const high = pairs(layer.x, layer.high).reverse();
  return {
    type: "custom",
    name: said(layer.name),
    data: [...low, ...high],
    silent: true,
    clip: true,
    z: 1,
    itemStyle: { color: COLOURS[layer.role] },
    renderItem: (params, frame) => {
      if (params.dataIndex !== 0) return null;
      return {
        type: "polygon",
        shape: { points: [...low, ...high].map((point) => frame.coord(point)) },
        style: { fill: COLOURS[layer.role], opacity: 0.18 },
      };
    },
    encode: { x: 0, y: 1 },
  };
}

function barsSeries(layer: BarsLayer): SeriesOption {
  const half = layer.width / 2;
  return {
    type: "custom",
    name: said(layer.name),
    data: pairs(layer.x, layer.height),
    clip: true,
    z: 2,
    itemStyle: { color: COLOURS[layer.role] },
    renderItem: (_, frame) => {
      const [x, height] = [Number(frame.value(0)), Number(frame.value(1))];
      const [left, top] = frame.coord([x - half, Math.max(height, 0)]) as [number, number];
      const [right, bottom] = frame.coord([x + half, Math.min(height, 0)]) as [number, number];
      return {
        type: "rect",
        shape: { x: left + 0.5, y: top, width: Math.max(right - left - 1, 1), height: bottom - top },
        style: { fill: COLOURS[layer.role], opacity: 0.8 },
      };
    },
    encode: { x: 0, y: 1 },
  };
}

/** What all rules' names begin with before their number; beside a point the number alone is drawn. */
function family(layer: FlagsLayer): string {
  const found = new Set(layer.flags.flatMap(({ rules }) => rules.map((rule) => /^([a-z_]+)\d+$/.exec(rule)?.[1] ?? "")));
  return found.size === 1 ? [...found][0]! : "";
}

function flagsSeries(layer: FlagsLayer, width: number): SeriesOption {
  const shared = family(layer);
  const told = new Set(layer.flags.flatMap(({ rules }) => rules));
  const few = layer.flags.length * FLAG_LABEL <= width && (told.size > 1 || /\d/.test([...told].join("")));
  return {
    type: "scatter",
    name: said(layer.name),
    data: layer.flags.map(({ x, y, rules }) => ({ value: [x, y], name: rules.join(" ") })),
    symbol: "rect",
    symbolSize: 10,
    itemStyle: { color: "transparent", borderColor: FLAGGED, borderWidth: 1.8 },
    label: { show: few, position: "top", formatter: ({ name }) => name.replaceAll(shared, ""), color: FLAGGED, fontSize: 11, fontFamily: FONT },
    labelLayout: { hideOverlap: true },
    z: 6,
  };
}

/** Lines across the panel and words in it hang on a series without points of its own. */
function markSeries(panel: Panel): SeriesOption {
  const style = (role: Role, dashed: boolean) => ({ color: COLOURS[role], width: role === "warning" ? 0.8 : 1.4, type: dashed ? ("dashed" as const) : ("solid" as const) });
  const text = (role: Role) => ({ color: role === "warning" ? soft : COLOURS[role], fontSize: 11, fontFamily: FONT });
  const levels = layersOf(panel, "level").map((layer) => ({
    yAxis: layer.y,
    lineStyle: style(layer.role, false),
    label: { show: layer.label !== "", position: "end" as const, formatter: layer.label, ...text(layer.role) },
  }));
  const uprights = layersOf(panel, "upright").map((layer) => ({
    xAxis: layer.x,
    lineStyle: style(layer.role, true),
    label: { show: layer.label !== "", position: "insideEndTop" as const, rotate: 0, align: "left" as const, formatter: layer.label, ...text(layer.role) },
  }));
  const words = layersOf(panel, "words").map((layer) => ({
    name: said(layer.text),
    coord: [layer.x, layer.y],
    symbolSize: 0,
    label: { show: true, position: "right" as const, formatter: said(layer.text), color: soft, fontSize: 11, fontFamily: FONT },
  }));
  return {
    type: "line",
    data: [],
    silent: true,
    // ECharts rounds the places of lines to two decimals unless it is told not to.
    markLine: { symbol: "none", animation: false, silent: true, precision: -1, data: [...levels, ...uprights] },
    markPoint: { animation: false, silent: true, data: words },
  };
}

/** The span of an axis that levels and uprights need, which ECharts doesn't count by itself. */
function extent(panel: Panel): SeriesOption {
  const xs = layersOf(panel, "upright").map(({ x }) => x);
  const ys = layersOf(panel, "level").map(({ y }) => y);
  const anchors = pairs(layersOf(panel, "points")[0]?.x ?? layersOf(panel, "line")[0]?.x ?? [], layersOf(panel, "points")[0]?.y ?? layersOf(panel, "line")[0]?.y ?? []);
  const [x, y] = anchors[0] ?? [xs[0] ?? 0, ys[0] ?? 0];
  const data: Pair[] = [...xs.map((at): Pair => [at, y]), ...ys.map((at): Pair => [x, at])];
  return { type: "scatter", data, symbolSize: 0, silent: true };
}

function tip(found: { seriesName?: string; name?: string; value?: unknown }, panel: Panel): HTMLElement {
  const box = document.createElement("div");
  box.className = "chart-tip";
  const [x, y] = (Array.isArray(found.value) ? found.value : []) as number[];
  const head = box.appendChild(document.createElement("strong"));
  head.textContent = found.name || (x === undefined ? "" : (named(panel.x)?.get(x) ?? number(x, READ_DIGITS)));
  const line = box.appendChild(document.createElement("div"));
  line.appendChild(document.createElement("span")).textContent = found.seriesName ?? "";
  line.appendChild(document.createElement("b")).textContent = y === undefined ? "" : number(y, READ_DIGITS);
  return box;
}

export function panelOptions(panel: Panel, width: number): EChartsOption {
  const series: SeriesOption[] = panel.layers.flatMap((layer): SeriesOption[] => {
    if (layer.kind === "points") return [pointsSeries(layer)];
    if (layer.kind === "line") return [lineSeries(layer)];
    if (layer.kind === "band") return [bandSeries(layer)];
    if (layer.kind === "bars") return [barsSeries(layer)];
    return layer.kind === "flags" && layer.flags.length ? [flagsSeries(layer, width)] : [];
  });
  const fitted = panel.layers.filter((layer) => (layer.kind === "line" || layer.kind === "band") && !["centre", "limit", "warning"].includes(layer.role));
  const legend = fitted.length > 1 ? fitted.map((layer) => said("name" in layer ? layer.name : null)) : null;
  const labelled = layersOf(panel, "level").some(({ label: text }) => text !== "");
  return {
    animation: false,
    textStyle: { fontFamily: FONT },
    grid: { left: 26, right: labelled ? 96 : 20, top: legend ? 28 : 12, bottom: 20, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    legend: legend ? { top: 0, right: 0, itemWidth: 14, itemHeight: 8, data: [...new Set(legend)], textStyle: { color: ink, fontSize: 12 }, selectedMode: false } : undefined,
    tooltip: {
      trigger: "item",
      appendTo: "body",
      className: "chart-tip-box",
      transitionDuration: 0,
      formatter: (found) => tip((Array.isArray(found) ? found[0] : found) as { seriesName?: string; name?: string; value?: unknown }, panel),
    },
    xAxis: axisOption(panel.x, true),
    yAxis: axisOption(panel.y, false),
    series: [...series, extent(panel), markSeries(panel)],
  } as EChartsOption;
}
