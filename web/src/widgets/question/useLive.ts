/** A watched question over the WebSocket: rows as they come, change and go; a lost connection is resumed. */

import { onScopeDispose, ref, shallowRef } from "vue";

import { api } from "../../api/client";
import type { Row, Trouble, WatchChange } from "../../api/types";

export type Mark = "" | "added" | "changed" | "removed";

export interface LiveRow {
  row: Row;
  mark: Mark;
}

export type LiveState = "off" | "connecting" | "on" | "lost" | "failed";

interface Message {
  type: "subscribed" | "change" | "unsubscribed" | "pong" | "error";
  id?: string | null;
  change?: WatchChange;
  more?: boolean;
  token?: string | null;
  error?: Trouble;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const PING_MS = 20_000;
/** A connection that says nothing for so long is taken for lost. */
const SILENT_MS = 50_000;

function address(): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/ws`;
}

/** The rows after a change; those of the change before lose their marks, and what was removed goes. */
export function applied(rows: LiveRow[], change: WatchChange): LiveRow[] {
  if (change.kind === "reset") return change.added.map((row) => ({ row, mark: "" }));
  const kept: LiveRow[] = rows.filter(({ mark }) => mark !== "removed").map(({ row }) => ({ row, mark: "" }));
  const places = new Map<string, number[]>();
  kept.forEach(({ row }, at) => {
    const key = JSON.stringify(row);
    places.set(key, [...(places.get(key) ?? []), at]);
  });
  const take = (row: Row): LiveRow | undefined => {
    const at = places.get(JSON.stringify(row))?.shift();
    return at === undefined ? undefined : kept[at];
  };
  for (const row of change.removed) {
    const found = take(row);
    if (found) found.mark = "removed";
  }
  for (const { before, after } of change.changed) {
    const found = take(before);
    if (found) Object.assign(found, { row: after, mark: "changed" });
  }
  return [...change.added.map((row): LiveRow => ({ row, mark: "added" })), ...kept];
}

export function useLive() {
  const state = ref<LiveState>("off");
  const rows = shallowRef<LiveRow[]>([]);
  const total = ref(0);
  const moment = ref("");
  const last = shallowRef<{ added: number; changed: number; removed: number } | null>(null);
  const trouble = shallowRef<Trouble | null>(null);
  let socket: WebSocket | null = null;
  let question = "";
  let token: string | null = null;
  let pending: WatchChange | null = null;
  let wait = FIRST_WAIT_MS;
  let heard = 0;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let ping: ReturnType<typeof setInterval> | undefined;

  function take(message: Message): void {
    if (message.type === "subscribed") {
      state.value = "on";
      wait = FIRST_WAIT_MS;
    } else if (message.type === "error" && message.id) {
      end("failed");
      trouble.value = message.error ?? null;
    } else if (message.type === "change" && message.change) {
      const piece = message.change;
      pending = pending
        ? {
            ...piece,
            kind: pending.kind,
            added: [...pending.added, ...piece.added],
            removed: [...pending.removed, ...piece.removed],
            changed: [...pending.changed, ...piece.changed],
          }
        : piece;
      if (message.more) return;
      const change = pending;
      pending = null;
      token = message.token ?? token;
      rows.value = applied(rows.value, change);
      total.value = change.rows;
      moment.value = change.moment;
      const { added, changed, removed } = change;
      last.value =
        change.kind === "reset" ? null : { added: added.length, changed: changed.length, removed: removed.length };
    }
  }

  function disconnect(): void {
    clearTimeout(retry);
    clearInterval(ping);
    const old = socket;
    socket = null;
    pending = null;
    old?.close();
  }

  function connect(): void {
    disconnect();
    const own = (socket = new WebSocket(address()));
    let opened = false;
    own.onopen = () => {
      opened = true;
      heard = Date.now();
      const resume = token ? { resume: token } : {};
      own.send(JSON.stringify({ type: "subscribe", topic: "watch", id: "page", question, ...resume }));
      ping = setInterval(() => {
        if (Date.now() - heard > SILENT_MS) own.close();
        else own.send(JSON.stringify({ type: "ping" }));
      }, PING_MS);
    };
    own.onmessage = (event: MessageEvent<string>) => {
      if (socket !== own) return;
      heard = Date.now();
      take(JSON.parse(event.data) as Message);
    };
    own.onclose = () => {
      if (socket !== own) return;
      clearInterval(ping);
      state.value = "lost";
      // A refusal can't be told from a dead line; a request over HTTP says whether the session has ended.
      if (!opened) void api.pages().catch(() => undefined);
      retry = setTimeout(connect, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    };
  }

  function end(next: LiveState): void {
    disconnect();
    state.value = next;
  }

  /** Watch a question; what was known of another one is void. */
  function start(asked: string): void {
    question = asked;
    token = null;
    rows.value = [];
    last.value = null;
    trouble.value = null;
    wait = FIRST_WAIT_MS;
    state.value = "connecting";
    connect();
  }

  function stop(): void {
    end("off");
    trouble.value = null;
  }

  function back(): void {
    if (state.value === "lost") connect();
  }

  window.addEventListener("online", back);
  onScopeDispose(() => {
    window.removeEventListener("online", back);
    disconnect();
  });
  return { state, rows, total, moment, last, trouble, start, stop };
}
