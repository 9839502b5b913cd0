// The check of this phone: what is well, what is not, and what to do about it; and the settings of the phone.

import { isUnsent, list } from "../../../service_worker/outbox.js";
import * as store from "../../../service_worker/store.js";
import * as vault from "../../../service_worker/vault.js";
import { startCarrying } from "./carry.js";
import { addPasskey, choosePin, dropPasskey, dropPin, hasPasskeys, isPin } from "./openers.js";
import { ask, tell } from "./phone.js";
import { amount, head, moment, put, script, showIf, word } from "./words.js";

// What Suivi allows itself on a phone; browsers do not say how much there really is.
const BUDGET = 200e6;
const TOO_OLD = 3 * 86_400_000;
const WRONG_CLOCK = 300_000;
const PATIENCE = 8_000;

const megabytes = (bytes) => `${amount(bytes / 1e6, 2)} ${word("bytes-mb")}`;

export async function startPhoneCheck() {
  vault.askElsewhere(() => ask({ type: "key?" }, 1_000));
  await store.remember("care", true).catch(() => {});
  keepThisPage();
  startSettings();
  startClearing();
  startCarrying();
  const found = await check();
  for (const [name, [state, value]] of Object.entries(found)) show(name, state, value);
  const report = document.querySelector("[data-report]");
  report.value = reportOf(found);
  document.querySelector("[data-share]").addEventListener("click", () => share(report));
}

/** Found once, it is here without a network from now on. */
function keepThisPage() {
  const search = `?${document.documentElement.lang}-${head("suivi-build").content}`;
  const urls = [`/unlock${search}`, ...[...document.querySelectorAll("link[rel=stylesheet], link[rel=manifest], link[rel=icon]")].map(({ href }) => href), script().src];
  tell({ type: "assets", urls, care: script().dataset.care });
}

/** Every check: {name: [state, value]}, where the state is "ok", "bad" or "unknown". Nothing in it is about a person or a case. */
async function check() {
  const checks = { storage, room, kept, unsent, keys, worker, camera, notifications, clock, line };
  const found = {};
  await Promise.all(
    Object.entries(checks).map(async ([name, look]) => {
      found[name] = await look().catch(() => ["bad", ""]);
    }),
  );
  const traffic = await store.recall("traffic").catch(() => null);
  const month = new Date().toISOString().slice(0, 7);
  put(document, "[data-sent]", megabytes(traffic?.month === month ? traffic.sent : 0));
  put(document, "[data-budget]", megabytes(BUDGET));
  return Object.fromEntries(Object.keys(checks).map((name) => [name, found[name]]));
}

async function storage() {
  const probe = crypto.randomUUID();
  await store.remember("probe", probe);
  return [(await store.recall("probe")) === probe ? "ok" : "bad", ""];
}

async function room() {
  const { usage, quota } = (await navigator.storage?.estimate?.()) ?? {};
  if (usage === undefined) return ["unknown", ""];
  put(document, "[data-used]", megabytes(usage));
  return [usage > 0.8 * Math.min(BUDGET, quota || BUDGET) ? "bad" : "ok", megabytes(usage)];
}

async function kept() {
  if (!navigator.storage?.persisted) return ["unknown", ""];
  return [(await navigator.storage.persisted()) || (await navigator.storage.persist()) ? "ok" : "bad", ""];
}

async function unsent() {
  const rows = (await list()).rows.filter(isUnsent);
  const oldest = Math.min(...rows.map(({ made_at }) => made_at));
  return [rows.length && Date.now() - oldest > TOO_OLD ? "bad" : "ok", rows.length ? `${amount(rows.length)} · ${moment(oldest)}` : amount(0)];
}

async function keys() {
  const [vaults, phone] = [await vault.all(), await store.recall("phone")];
  return [vaults.length && phone?.sealing_key ? "ok" : "bad", amount(vaults.length)];
}

async function worker() {
  const registration = await navigator.serviceWorker.getRegistration();
  const answers = navigator.serviceWorker.controller && (await ask({ type: "alive" }, 3_000));
  const waiting = registration?.waiting ? " +1" : "";
  return [answers ? "ok" : "bad", head("suivi-build").content + waiting];
}

async function camera() {
  const devices = await navigator.mediaDevices?.enumerateDevices?.();
  if (!devices) return ["unknown", ""];
  return [devices.some(({ kind }) => kind === "videoinput") ? "ok" : "bad", ""];
}

async function notifications() {
  if (!globalThis.Notification) return ["unknown", ""];
  return [Notification.permission === "granted" ? "ok" : "bad", ""];
}

