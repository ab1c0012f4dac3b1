/** From a chart payload to ECharts options. No arithmetic on the data happens here, only drawing. */

import type { ChartData, Series } from "../../api/types";
import { instant, number, percent, wallClock, wallTime } from "../../format";
import { said, t } from "../../i18n";
import { centre, hair, ink, limit, limitLine, muted, palette, soft } from "./colours";
import type { EChartsOption, SeriesOption } from "./echarts";

const FONT = '"Inter Variable", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif';
const LONG_LABEL = 7;

type Point = [string | number, number | null];

/** Categories with names rather than short codes read better along the left side. */
export function isHorizontal(data: ChartData): boolean {
  if (data.x.type !== "category" || !["bar", "pareto"].includes(data.kind)) return false;
  return categories(data).some((name) => name.length > LONG_LABEL);
}

export function categories(data: ChartData): string[] {
  return [...new Set(data.series.flatMap((series) => series.points.map(([x]) => String(x))))];
}

function place(data: ChartData, x: string | number): string | number {
  if (data.x.type === "time") return wallClock(instant(x));
  return data.x.type === "category" ? String(x) : x;
}

function axisFormat(format: "percent" | "number" | undefined): (value: number) => string {
  return (value) => (format === "percent" ? percent(value) : number(Number(value.toPrecision(10))));
}

function titled(title: string, unit: string | null | undefined): string {
  return unit && unit !== "1" && unit !== "percent" ? `${title} (${unit})` : title;
}

export function xText(data: ChartData, x: string | number): string {
  if (data.x.type === "time") return wallTime(wallClock(instant(x)), "minute");
  return typeof x === "number" ? number(x) : x;
}

export function yText(data: ChartData, series: Series, y: number | null): string {
  const axis = series.axis === 1 ? data.y2 : data.y;
  return axis?.format === "percent" ? percent(y, 2) : number(y);
}

function tip(data: ChartData, index: number, key: string | number): HTMLElement {
  const box = document.createElement("div");
  box.className = "chart-tip";
  const head = box.appendChild(document.createElement("strong"));
  data.series.forEach((series) => {
    const at = series.points.findIndex(([x]) => place(data, x) === key);
    const point = series.points[at] ?? (data.x.type === "category" ? undefined : series.points[index]);
    if (!point) return;
    head.textContent = xText(data, point[0]);
    const line = box.appendChild(document.createElement("div"));
    const name = line.appendChild(document.createElement("span"));
    name.textContent = said(series.name);
    const figure = line.appendChild(document.createElement("b"));
    figure.textContent = yText(data, series, point[1]);
    const band = series.band?.find(([x]) => x === point[0]);
    if (!band) return;
    const range = box.appendChild(document.createElement("div"));
    range.appendChild(document.createElement("span")).textContent = t("chart.band");
    range.appendChild(document.createElement("b")).textContent =
      `${yText(data, series, band[1])} – ${yText(data, series, band[2])}`;
  });
  return box;
}

/** Points drawn on top of limits are those that violate them. */
function colourOf(data: ChartData, series: Series, index: number): string {
  if (series.role === "limit") return limitLine;
  if (series.role === "centre") return centre;
  if (series.type === "scatter" && data.series.some(({ role }) => role === "limit")) return limit;
  return palette[index % palette.length]!;
}

/** A mean with its interval is a level on a scale, not an amount from zero: it is drawn as a point. */
function isLevel(data: ChartData, series: Series): boolean {
  return series.type === "bar" && data.kind === "bar" && data.y.format !== "percent" && !!series.band?.length;
}

/** Whiskers of bars and points: one short line with caps per interval. */
function whiskers(data: ChartData, series: Series, horizontal: boolean, colour: string): SeriesOption {
  return {
    type: "custom",
    silent: true,
    z: 5,
    data: (series.band ?? []).map(([x, low, high]) => [place(data, x), low, high]),
    renderItem: (_, frame) => {
      const x = frame.value(0);
      const ends = [frame.value(1), frame.value(2)].map((y) => frame.coord(horizontal ? [y, x] : [x, y]));
      const [low, high] = ends as [number[], number[]];
      const [dx, dy] = horizontal ? [0, 4] : [4, 0];
      const line = (from: number[], to: number[]) => ({
        type: "line" as const,
        shape: { x1: from[0]!, y1: from[1]!, x2: to[0]!, y2: to[1]! },
        style: { stroke: colour, lineWidth: 1.4, opacity: 0.75 },
      });
      const cap = (end: number[]) => line([end[0]! - dx, end[1]! - dy], [end[0]! + dx, end[1]! + dy]);
      return { type: "group", children: [line(low, high), cap(low), cap(high)] };
    },
    encode: horizontal ? { x: [1, 2], y: 0 } : { x: 0, y: [1, 2] },
  };
}

