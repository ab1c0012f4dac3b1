/** Loads a page's specification, then its data in one batched request; later changes ask only for what they touch. */

import { computed, onScopeDispose, reactive, shallowReactive, shallowRef, watch } from "vue";

import { api, ApiError } from "../api/client";
import type { PageQuestion, PageSpec, Paging, Param, Payload, Scalar, Selection, Trouble, WidgetSpec } from "../api/types";
import { route, selections, viewState } from "../state/route";

export const GRID_ROWS = 25;

interface GridView {
  offset?: number;
}

/** The value of one parameter: what the URL says, else the page's default. */
export function paramValue(param: Param): Scalar {
  const given = route.query.get(param.name);
  return given === null ? (param.default ?? null) : given;
}

export function widgetsOf(spec: PageSpec): WidgetSpec[] {
  return spec.widgets;
}

/** True when the binding's arguments take the parameter or selection `name`. */
function takes(spec: PageSpec, binding: string, name: string): boolean {
  const args = JSON.stringify(spec.data?.[binding]?.args ?? {});
  return args.includes(`"$${name}"`) || args.includes(`"$${name}.`);
}

function dependsOn(spec: PageSpec, binding: string, selection: string): boolean {
  if (takes(spec, binding, selection)) return true;
  return widgetsOf(spec).some((widget) => widget.data === binding && widget.follows === selection);
}

/** The part of a URL's selection that the server understands. */
function asSelection(value: unknown): Selection {
  if (!value || typeof value !== "object") return {};
  const { factor, value: level } = value as Selection;
  return typeof factor === "string" ? { factor, value: level ?? null } : {};
}

export function usePage(id: string) {
  const spec = shallowRef<PageSpec | null>(null);
  const trouble = shallowRef<Trouble | null>(null);
  const payloads = shallowReactive(new Map<string, Payload>());
  const waiting = reactive(new Set<string>());
  const running = new Map<AbortController, string[]>();

  const params = computed(() => {
    const values: Record<string, Scalar> = {};
    for (const param of spec.value?.params ?? []) values[param.name] = paramValue(param);
    return values;
  });
  const bindings = computed(() => Object.keys(spec.value?.data ?? {}));
  const chosen = computed(selections);
  const used = shallowRef<Selection | null>(null);
  /** What is selected: the URL's selection or, without one, the one the server took. */
  const selection = computed<Record<string, unknown>>(() => {
    const found = { ...chosen.value };
    for (const widget of spec.value ? widgetsOf(spec.value) : []) {
      if (widget.select && !(widget.select in found) && used.value?.factor) found[widget.select] = used.value;
    }
    return found;
  });
  const paging = computed(() => {
    const found: Record<string, Paging> = {};
    for (const widget of spec.value ? widgetsOf(spec.value) : []) {
      if (widget.type !== "grid" || !widget.data) continue;
      found[widget.data] = { offset: viewState<GridView>(widget.data)?.offset ?? 0, limit: GRID_ROWS };
    }
    return found;
  });

  /** The first parameter that the page can't do without and does not have. */
  const needed = computed<Param | null>(() => {
    const given = params.value;
    return spec.value?.params?.find((param) => param.required && !given[param.name]) ?? null;
  });

  /** A target without a value or a default: the plant has no results yet, so nothing that asks for one can answer. */
  const targetless = computed<Param | null>(
    () => spec.value?.params?.find((param) => param.type === "target" && !params.value[param.name]) ?? null,
  );
  const shown = computed<WidgetSpec[]>(() => {
    const page = spec.value;
    if (!page) return [];
    const empty = targetless.value?.name;
    return widgetsOf(page).filter((widget) => !empty || !widget.data || !takes(page, widget.data, empty));
  });

  async function fetchSpec(): Promise<void> {
    trouble.value = null;
    try {
      spec.value = await api.page(id);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      trouble.value = error.trouble;
    }
  }

  /** Ask for `names` (all bindings by default); a newer request for the same names replaces an older one. */
  async function fetchData(names: string[] = bindings.value): Promise<void> {
    if (names.length === 0 || needed.value) return;
    for (const [older, asked] of running) {
      if (asked.every((name) => names.includes(name))) older.abort();
    }
    const controller = new AbortController();
    running.set(controller, names);
    names.forEach((name) => waiting.add(name));
    const request: Partial<PageQuestion> = {
      params: params.value,
      selection: asSelection(Object.values(chosen.value)[0]),
      paging: Object.fromEntries(Object.entries(paging.value).filter(([name]) => names.includes(name))),
      width: Math.min(8192, Math.max(50, Math.round(window.innerWidth))),
    };
    if (names.length < bindings.value.length) request.only = names;
    try {
      const answer = await api.data(id, request, controller.signal);
      if (controller.signal.aborted) return;
      used.value = answer.selection;
      for (const name of names) payloads.set(name, answer.data[name] ?? null);
    } catch (error) {
      if (controller.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      for (const name of names) payloads.set(name, { error: error.trouble });
    } finally {
      running.delete(controller);
      const pending = new Set([...running.values()].flat());
      names.filter((name) => !pending.has(name)).forEach((name) => waiting.delete(name));
    }
  }

  watch(spec, () => fetchData());
  watch(
    () => JSON.stringify(params.value),
    (now, before) => {
      const page = spec.value;
      if (!page || before === "{}" || now === before) return;
      const after = JSON.parse(now) as Record<string, Scalar>;
      const prior = JSON.parse(before) as Record<string, Scalar>;
      const questions = (page.params ?? []).filter((param) => param.type === "question").map((param) => param.name);
      const changed = Object.keys(after).filter((name) => after[name] !== prior[name]);
      // A question is answered by its own widget; only what a binding takes of it is asked anew.
      if (changed.every((name) => questions.includes(name))) {
        void fetchData(bindings.value.filter((binding) => changed.some((name) => takes(page, binding, name))));
      } else void fetchData();
    },
  );
  watch(
    () => JSON.stringify(chosen.value),
    (now, before) => {
      const page = spec.value;
      if (!page) return;
      const after = JSON.parse(now) as Record<string, unknown>;
      const prior = JSON.parse(before) as Record<string, unknown>;
      const changed = [...new Set([...Object.keys(after), ...Object.keys(prior)])].filter(
        (name) => JSON.stringify(after[name]) !== JSON.stringify(prior[name]),
      );
      void fetchData(bindings.value.filter((binding) => changed.some((name) => dependsOn(page, binding, name))));
    },
  );
  watch(
    () => JSON.stringify(paging.value),
    (now, before) => {
      const after = JSON.parse(now) as Record<string, Paging>;
      const prior = JSON.parse(before) as Record<string, Paging>;
      const moved = Object.keys(after).filter((name) => prior[name] && prior[name].offset !== after[name]!.offset);
      void fetchData(moved);
    },
  );
  onScopeDispose(() => running.forEach((_, controller) => controller.abort()));

  void fetchSpec();
  return { spec, shown, trouble, needed, targetless, payloads, waiting, params, selection, fetchSpec, fetchData };
}
