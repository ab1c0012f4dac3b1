/** Every widget is one file, loaded when a page first names it; heavy ones stay out of the first download. */

import { defineAsyncComponent, type Component } from "vue";

import CauseListWidget from "./CauseListWidget.vue";
import GridWidget from "./GridWidget.vue";
import KpiWidget from "./KpiWidget.vue";
import MarkdownWidget from "./MarkdownWidget.vue";

export interface Widget {
  component: Component;
  /** False for a widget that fetches nothing through the page's data request. */
  needsData: boolean;
  /** True when the widget draws its own frame. */
  bare?: boolean;
}

const widgets: Record<string, Widget> = {
  kpi: { component: KpiWidget, needsData: true, bare: true },
  grid: { component: GridWidget, needsData: true },
  markdown: { component: MarkdownWidget, needsData: true },
  "cause-list": { component: CauseListWidget, needsData: true },
  chart: { component: defineAsyncComponent(() => import("./ChartWidget.vue")), needsData: true },
  plot: { component: defineAsyncComponent(() => import("./PlotWidget.vue")), needsData: true },
  genealogy: { component: defineAsyncComponent(() => import("./GenealogyWidget.vue")), needsData: true },
  "file-drop": { component: defineAsyncComponent(() => import("./FileDropWidget.vue")), needsData: false, bare: true },
};

export function widgetFor(type: string): Widget | undefined {
  return Object.hasOwn(widgets, type) ? widgets[type] : undefined;
}
