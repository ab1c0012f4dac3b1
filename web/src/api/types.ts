/** Names for the shapes in `schema.d.ts`, which is generated from the API's own description (`npm run types`). */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Language = "zh" | "en";
export type Text = Schemas["Text"];
export type Trouble = Schemas["Problem"];
export type Session = Schemas["SessionCard"];
export type PageEntry = Schemas["PageCard"];
export type PageSpec = Schemas["Page"];
export type Param = Schemas["Param"];
export type PageQuestion = Schemas["PageQuestion"];
export type PageAnswer = Schemas["PageAnswer"];
export type Paging = Schemas["Paging"];
export type Selection = Schemas["Selection"];
export type Tone = Schemas["KpiItem"]["tone"];
export type KpiItem = Schemas["KpiItem"];
export type KpiData = Schemas["KpiPayload"];
export type ChartData = Schemas["ChartPayload"];
export type PlotData = Schemas["PlotPayload"];
export type Series = Schemas["Series"];
export type GridData = Schemas["GridPayload"];
export type Column = Schemas["GridColumn"];
export type MarkdownData = Schemas["MarkdownPayload"];
export type TraceEdge = Schemas["TraceEdge"];
export type TraceData = Schemas["TracePayload"];
export type GraphData = Schemas["TraceGraphPayload"];
export type RefusedMark = Schemas["RefusedMark"];
export type TraceDoubt = Schemas["TraceDoubt"];
export type UnitFileData = Schemas["UnitFile"];
export type Recorded = Schemas["RecordedCard"];
export type WeldFileData = Schemas["WeldFile"];
export type WeldPass = Schemas["WeldPass"];
export type KeptParameter = Schemas["Kept"];
export type FileStep = Schemas["Step"];
export type FileCurve = Schemas["Curve"];
export type FileInspection = Schemas["Inspection"];
export type CauseData = Schemas["CausesPayload"];
export type Cause = Schemas["Cause"];
export type Confounded = Schemas["Confounded"];
export type Dose = Schemas["Dose"];
export type ExamplesData = Schemas["ExamplesPayload"];
export type FindOrder = Schemas["FindOrder"];
export type Found = Schemas["FoundAnswer"];
export type FoundColumn = Schemas["FoundColumn"];
export type Mend = Schemas["Mend"];
export type Name = Schemas["SuggestedName"];
export type Names = Schemas["SuggestedNames"];
export type Scalar = string | number | boolean | null;
export type Targets = Schemas["TargetsPayload"];
export type Target = Schemas["TargetCard"];
export type ImportDraft = Schemas["ImportCard"];
export type ImportColumn = Schemas["ImportColumn"];
export type ColumnChoice = Schemas["ColumnChoice"];
export type MappingDraft = Schemas["MappingText"];
export type ImportState = Schemas["ImportProgress"];
export type LoadReport = Schemas["LoadCard"];
export type EvidenceData = Schemas["EvidencePayload"];
export type TemplateCard = Schemas["TemplateCard"];
export type ContractList = Schemas["ContractList"];
export type ContractCard = Schemas["ContractCard"];
export type ContractOutcome = Schemas["Outcome"];
export type ProofVerdict = Schemas["VerdictCard"];

/** A widget as a page places it; which fields it has depends on its type. */
export interface WidgetSpec {
  type: string;
  at: [number, number, number, number];
  title?: Text | null;
  data?: string | null;
  select?: string | null;
  follows?: string | null;
  param?: string | null;
  records?: string | null;
  args?: Record<string, unknown>;
}

export type Failure = Schemas["Refusal"];
export type Payload = PageAnswer["data"][string] | null;

/** What was done to answer a question. */
export interface Explained {
  steps: { name: string; does: string; detail: string; rows: number | null; seconds: number | null }[];
  statements: Record<string, number>;
  moved: Record<string, number>;
  sql: string;
}

export type Row = Record<string, unknown>;

/** A message of the topic `watch`: the result, or what has changed in it. */
export interface WatchChange {
  kind: "reset" | "change";
  added: Row[];
  removed: Row[];
  changed: { before: Row; after: Row }[];
  rows: number;
  moment: string;
}

/** One recorded result of a genealogy node. */
export interface TraceResult {
  characteristic: string;
  value?: number | null;
  text?: string | null;
  unit?: string | null;
  time?: string | null;
}

/** A genealogy node with what the plant recorded of it. */
export interface TraceNode {
  id: string;
  kind: string;
  depth?: number;
  confidence?: number;
  segment?: string | null;
  equipment?: string | null;
  person?: string | null;
  position?: string | null;
  recipe?: string | null;
  work_order?: string | null;
  material?: string | null;
  started?: string | null;
  ended?: string | null;
  attributes?: Record<string, unknown>;
  results?: TraceResult[];
  refused?: RefusedMark[];
}
