/** The life of one drawing: made when its element is there, drawn again when data or size change, let go at the end. */

import { onBeforeUnmount, onMounted, shallowRef, useTemplateRef, watch, type WatchSource } from "vue";

import { language } from "../../i18n";
import { init, type ECharts, type EChartsOption } from "./echarts";

/** Draws in the template's element `ref="canvas"`; `options` is asked with its width, null means nothing to draw. */
export function useChart(changes: WatchSource, options: (width: number) => EChartsOption | null): void {
  const canvas = useTemplateRef<HTMLElement>("canvas");
  const chart = shallowRef<ECharts | null>(null);

  function draw(): void {
    if (!canvas.value) return;
    const wanted = options(canvas.value.clientWidth);
    if (!wanted) return;
    chart.value ??= init(canvas.value);
    chart.value.setOption(wanted, { notMerge: true });
  }

  const observer = new ResizeObserver(() => {
    chart.value?.resize();
    draw();
  });

  function release(): void {
    observer.disconnect();
    chart.value?.dispose();
    chart.value = null;
  }

  watch(canvas, (element) => {
    release();
    if (element) observer.observe(element);
    draw();
  });
  watch([changes, language], draw, { flush: "post" });
  onMounted(() => document.fonts.ready.then(draw));
  onBeforeUnmount(release);
}