/** The interval around a line: a filled polygon in plot coordinates. */
function ribbon(data: ChartData, series: Series, colour: string): SeriesOption {
  const band = series.band ?? [];
  return {
    type: "custom",
    silent: true,
    z: 1,
    clip: true,
    data: band.map(([x, low, high]) => [place(data, x), low, high]),
    renderItem: (params, frame) => {
      if (params.dataIndex !== 0) return null;
      const lower = band.map(([x, low]) => frame.coord([place(data, x), low]));
      const upper = band.map(([x, , high]) => frame.coord([place(data, x), high]));
      return {
        type: "polygon",
        shape: { points: [...lower, ...upper.reverse()] },
        style: { fill: colour, opacity: 0.14 },
      };
    },
    encode: { x: 0, y: [1, 2] },
  };
}

function drawn(data: ChartData, series: Series, index: number, horizontal: boolean): SeriesOption[] {
  const colour = colourOf(data, series, index);
  const flip = (x: string | number, y: number | null) => (horizontal ? [y, x] : [x, y]) as Point;
  const points = series.points.map(([x, y]) => flip(place(data, x), y));
  const axis = horizontal ? { xAxisIndex: series.axis } : { yAxisIndex: series.axis };
  const base = { name: said(series.name), ...axis };
  if (series.type === "bar" && isLevel(data, series)) {
    const dots: SeriesOption = { ...base, type: "scatter", symbolSize: 9, color: colour, data: points, z: 6 };
    return [dots, whiskers(data, series, horizontal, colour)];
  }
  if (series.type === "bar") {
    const chosen = data.selected === null || data.selected === undefined ? null : String(data.selected);
    const item = (point: Point, at: number) => ({
      value: point,
      itemStyle: { color: chosen === null || String(series.points[at]![0]) === chosen ? colour : muted },
    });
    const bar: SeriesOption = { ...base, type: "bar", barMaxWidth: 26, color: colour, data: points.map(item), z: 2 };
    return series.band?.length ? [bar, whiskers(data, series, horizontal, ink)] : [bar];
  }
  if (series.type === "scatter") {
    const dots: SeriesOption = { ...base, type: "scatter", symbolSize: 7, color: colour, data: points, z: 6 };
    return series.band?.length ? [dots, whiskers(data, series, horizontal, colour)] : [dots];
  }
  const plain = series.role === "data";
  const line: SeriesOption = {
    ...base,
    type: "line",
    color: colour,
    data: points,
    z: plain ? 4 : 2,
    symbol: "circle",
    symbolSize: 5,
    showSymbol: plain && points.length <= 80,
    lineStyle: { width: plain ? 1.8 : 1, type: series.role === "data" ? "solid" : [5, 4] },
    connectNulls: false,
    step: series.role === "limit" && data.x.type !== "category" ? "middle" : undefined,
  };
  if (!series.band?.length) return [line];
  return [data.x.type === "category" ? whiskers(data, series, horizontal, colour) : ribbon(data, series, colour), line];
}

const BAR = "path://M0 0h14v8H0z";
const LINE = "path://M0 3.2h14v1.6H0z";
const DASHES = "path://M0 3.2h5v1.6H0zM9 3.2h5v1.6H9z";

function legendEntry(data: ChartData, series: Series): { name: string; icon: string } {
  const name = said(series.name);
  if (series.type === "scatter" || isLevel(data, series)) return { name, icon: "circle" };
  if (series.type === "bar") return { name, icon: BAR };
  return { name, icon: series.role === "data" ? LINE : DASHES };
}

const LEGEND_GAP = 34;

/** How many lines the legend takes: a Latin letter is about 7 px wide, a Chinese character 12. */
function legendRows(data: ChartData, width: number): number {
  let rows = 1;
  let used = 0;
  for (const series of data.series) {
    const wide = [...said(series.name)].reduce((sum, sign) => sum + (sign > "\u2e80" ? 12 : 7), LEGEND_GAP);
    if (used && used + wide > width) {
      rows += 1;
      used = 0;
    }
    used += wide;
  }
  return rows;
}

