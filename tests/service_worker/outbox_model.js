// The outbox as a state machine: whatever breaks, in whatever order, nothing confirmed is lost and nothing lands twice.
// It plays in a thread of its own: beside the test runner every promise would be watched, and there are millions.

import assert from "node:assert/strict";
import { parentPort, workerData } from "node:worker_threads";
import fc from "fast-check";
import { finish } from "../../service_worker/finish.js";
import { readBack } from "../../service_worker/outbox.js";
import { makeSender } from "../../service_worker/sender.js";
import * as store from "../../service_worker/store.js";
import { ModelServer } from "./model_server.js";
import { useQuickCrypto } from "./quick_crypto.js";
import { aVisit, anEnrolledPhone, emptyOutbox, makeLocks, noLimit, outboxRows } from "./phone.js";

const DAY = 86_400_000;

// What can happen to one request. Those in capitals happen after the server has done its work.
const FAULTS = [
  "ok", "ok", "ok", "cut", "LOST", "crash", "CRASH", "freeze", "401", "403", "404", "409", "413", "422", "429", "500", "503",
  "html", "empty", "redirect", "foreign-json", "wrong-digest", "later",
];

const html = "<!doctype html><title>Wi-Fi</title><p>Bienvenue, acceptez les conditions.";
const redirected = { type: "opaqueredirect", status: 0, ok: false, headers: new Headers(), json: () => Promise.reject(new SyntaxError("empty")) };

