// Schedules of faults by the thousand (outbox_model.js), and the proof that they would find what they look for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

const SCHEDULES = Number(process.env.SUIVI_SCHEDULES ?? 10_000);
const SEED = Number(process.env.SUIVI_SEED ?? 20261123);
const THREADS = 2;

const play = (asked) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL("outbox_model.js", import.meta.url), { workerData: asked });
    worker.once("message", resolve);
    worker.once("error", reject);
  });

test(`nothing confirmed is lost or doubled in ${SCHEDULES} schedules of faults`, async () => {
  const started = performance.now();
  const shares = Array.from({ length: THREADS }, (_, n) => play({ numRuns: Math.ceil(SCHEDULES / THREADS), seed: SEED + n }));
  const played = await Promise.all(shares);
  for (const { failed, report } of played) assert.ok(!failed, report);
  assert.ok(played.reduce((sum, { runs }) => sum + runs, 0) >= SCHEDULES);
  console.log(`${SCHEDULES} schedules in ${Math.round((performance.now() - started) / 1000)} s`);
});

for (const plant of [
  "deleting before the receipt",
  "a new id for each try",
  "taking a hotspot's page for a receipt",
  "following a redirect",
  "believing the old receipts after a restore",
  "dropping on 401",
  "dropping on 422",
  "dropping on 409",
]) {
  test(`the schedules find ${plant}`, async () => {
    const found = await play({ numRuns: 1000, seed: 7, plant });
    assert.ok(found.failed, `${plant} was not found`);
    assert.equal(found.name, "AssertionError", found.report);
  });
}