async function clock() {
  const [answer, known] = [await health(), await store.recall("clock")];
  const told = Date.parse(answer?.headers.get("Date"));
  const error = Number.isFinite(told) ? Date.now() - told : known?.error_ms;
  if (error === undefined) return ["unknown", ""];
  if (answer && Math.abs(error) > 2_000) await store.remember("clock", { error_ms: error });
  return [Math.abs(error) > WRONG_CLOCK ? "bad" : "ok", moment(Date.now() - error)];
}

const line = async () => [(await health())?.ok ? "ok" : "bad", navigator.connection?.type ?? ""];

let asked = null;
const health = () => (asked ??= fetch("/health", { cache: "no-store", signal: AbortSignal.timeout?.(PATIENCE) }).catch(() => null));

function show(name, state, value) {
  const row = document.querySelector(`[data-check="${name}"]`);
  row.dataset.found = state;
  put(row, "[data-value]", value);
  for (const said of row.querySelectorAll("[data-state]")) showIf(said, said.dataset.state === state);
}

/** A text for who helps: states, numbers and the browser's name; no name, no case, no place, no key. */
function reportOf(found) {
  const lines = Object.entries(found).map(([name, [state, value]]) => `${name}: ${state} ${value}`.trim());
  return ["Suivi", `browser: ${navigator.userAgent}`, `language: ${document.documentElement.lang}`, ...lines].join("\n");
}

async function share(report) {
  if (navigator.share && (await navigator.share({ text: report.value }).then(() => true, () => false))) return;
  report.select();
  await navigator.clipboard?.writeText(report.value).catch(() => {});
  showIf(document.querySelector("[data-shared]"), true);
}

async function startSettings() {
  const wifi = document.querySelector("[data-wifi-only]");
  wifi.checked = Boolean(await store.recall("wifiOnly"));
  showIf(document.querySelector("[data-wifi-unknown]"), navigator.connection?.type === undefined);
  wifi.addEventListener("change", async () => {
    await store.remember("wifiOnly", wifi.checked);
    tell({ type: "send", pressed: true });
  });
  const opened = await vault.current();
  const openers = document.querySelector("[data-openers]");
  showIf(openers, Boolean(opened));
  navigator.serviceWorker.addEventListener("message", ({ data }) => data.type === "locked" && showIf(openers, false));
  if (!opened) return;
  const mine = async () => (await vault.all()).find(({ person }) => person === opened.person);
  const form = document.querySelector("[data-openers-form]");
  const offer = async () => {
    const { pin, passkey } = await mine();
    showIf(form.querySelector("[data-if-pin]"), Boolean(pin));
    showIf(form.querySelector("[data-if-passkey]"), Boolean(passkey));
    showIf(form.querySelector("[data-if-no-passkey]"), !passkey && (await hasPasskeys()));
  };
  await offer();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wish = event.submitter?.value ?? "pin";
    const error = await grant(wish, await mine(), form.elements).catch(() => "not-set");
    put(form, "[data-error]", error && word(error));
    showIf(form.querySelector("[data-error]"), Boolean(error));
    showIf(form.querySelector("[data-done]"), !error);
    if (!error) form.reset();
    await offer();
  });
}

/** Do what is asked with one's own key; the words are asked each time. The name of what is wrong, or "". */
async function grant(wish, row, { passphrase, pin }) {
  if (wish === "pin" && !isPin(pin.value)) return "weak-pin";
  let raw;
  try {
    raw = await vault.rawKey(row, passphrase.value);
  } catch {
    return "wrong-passphrase";
  }
  if (wish === "pin") await choosePin(row, raw, pin.value);
  else if (wish === "drop-pin") await dropPin(row, raw);
  else if (wish === "drop-passkey") await dropPasskey(row, raw);
  else if (!(await addPasskey(row, raw))) return "no-passkey";
  return "";
}

/** Two taps: the first says what is lost and what is not. */
function startClearing() {
  const button = document.querySelector("[data-clear-phone]");
  const warning = document.querySelector("[data-clear-sure]");
  button.addEventListener("click", async () => {
    if (warning.hidden) {
      const unsent_ = (await list()).rows.filter(isUnsent).length;
      put(warning, "[data-unsent-here]", amount(unsent_));
      showIf(warning.querySelector("[data-clear-unsent]"), unsent_ > 0);
      showIf(warning, true);
      return;
    }
    await ask({ type: "lock", signingOut: true });
    await ask({ type: "clear" }, 20_000);
    document.cookie = "kept=;path=/;max-age=0";
    location.replace((await ask({ type: "sign-out" })) ? "/sign-in" : "/unlock#signed-out");
  });
}
