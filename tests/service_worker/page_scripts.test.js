// Page scripts that need no page: folding, days, paths of alerts.

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.self ??= globalThis;
globalThis.self.location = new URL("https://suivi.example/sw.js");

const { fold } = await import("../../webapp/static/js/fold.js");
const { bucketOf } = await import("../../webapp/static/js/today.js");
const push = await import("../../service_worker/push.js");

test("search folds accents, case, Arabic letters and digits", () => {
  assert.equal(fold("  Aïssatou DIALLO-Bâ  "), "aissatou diallo ba");
  assert.equal(fold("أحمد إبراهيم آمنة فاطمة يحيى مـحـمد"), "احمد ابراهيم امنه فاطمه يحيي محمد");
  assert.equal(fold("٦٢٢ ۳۴"), "622 34");
  assert.equal(fold("N’Zérékoré"), "nzerekore");
  assert.equal(fold("GN-7K3M"), "gn 7k3m");
});

test("due days fall under the heading of today", () => {
  assert.deepEqual([-1, 0, 1, 7, 8].map(bucketOf), ["overdue", "today", "week", "week", "later"]);
});

test("an alert opens only a path of ours", () => {
  assert.equal(push.ownPath("/alerts/7?x=1"), "/alerts/7?x=1");
  assert.equal(push.ownPath("https://suivi.example/cases/1"), "/cases/1");
  for (const bad of ["https://evil.example/", "//evil.example", "javascript:alert(1)", "http://["]) assert.equal(push.ownPath(bad), "/alerts");
});

test("a push is always shown, also when it cannot be read", async () => {
  const shown = [];
  self.registration = { showNotification: async (title, how) => void shown.push([title, how]) };
  const payload = { web_push: 8030, notification: { title: "2 alertes", body: "", navigate: "https://evil.example/", tag: "alerts" } };
  await push.show({ data: { json: () => payload } });
  await push.show({ data: { json: () => JSON.parse("{") } });
  await push.show({ data: null });
  assert.deepEqual(shown.map(([title, { tag, data }]) => [title, tag, data.path]), [
    ["2 alertes", "alerts", "/alerts"],
    ["Suivi", "suivi", "/alerts"],
    ["Suivi", "suivi", "/alerts"],
  ]);
});
