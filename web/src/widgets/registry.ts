/** Every widget is one file, loaded when a page first names it; heavy ones stay out of the first download. */

import { defineAsyncComponent, type Component } from "vue";

import WaitingNote from "../page/WaitingNote.vue";
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

/** A widget that is fetched when a page first names it. */
function lazy(loader: () => Promise<Component>): Component {
  return defineAsyncComponent({ loader, loadingComponent: WaitingNote, delay: 0 });
}

const widgets: Record<string, Widget> = {
  kpi: { component: KpiWidget, needsData: true, bare: true },
  grid: { component: GridWidget, needsData: true },
  markdown: { component: MarkdownWidget, needsData: true },
  "cause-list": { component: CauseListWidget, needsData: true },
  chart: { component: lazy(() => import("./ChartWidget.vue")), needsData: true },
  plot: { component: lazy(() => import("./PlotWidget.vue")), needsData: true },
  genealogy: { component: lazy(() => import("./GenealogyWidget.vue")), needsData: true },
  "trace-graph": { component: lazy(() => import("./TraceGraphWidget.vue")), needsData: true },
  "unit-file": { component: lazy(() => import("./UnitFileWidget.vue")), needsData: true },
  "weld-file": { component: lazy(() => import("./WeldFileWidget.vue")), needsData: true },
  evidence: { component: lazy(() => import("./EvidenceWidget.vue")), needsData: true },
  question: { component: lazy(() => import("./QuestionWidget.vue")), needsData: true, bare: true },
  "file-drop": { component: lazy(() => import("./FileDropWidget.vue")), needsData: false, bare: true },
  "proof-drop": { component: lazy(() => import("./ProofDropWidget.vue")), needsData: false, bare: true },
  record: { component: lazy(() => import("./RecordWidget.vue")), needsData: false },
  "contract-desk": { component: lazy(() => import("./ContractDeskWidget.vue")), needsData: false },
};

export function widgetFor(type: string): Widget | undefined {
  return Object.hasOwn(widgets, type) ? widgets[type] : undefined;
}
