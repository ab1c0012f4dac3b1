import type { WidgetSpec } from "../api/types";

/** What a page hands to every widget. */
export interface WidgetProps<T> {
  payload: T;
  spec: WidgetSpec;
  params: Record<string, unknown>;
  selection: Record<string, unknown>;
  waiting: boolean;
}
