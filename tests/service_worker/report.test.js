// What a phone says of itself, and what it forgets when it is told to.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { finish } from "../../service_worker/finish.js";
import { makeReport } from "../../service_worker/report.js";
import * as store from "../../service_worker/store.js";
import * as vault from "../../service_worker/vault.js";
import { PASSPHRASE, PERSON, aVisit, anEnrolledPhone, emptyOutbox, outboxRows } from "./phone.js";

const STORAGE = { estimate: async () => ({ usage: 12, quota: 900 }), persisted: async () => true };
let asked;
let hidden;

beforeEach(async () => {
  await emptyOutbox();
  await store.remember("reported", 1);
  await anEnrolledPhone();
  await vault.unlock(PASSPHRASE);
  asked = [];
  hidden = 0;
});

function aReport(answer, now) {
  const fetch = async (path, how) => {
    asked.push({ path, ...how });
    return answer();
  };
  return makeReport({ fetch, storage: STORAGE, hide: async () => (hidden += 1), now });
}

const json = (said) => () => new Response(JSON.stringify(said), { headers: { "Content-Type": "application/json" } });
const keepPage = () => store.changeKept(PERSON, ({ kept }) => kept.put({ url: "/today", sealed: new ArrayBuffer(1) }));
const keptPages = () => store.readKept(PERSON, ({ kept }) => kept.keys());

test("it says how much waits, since when, and how the storage and the clock are", async () => {
  await finish(aVisit());
  await store.remember("clock", { error_ms: 4000 });
  await aReport(json({ forget: [] }))();
  const [{ path, headers, credentials, redirect, body }] = asked;
  assert.deepEqual([path, headers.Authorization, credentials, redirect], ["/phones/state", "Bearer phone-pass", "omit", "manual"]);
  const { oldest_unsent_at: oldest, ...said } = JSON.parse(body);
  assert.deepEqual(said, { unsent: 1, persistent: true, used: 12, quota: 900, clock_error_ms: 4000 });
  assert.ok(Math.abs(Date.parse(oldest) - Date.now()) < 60_000);
  assert.ok(!body.includes("boutique"));
});

test("it says so at most once in fifty seconds, whatever wakes it, and not in its first minute", async () => {
  let time = 1_000_000;
  await store.change(["meta"], ({ meta }) => meta.delete("reported"));
  const report = aReport(json({ forget: [] }), () => time);
  await report();
  assert.equal(asked.length, 0);
  for (const wait of [50_000, 0, 50_000]) {
    time += wait;
    await report();
  }
  assert.equal(asked.length, 2);
});

test("a phone that was cut off forgets everybody's pages and keeps what is not delivered, sealed", async () => {
  await finish(aVisit());
  await keepPage();
  await aReport(json({ forget: "*" }))();
  assert.deepEqual([await keptPages(), await vault.all(), hidden], [[], [], 1]);
  assert.equal((await outboxRows()).length, 1);
});

test("on a shared phone only the one who was dismissed is forgotten", async () => {
  await keepPage();
  await aReport(json({ forget: ["somebody-else"] }))();
  assert.deepEqual(await keptPages(), ["/today"]);
  assert.equal((await vault.all()).length, 1);
});

test("a hotspot's page, a refusal, or a broken line is no order to forget", async () => {
  await keepPage();
  for (const answer of [() => new Response("<html>"), () => new Response('{"forget":"*"}', { status: 401 }), () => Promise.reject(new TypeError("cut"))]) {
    await store.remember("reported", 1);
    await aReport(answer)().catch(() => {});
  }
  assert.deepEqual(await keptPages(), ["/today"]);
});