/** One phone, one server and everything between them, for one schedule. */
class World {
  constructor(plant) {
    this.time = Date.UTC(2026, 10, 23);
    this.server = new ModelServer({ now: () => this.time });
    this.newContext = makeLocks();
    this.confirmed = new Map(); // id → digest, for everything that was called saved
    this.attempted = new Set();
    this.superseded = new Set();
    this.script = [];
    this.frozen = [];
    this.watching = [];
    this.plant = plant;
    this.contexts = [this.#context(), this.#context()];
  }

  #context() {
    const locks = this.newContext();
    let crash;
    const crashed = new Promise((resolve) => void (crash = resolve));
    const line = (path, options) => this.#line(path, options, () => {
      locks.crash();
      crash("crashed");
    });
    const fetch = this.plant ? this.plant(line) : line;
    const sender = makeSender({ fetch, locks, now: () => this.time, random: () => 0.5, limit: noLimit });
    return { sender, crashed };
  }

  async #line(path, options, crash) {
    assert.equal(options.credentials, "omit");
    assert.equal(options.redirect, "manual");
    const fault = this.script.shift() ?? "ok";
    const never = new Promise(() => {});
    if (/^\d+$/.test(fault)) {
      const headers = ["429", "503"].includes(fault) ? { "Retry-After": "30" } : {};
      return new Response("{}", { status: Number(fault), headers });
    }
    switch (fault) {
      case "cut": throw new TypeError("Failed to fetch");
      case "crash": crash(); return never;
      case "freeze":
        return new Promise((resolve) => {
          this.frozen.push(() => resolve(this.server.answer(path, options)));
          for (const tell of this.watching.splice(0)) tell("frozen");
        });
      case "html": return new Response(html, { headers: { "Content-Type": "text/html" } });
      case "empty": return new Response("", { status: 200 });
      case "redirect": return redirected;
      case "foreign-json": return new Response('{"receipts":[],"ok":true}');
      case "later": return this.#saying(path, options, "later");
      case "wrong-digest": return this.#lying(path, options);
      default: break;
    }
    const answer = this.server.answer(path, options);
    if (fault === "LOST") throw new TypeError("Failed to fetch");
    if (fault === "CRASH") {
      crash();
      return never;
    }
    return answer;
  }

  #saying(path, options, outcome) {
    if (options.method !== "POST") return this.server.answer(path, options);
    const receipts = JSON.parse(options.body).submissions.map(({ id, digest }) => ({ id, digest, outcome }));
    return new Response(JSON.stringify({ receipts, lineage: this.server.lineage }));
  }

  /** Receipts for other bytes than ours, which nobody has stored: they prove nothing. */
  #lying(path, options) {
    if (options.method !== "POST") throw new TypeError("Failed to fetch");
    const receipts = JSON.parse(options.body).submissions.map(({ id }) => ({ id, digest: "0".repeat(64), outcome: "accepted" }));
    return new Response(JSON.stringify({ receipts, lineage: this.server.lineage }));
  }

  async save(work, outcome) {
    for (const { id } of [work, ...work.photos]) this.attempted.add(id);
    if (outcome) this.server.outcomes.set(work.id, outcome);
    for (const row of await finish(work)) this.confirmed.set(row.id, row.digest);
  }

  async send(which, pressed) {
    const context = this.contexts[which];
    const frozen = new Promise((resolve) => void this.watching.push(resolve));
    const sent = context.sender.send({ pressed }).catch((error) => {
      if (error.name !== "AbortError") throw error;
    });
    const how = await Promise.race([sent, context.crashed, frozen]);
    if (how === "crashed") this.contexts[which] = this.#context();
  }

  /** The old worker may still be at work while the new one starts. */
  newVersion() {
    this.contexts[0] = this.#context();
  }

  async thaw() {
    const sleepers = this.frozen.splice(0);
    for (const wake of sleepers) wake();
    // Whoever woke up writes down what it was answered before the next thing happens.
    for (let turn = 0; sleepers.length && turn < 60; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
  }

  async correctOne() {
    const row = (await outboxRows()).find(({ state, errors }) => state === "needs attention" && errors);
    if (!row) return;
    const copy = await readBack(row);
    assert.deepEqual(copy.fields.filter(([name]) => name === "notes").length, 1, "what was typed can be read back");
    this.superseded.add(row.id);
    await this.save(aVisit({ supersedes: row.id, fields: [["notes", "corrigé"]] }));
  }

  /** Whatever has happened so far. */
  async check() {
    const [all, sizes] = await store.read(["outbox", "sealed"], async ({ outbox, sealed }) => [await outbox.all(), await sealed.all()]);
    const rows = new Map(all.map((row) => [row.id, row]));
    const sizeOf = new Map(sizes.map(({ id, sealed }) => [id, sealed.byteLength]));
    for (const [id, digest] of this.confirmed) {
      const row = rows.get(id);
      const landed = this.server.kept.get(id)?.digest === digest;
      assert.ok(row, `confirmed work ${id} left the phone`);
      assert.equal(row.digest, digest);
      assert.ok(sizeOf.get(id) === row.size, `the sealed bytes of ${id} are gone`);
      if (row.state !== "waiting") assert.ok(landed, `${id} is called ${row.state}, but the server does not have it`);
    }
    assert.deepEqual(this.server.contested, [], "different bytes came under one id");
    for (const id of this.server.kept.keys()) assert.ok(this.attempted.has(id), `the server has ${id}, which nobody wrote`);
  }

  /** The faults are over: everything arrives, once. */
  async calm() {
    this.script = [];
    await this.thaw();
    for (let round = 0; round < 12; round += 1) {
      this.time += 400_000;
      await this.send(0, false);
      if ((await outboxRows()).every(({ state }) => state !== "waiting")) break;
    }
    await this.check();
    for (const [id, digest] of this.confirmed) assert.equal(this.server.kept.get(id)?.digest, digest, `${id} never arrived`);
    for (const row of await outboxRows()) {
      const expected = this.superseded.has(row.id) ? "superseded" : this.server.kept.get(row.id)?.outcome;
      assert.equal(row.state, expected === "accepted" ? "received" : expected);
    }
  }
}

const fault = fc.constantFrom(...FAULTS);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: fc.constant("save"), photos: fc.constantFrom(0, 0, 0, 1, 2), kind: fc.constantFrom("visit", "check-in", "red-flag"), outcome: fc.constantFrom(undefined, undefined, undefined, "needs attention", "quarantined", "later") }) },
  { weight: 6, arbitrary: fc.record({ does: fc.constant("send"), which: fc.nat(1), pressed: fc.boolean(), faults: fc.array(fault, { maxLength: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("both"), faults: fc.array(fault, { maxLength: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("page-crash") }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("new-version") }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("correct") }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("thaw") }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("restore") }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("wait"), by: fc.constantFrom(1_000, 10_000, 130_000, 400_000) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("clock"), by: fc.constantFrom(-20 * DAY, -DAY, -3_600_000, 3_600_000, DAY) }) },
);

async function play(steps, plant) {
  await emptyOutbox();
  const world = new World(plant);
  for (const { does, ...how } of steps) {
    if (does === "save") await world.save(aVisit(how), how.outcome);
    else if (does === "send") {
      world.script = [...how.faults];
      await world.send(how.which, how.pressed);
    } else if (does === "both") {
      world.script = [...how.faults];
      await Promise.all([world.send(0, true), world.send(1, true)]);
    } else if (does === "page-crash") await pageCrash(world);
    else if (does === "new-version") world.newVersion();
    else if (does === "correct") await world.correctOne();
    else if (does === "thaw") await world.thaw();
    else if (does === "restore") {
      world.server.restore();
      await hearOfIt(world);
    } else world.time += how.by;
    if (does !== "restore") await world.check();
  }
  await world.calm();
}

