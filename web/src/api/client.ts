/** The one door to the server: same host, session cookie, CSRF header on everything that is not a GET. */

import type {
  ColumnChoice,
  ContractCard,
  ContractList,
  ContractOutcome,
  FindOrder,
  Found,
  GridData,
  ImportDraft,
  ImportState,
  Language,
  LoadReport,
  MappingDraft,
  Names,
  PageAnswer,
  PageEntry,
  PageQuestion,
  PageSpec,
  Paging,
  ProofVerdict,
  Recorded,
  Scalar,
  Session,
  Targets,
  TemplateCard,
  TraceData,
  Trouble,
} from "./types";

/** An answer that is an error; `trouble` carries the sentence and the hint in both languages. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly trouble: Trouble,
  ) {
    super(trouble.message.en);
  }
}

const UNREACHABLE: Trouble = {
  message: { zh: "无法连接到服务器。", en: "The server can't be reached." },
  hint: {
    zh: "请确认 assay serve 仍在运行，然后重试。",
    en: "Check that assay serve is still running, then try again.",
  },
};

function unreadable(status: number): Trouble {
  return {
    message: {
      zh: `服务器返回了无法读取的回答（${status}）。`,
      en: `The server's answer can't be read (${status}).`,
    },
    hint: { zh: "请重试；服务器日志中有详情。", en: "Try again; the server's log has the details." },
  };
}

let csrf = "";
let onSignedOut: () => void = () => {};

export function rememberCsrf(token: string): void {
  csrf = token;
}

export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

function troubleIn(body: unknown, status: number): Trouble {
  const error = (body as { error?: Trouble } | null)?.error;
  return error?.message ? error : unreadable(status);
}

interface Options {
  method?: "GET" | "POST";
  json?: unknown;
  form?: FormData;
  signal?: AbortSignal;
  quiet?: boolean;
}

async function ask<T>(path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  const method = options.method ?? "GET";
  if (options.json !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      body: options.form ?? (options.json === undefined ? undefined : JSON.stringify(options.json)),
      signal: options.signal,
    });
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw new ApiError(0, UNREACHABLE);
  }
  const body: unknown = await answer.json().catch(() => null);
  if (answer.ok) return body as T;
  if (answer.status === 401 && !options.quiet) onSignedOut();
  throw new ApiError(answer.status, troubleIn(body, answer.status));
}

/** Fetch a file and hand it to the browser to keep; a refusal is an error as everywhere, not a saved page. */
async function saved(path: string): Promise<void> {
  let answer: Response;
  try {
    answer = await fetch(path, { credentials: "same-origin" });
  } catch {
    throw new ApiError(0, UNREACHABLE);
  }
  if (!answer.ok) {
    if (answer.status === 401) onSignedOut();
    throw new ApiError(answer.status, troubleIn(await answer.json().catch(() => null), answer.status));
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "proof";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Whether a proof or bundle holds under the server's policy. */
export function verifyFile(file: File): Promise<ProofVerdict> {
  const form = new FormData();
  form.append("file", file);
  return ask<ProofVerdict>("/api/verify", { method: "POST", form });
}

function escaped(name: string): string {
  return name.split("/").map(encodeURIComponent).join("/");
}

export interface CauseQuestion {
  target: string;
  where?: string | null;
  scope?: string | null;
  factor: string;
  value: Scalar;
}

function questionString(question: CauseQuestion, window?: Paging): string {
  const query = new URLSearchParams({ target: question.target, factor: question.factor });
  if (question.where) query.set("where", question.where);
  if (question.scope) query.set("scope", question.scope);
  if (question.value !== null && question.value !== undefined) query.set("value", String(question.value));
  if (window) {
    query.set("limit", String(window.limit));
    query.set("offset", String(window.offset));
  }
  return query.toString();
}

export const api = {
  session: () => ask<Session>("/api/session", { quiet: true }),
  login: (password: string) =>
    ask<{ user: string; csrf: string }>("/api/login", { method: "POST", json: { password }, quiet: true }),
  logout: () => ask<unknown>("/api/logout", { method: "POST", json: {} }),
  pages: () => ask<PageEntry[]>("/api/pages"),
  page: (id: string) => ask<PageSpec>(`/api/pages/${encodeURIComponent(id)}`),
  data: (id: string, question: Partial<PageQuestion>, signal: AbortSignal) =>
    ask<PageAnswer>(`/api/pages/${encodeURIComponent(id)}/data`, { method: "POST", json: question, signal }),
  targets: () => ask<Targets>("/api/targets"),
  code: (text: string) =>
    ask<{ thing: { kind: string; id: string } | null }>("/api/codes/parse", { method: "POST", json: { text } }),
  trace: (name: string, asked: URLSearchParams, signal: AbortSignal) =>
    ask<TraceData>(`/api/trace/${name.split("/").map(encodeURIComponent).join("/")}?${asked.toString()}`, { signal }),
  find: (order: Partial<FindOrder> & { question: string }, signal: AbortSignal) =>
    ask<Found>("/api/find", { method: "POST", json: order, signal }),
  names: (question: string, position: number, language: Language, signal: AbortSignal) =>
    ask<Names>("/api/find/names", { method: "POST", json: { question, position, language }, signal }),
  answerFile: (question: string, format: "parquet" | "arrow" | "csv") =>
    `/api/extract?${new URLSearchParams({ q: question, format }).toString()}`,
  evidence: (question: CauseQuestion, window: Paging) =>
    ask<GridData>(`/api/evidence?${questionString(question, window)}`),
  evidenceFile: (question: CauseQuestion) => `/api/evidence.csv?${questionString(question)}`,
  templates: () => ask<{ templates: TemplateCard[] }>("/api/contracts/templates"),
  contracts: () => ask<ContractList>("/api/contracts"),
  contract: (address: string) => ask<ContractCard>(`/api/contracts/${encodeURIComponent(address)}`),
  join: (template: string, terms: Record<string, unknown>) =>
    ask<ContractOutcome>("/api/contracts", { method: "POST", json: { template, terms } }),
  call: (address: string, step: string, values: Record<string, unknown>) =>
    ask<ContractOutcome>(`/api/contracts/${encodeURIComponent(address)}/${encodeURIComponent(step)}`, {
      method: "POST",
      json: { arguments: values },
    }),
  record: (what: string, values: Record<string, unknown>) =>
    ask<Recorded>(`/api/record/${encodeURIComponent(what)}`, { method: "POST", json: values }),
  saved,
  proofFile: (record: string) => `/api/proof/${escaped(record)}`,
  bundleFile: (subject: string) => `/api/bundle/${escaped(subject)}`,
  affectedFile: (question: CauseQuestion) => `/api/affected.csv?${questionString(question)}`,
  mapping: (id: string, columns: ColumnChoice[]) =>
    ask<MappingDraft>(`/api/imports/${encodeURIComponent(id)}/mapping`, { method: "POST", json: { columns } }),
  importState: (id: string) => ask<ImportState>(`/api/imports/${encodeURIComponent(id)}`),
  load: (id: string, mapping: string) =>
    ask<LoadReport>(`/api/imports/${encodeURIComponent(id)}/load`, { method: "POST", json: { mapping } }),
};

/** Send a file with progress (0…1), which `fetch` can't report. */
export function upload(file: File, progress: (share: number) => void): Promise<ImportDraft> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/imports");
    request.setRequestHeader("X-CSRF-Token", csrf);
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) progress(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status < 300) return resolve(request.response as ImportDraft);
      if (request.status === 401) onSignedOut();
      return reject(new ApiError(request.status, troubleIn(request.response, request.status)));
    };
    request.onerror = () => reject(new ApiError(0, UNREACHABLE));
    const form = new FormData();
    form.append("file", file);
    request.send(form);
  });
}