export function options(data: ChartData, width: number): EChartsOption {
  const horizontal = isHorizontal(data);
  const label = { color: soft, fontFamily: FONT, fontSize: 11, hideOverlap: true };
  const name = { color: soft, fontFamily: FONT, fontSize: 11 };
  const split = { lineStyle: { color: hair } };
  const line = { lineStyle: { color: "#b9c3cd" } };
  const lineAxis = (axis: ChartData["y"], index: number) => ({
    type: "value" as const,
    name: titled(said(axis.title), axis.unit),
    nameLocation: "middle" as const,
    nameTextStyle: name,
    nameGap: horizontal ? 26 : 46,
    axisLabel: { ...label, formatter: axisFormat(axis.format) },
    splitLine: index === 0 ? split : { show: false },
    scale: index === 0 && (["line", "scatter"].includes(data.kind) || data.series.some((one) => isLevel(data, one))),
    splitNumber: width < 420 ? 3 : 5,
    max: axis.format === "percent" ? (range: { max: number }) => (index === 1 || range.max > 0.85 ? 1 : null) : undefined,
    min: axis.format === "percent" ? 0 : undefined,
  });
  const values = [lineAxis(data.y, 0), ...(data.y2 ? [lineAxis(data.y2, 1)] : [])];
  const named = titled(said(data.x.title), data.x.unit);
  const along =
    data.x.type === "category"
      ? {
          type: "category" as const,
          data: categories(data),
          inverse: horizontal,
          name: horizontal ? undefined : named,
          nameLocation: "middle" as const,
          nameTextStyle: name,
          nameGap: 28,
          axisTick: { show: false },
          axisLine: line,
          axisLabel: {
            ...label,
            color: ink,
            ...(horizontal ? { width: Math.min(210, Math.max(90, width * 0.34)), overflow: "truncate" as const } : {}),
          },
        }
      : {
          type: data.x.type === "time" ? ("time" as const) : ("value" as const),
          name: named,
          nameLocation: "middle" as const,
          nameTextStyle: name,
          nameGap: 28,
          axisLine: line,
          scale: data.x.type === "value",
          splitLine: { show: false },
          axisLabel:
            data.x.type === "time"
              ? { ...label, formatter: timeLabel }
              : { ...label, formatter: (value: number) => number(Number(value.toPrecision(10))) },
        };
  const several = data.series.length > 1;
  return {
    useUTC: true,
    animation: false,
    textStyle: { fontFamily: FONT },
    grid: {
      left: horizontal ? 6 : 22,
      right: data.y2 && !horizontal ? 24 : 16,
      top: (several ? 14 + 20 * legendRows(data, width) : 12) + (data.y2 && horizontal ? 18 : 0),
      bottom: horizontal ? 22 : 22,
      outerBoundsMode: "same",
      outerBoundsContain: "axisLabel",
    },
    legend: several
      ? { top: 0, left: 0, itemWidth: 14, itemHeight: 8, data: data.series.map((one) => legendEntry(data, one)), textStyle: { color: ink, fontFamily: FONT, fontSize: 12 }, selectedMode: false }
      : undefined,
    tooltip: {
      trigger: "axis",
      axisPointer: { type: data.x.type === "category" ? "shadow" : "line", shadowStyle: { color: "rgba(43,108,176,0.06)" } },
      appendTo: "body",
      className: "chart-tip-box",
      confine: false,
      transitionDuration: 0,
      formatter: (found) => {
        const first = Array.isArray(found) ? found[0] : found;
        if (!first) return "";
        const value = (first.value as Point | undefined) ?? ["", null];
        return tip(data, first.dataIndex, (horizontal ? value[1] : value[0]) as string | number);
      },
    },
    xAxis: horizontal ? values : along,
    yAxis: horizontal ? along : values,
    series: data.series.flatMap((series, index) => drawn(data, series, index, horizontal)),
  } as EChartsOption;
}

const DAY = 86_400_000;

/** The date at midnight, the time of day in between. */
function timeLabel(value: number): string {
  return value % DAY === 0 ? wallTime(value, "day") : wallTime(value, "minute").slice(11);
}