/** After a restore the phone goes on believing in its receipts until it hears the new lineage. */
async function hearOfIt(world) {
  world.script = [];
  await world.thaw();
  await world.save(aVisit());
  // Asked to wait, and its clock set back since, a phone may hold still for an hour.
  for (let round = 0; round < 12; round += 1) {
    world.time += 400_000;
    await world.send(0, true);
    if (round > 1 && (await store.recall("phone")).lineage === world.server.lineage) break;
  }
}

/** The page dies while it saves: nobody was told anything, so both "kept" and "not kept" are right; half is not. */
async function pageCrash(world) {
  const work = aVisit({ photos: 1 });
  for (const { id } of [work, ...work.photos]) world.attempted.add(id);
  const dying = finish(work).catch(() => {});
  await store.closeAll();
  await dying;
  const there = (await outboxRows()).filter(({ id }) => id === work.id || id === work.photos[0].id).length;
  assert.ok(there === 0 || there === 2, "a visit was kept without its photo");
}

const property = (plant) => fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), (steps) => play(steps, plant));

// Faults planted between the sender and the line: each must be found, or the test above proves nothing.

const idsOf = (path, options) =>
  options.method === "POST" ? JSON.parse(options.body).submissions.map(({ id }) => id) : [path.match(/photos\/([^/?]+)/)[1]];

const deleteRows = (ids) =>
  store.change(["outbox"], async ({ outbox }) => {
    for (const row of await outbox.all()) if (ids.includes(row.id)) await outbox.delete(row.seq);
  });

const dropOn = (status) => (line) => async (path, options) => {
  const response = await line(path, options);
  if (response.status === status) await deleteRows(idsOf(path, options));
  return response;
};

const PLANTS = {
  "deleting before the receipt": (line) => async (path, options) => {
    await deleteRows(idsOf(path, options));
    return line(path, options);
  },
  "a new id for each try": (line) => async (path, options) => {
    if (options.method !== "POST") return line(path, options);
    const names = new Map();
    const { submissions } = JSON.parse(options.body);
    for (const submission of submissions) {
      const fresh = crypto.randomUUID();
      names.set(fresh, submission.id);
      submission.id = fresh;
    }
    const response = await line(path, { ...options, body: JSON.stringify({ submissions }) });
    const content = await response.json();
    for (const receipt of content.receipts ?? []) receipt.id = names.get(receipt.id);
    return new Response(JSON.stringify(content), response);
  },
  "taking a hotspot's page for a receipt": (line) => async (path, options) => {
    const response = await line(path, options);
    if (options.method !== "POST" || !response.headers.get("Content-Type")?.includes("html")) return response;
    const receipts = JSON.parse(options.body).submissions.map(({ id, digest }) => ({ id, digest, outcome: "accepted" }));
    return new Response(JSON.stringify({ receipts }));
  },
  "following a redirect": (line) => async (path, options) => {
    const response = await line(path, options);
    if (options.method !== "POST" || response.type !== "opaqueredirect") return response;
    const receipts = JSON.parse(options.body).submissions.map(({ id, digest }) => ({ id, digest, outcome: "accepted" }));
    return new Response(JSON.stringify({ receipts }));
  },
  "believing the old receipts after a restore": (line) => async (path, options) => {
    const response = await line(path, options);
    const { lineage } = await response.clone?.().json().catch(() => ({})) ?? {};
    if (lineage) await store.remember("phone", { ...(await store.recall("phone")), lineage });
    return response;
  },
  "dropping on 401": dropOn(401),
  "dropping on 422": dropOn(422),
  "dropping on 409": dropOn(409),
};

/** Play the schedules that were asked for, and say what was found. */
async function run({ plant, ...how }) {
  await useQuickCrypto();
  await anEnrolledPhone();
  const found = await fc.check(property(PLANTS[plant]), { ...how, endOnFailure: Boolean(plant) });
  return { failed: found.failed, runs: found.numRuns, name: found.errorInstance?.name, report: found.failed ? `${fc.defaultReportMessage(found)}\n${found.errorInstance?.stack}` : "" };
}

parentPort.postMessage(await run(workerData));
