/** The URL is the view state: page, parameters, selection, grid windows, language. Back, reload and links just work. */

import { shallowReactive } from "vue";

export interface Route {
  page: string;
  query: URLSearchParams;
}

const PREFIX = "/pages/";

function read(): Route {
  const path = location.pathname;
  const page = path.startsWith(PREFIX) ? decodeURIComponent(path.slice(PREFIX.length).replace(/\/+$/, "")) : "";
  return { page, query: new URLSearchParams(location.search) };
}

export const route = shallowReactive<Route>(read());

function sync(): void {
  Object.assign(route, read());
}

window.addEventListener("popstate", sync);

type Values = Record<string, string | null | undefined>;

function withValues(base: URLSearchParams, values: Values): URLSearchParams {
  const query = new URLSearchParams(base);
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === undefined || value === "") query.delete(name);
    else query.set(name, value);
  }
  return query;
}

function address(page: string, query: URLSearchParams): string {
  const text = query.toString();
  const path = page ? PREFIX + encodeURIComponent(page) : "/";
  return text ? `${path}?${text}` : path;
}

function move(target: string, replace: boolean): void {
  if (target === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", target);
  sync();
}

/** Change parts of the query on the current page. */
export function setQuery(values: Values, options: { replace?: boolean } = {}): void {
  move(address(route.page, withValues(route.query, values)), options.replace ?? false);
}

/** The address of another page; the language travels along, nothing else does. */
export function pageAddress(page: string, params: Values = {}): string {
  const kept = new URLSearchParams();
  const lang = route.query.get("lang");
  if (lang) kept.set("lang", lang);
  return address(page, withValues(kept, params));
}

export function openPage(page: string, params: Values = {}, options: { replace?: boolean } = {}): void {
  move(pageAddress(page, params), options.replace ?? false);
  if (!options.replace) window.scrollTo(0, 0);
}

/** Click handler for in-app links: plain clicks stay in the app, everything else is the browser's. */
export function follow(event: MouseEvent, page: string, params: Values = {}): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  openPage(page, params);
}

const SELECTION = "s.";
const VIEW = "v.";

function parsed(text: string | null): unknown {
  if (text === null) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Every selection in the URL, by name. */
export function selections(): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const name of route.query.keys()) {
    if (!name.startsWith(SELECTION)) continue;
    const value = parsed(route.query.get(name));
    if (value !== undefined) found[name.slice(SELECTION.length)] = value;
  }
  return found;
}

export function select(name: string, value: unknown, options: { replace?: boolean } = {}): void {
  setQuery({ [SELECTION + name]: value === null ? null : JSON.stringify(value) }, options);
}

/** A widget's own view state (grid offset, opened groups), kept under the name of its data. */
export function viewState<T>(name: string): T | undefined {
  return parsed(route.query.get(VIEW + name)) as T | undefined;
}

export function setViewState(name: string, value: unknown, options: { replace?: boolean } = {}): void {
  setQuery({ [VIEW + name]: value === null ? null : JSON.stringify(value) }, options);
}

/** Set page parameters; selections and view states of the old question are dropped with it. */
export function setParams(values: Values): void {
  const query = withValues(route.query, values);
  for (const name of [...query.keys()]) {
    if (name.startsWith(SELECTION) || name.startsWith(VIEW)) query.delete(name);
  }
  move(address(route.page, query), false);
}
