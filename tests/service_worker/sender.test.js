// The sender: what it asks, in which order, and what it believes.

import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";
import { finish } from "../../service_worker/finish.js";
import { list, readBack } from "../../service_worker/outbox.js";
import { finishSignOut, makeSender } from "../../service_worker/sender.js";
import * as store from "../../service_worker/store.js";
import * as vault from "../../service_worker/vault.js";
import { ModelServer } from "./model_server.js";
import { PASSPHRASE, aVisit, anEnrolledPhone, emptyOutbox, makeLocks, noLimit, outboxRows } from "./phone.js";

let server;
let time;

before(anEnrolledPhone);
beforeEach(async () => {
  await emptyOutbox();
  time = Date.now();
  server = new ModelServer({ now: () => time });
});

/** A sender on a line where `broken` may answer, or throw, instead of the server. */
function aSender(broken = () => null, random = () => 1) {
  const fetch = async (path, options) => (await broken(path, options)) ?? server.answer(path, options);
  return makeSender({ fetch, locks: makeLocks()(), now: () => time, random, limit: noLimit });
}

const states = async () => (await outboxRows()).map(({ state }) => state);
const paths = () => server.requests.map(({ path }) => path.replace(/[0-9a-f-]{36}/, "ID").replace(/\?.*/, ""));

test("texts go in one request and photos follow in parts", async () => {
  await finish(aVisit({ photos: 1 }));
  await finish(aVisit());
  assert.equal(await aSender().send(), 0);
  assert.deepEqual(paths(), ["/outbox/submissions", "/outbox/photos/ID/parts/0", "/outbox/photos/ID/parts/1"]);
  assert.deepEqual(await states(), ["received", "received", "received"]);
});

test("a red flag goes first and alone", async () => {
  await finish(aVisit());
  const flag = aVisit({ kind: "red-flag" });
  await finish(flag);
  await aSender().send();
  const [first, second] = server.requests.map(({ body }) => JSON.parse(body).submissions);
  assert.deepEqual(first.map(({ id }) => id), [flag.id]);
  assert.equal(second.length, 1);
});

test("a batch has at most a hundred texts", async () => {
  for (let n = 0; n < 130; n += 1) await finish(aVisit());
  await aSender().send();
  assert.deepEqual(server.requests.map(({ body }) => JSON.parse(body).submissions.length), [100, 30]);
});

test("a batch that is too large is halved until it fits", async () => {
  for (let n = 0; n < 5; n += 1) await finish(aVisit());
  const tooMany = (_path, { body }) => (JSON.parse(body).submissions.length > 2 ? new Response("", { status: 413 }) : null);
  assert.equal(await aSender(tooMany).send(), 0);
});

test("one bad record never holds back the others, and is never given up", async () => {
  const bad = aVisit();
  await finish(bad);
  for (let n = 0; n < 8; n += 1) await finish(aVisit());
  const upset = (_path, { body }) => (body?.includes?.(bad.id) ? new Response("", { status: 500 }) : null);
  const sender = aSender(upset);
  await sender.send();
  assert.equal((await states()).filter((state) => state === "received").length, 8);
  for (let n = 0; n < 20; n += 1) {
    time += 310_000;
    await sender.send();
  }
  assert.ok((await outboxRows())[0].tries > 10);
  assert.ok((await outboxRows())[0].next_at - time <= 300_000);
  await aSender().send({ pressed: true });
  assert.deepEqual(new Set(await states()), new Set(["received"]));
});

test("a photo that cannot go never holds back a text", async () => {
  await finish(aVisit({ photos: 1 }));
  const noPhotos = (path) => (path.includes("/photos/") ? new Response("", { status: 400 }) : null);
  const sender = aSender(noPhotos);
  await sender.send();
  await finish(aVisit());
  await sender.send({ pressed: true });
  assert.deepEqual(await states(), ["received", "waiting", "received"]);
});

test("a photo resumes with the parts that are missing", async () => {
  await finish(aVisit({ photos: 1 }));
  let cut = true;
  const sender = aSender((path) => {
    if (cut && path.includes("/parts/1")) throw new TypeError("cut");
    return null;
  });
  await sender.send();
  cut = false;
  server.requests.length = 0;
  await sender.send({ pressed: true });
  assert.deepEqual(paths(), ["/outbox/photos/ID", "/outbox/photos/ID/parts/1"]);
  assert.deepEqual(await states(), ["received", "received"]);
});

test("401 asks for a sign-in and deletes nothing; after it everything goes", async () => {
  await finish(aVisit());
  await store.remember("phone", { ...(await store.recall("phone")), pass: "old" });
  await aSender().send();
  assert.equal((await list(time)).problem, "sign-in");
  await store.remember("phone", { ...(await store.recall("phone")), pass: "phone-pass" });
  assert.equal(await aSender().send({ pressed: true }), 0);
  assert.equal((await list(time)).problem, null);
});

test("Retry-After is honoured even when somebody presses", async () => {
  await finish(aVisit());
  let asked = 0;
  const busy = () => {
    asked += 1;
    return new Response("", { status: 429, headers: { "Retry-After": "120" } });
  };
  await aSender(busy).send();
  await aSender(busy).send({ pressed: true });
  assert.equal(asked, 1);
  time += 121_000;
  assert.equal(await aSender().send(), 0);
});

for (const [chance, share] of [[0, 0.5], [0.5, 0.75], [1, 1]]) {
  // Phones that lost the same line do not all come back in the same second.
  test(`pauses grow from seconds to five minutes, chance ${chance} takes ${share} of them`, async () => {
    await finish(aVisit());
    const cut = () => Promise.reject(new TypeError("cut"));
    const pauses = [];
    for (let n = 0; n < 9; n += 1) {
      await aSender(cut, () => chance).send({ pressed: true });
      pauses.push((await store.recall("sending")).next_at - time);
    }
    assert.deepEqual(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300].map((seconds) => seconds * 1000 * share));
  });
}

test("a clock set back does not stop delivery", async () => {
  await finish(aVisit());
  await aSender(() => Promise.reject(new TypeError("cut"))).send();
  time -= 3 * 86_400_000;
  assert.equal(await aSender().send(), 0);
});

for (const [name, answer] of Object.entries({
  "a hotspot's page": () => new Response("<html>", { headers: { "Content-Type": "text/html" } }),
  "an empty 200": () => new Response(""),
  "a redirect": () => ({ type: "opaqueredirect", status: 0, headers: new Headers() }),
  "foreign JSON": () => new Response("[]"),
  null: () => new Response("null"),
})) {
  test(`${name} is never taken for a receipt`, async () => {
    await finish(aVisit({ photos: 1 }));
    await aSender(answer).send();
    assert.deepEqual(await states(), ["waiting", "waiting"]);
  });
}

test("what needs attention is kept with its sentences, and a correction supersedes it", async () => {
  const first = aVisit({ photos: 1 });
  server.outcomes.set(first.id, "needs attention");
  await finish(first);
  await aSender().send();
  const [row] = await outboxRows();
  assert.equal(row.state, "needs attention");
  assert.ok(!JSON.stringify([row, [...new Uint8Array(row.errors)]]).includes("futur"));
  const copy = await readBack(row);
  assert.deepEqual(copy.errors, { visited_at: ["Cette date est dans le futur."] });
  assert.deepEqual(copy.fields[0], ["notes", "Tout va bien à la boutique."]);
  await finish(aVisit({ supersedes: first.id }));
  assert.deepEqual(await states(), ["superseded", "received", "waiting"]);
  await aSender().send();
  assert.deepEqual(await states(), ["superseded", "received", "received"]);
});

test("a locked phone still delivers, and asks for the sentences once it is open", async () => {
  const visit = aVisit();
  server.outcomes.set(visit.id, "needs attention");
  await finish(visit);
  await vault.lock();
  await aSender().send();
  assert.deepEqual(await states(), ["needs attention"]);
  assert.equal((await outboxRows())[0].errors, null);
  assert.ok(await vault.unlock(PASSPHRASE));
  await aSender().send();
  assert.deepEqual((await readBack((await outboxRows())[0])).errors, { visited_at: ["Cette date est dans le futur."] });
});

test("contested and quarantined work stays on the phone, in plain states", async () => {
  const [one, two] = [aVisit(), aVisit()];
  server.kept.set(one.id, { digest: "other", outcome: "accepted", number: 1 });
  server.outcomes.set(two.id, "quarantined");
  await finish(one);
  await finish(two);
  assert.equal(await aSender().send(), 0);
  assert.deepEqual(await states(), ["contested", "quarantined"]);
});

test("two pages and a worker send everything once", async () => {
  for (let n = 0; n < 5; n += 1) await finish(aVisit());
  const context = makeLocks();
  const senders = [1, 2, 3].map(() =>
    makeSender({ fetch: async (...asked) => server.answer(...asked), locks: context(), now: () => time, limit: noLimit }),
  );
  await Promise.all(senders.map((sender) => sender.send()));
  assert.equal(server.requests.length, 1);
});

test("a page that was frozen while sending is passed after two minutes", async () => {
  await finish(aVisit());
  const context = makeLocks();
  const never = new Promise(() => {});
  let asked;
  const asking = new Promise((resolve) => void (asked = resolve));
  const frozen = makeSender({
    fetch: () => {
      asked();
      return never;
    },
    locks: context(),
    now: () => time,
    limit: noLimit,
  });
  frozen.send().catch(() => {});
  await asking;
  const other = makeSender({ fetch: async (...path) => server.answer(...path), locks: context(), now: () => time, limit: noLimit });
  assert.equal(await other.send(), 1);
  time += 121_000;
  assert.equal(await other.send(), 0);
});

test("what was saved while sending goes in the same run", async () => {
  await finish(aVisit());
  let more = true;
  let sender = null;
  const savesMore = async () => {
    if (!more) return null;
    more = false;
    await finish(aVisit());
    sender.send();
    return null;
  };
  sender = aSender(savesMore);
  await sender.send();
  assert.deepEqual(await states(), ["received", "received"]);
});

test("delivered work is swept after 35 days, what is owed never", async () => {
  await finish(aVisit());
  await aSender().send();
  await finish(aVisit());
  time += 36 * 86_400_000;
  await aSender(() => Promise.reject(new TypeError("cut"))).send({ pressed: true });
  await aSender().send({ pressed: true });
  assert.equal((await outboxRows()).length, 1);
});

test("the phone learns how wrong its clock is", async () => {
  await finish(aVisit());
  server.now = () => time - 7_200_000;
  await aSender().send();
  assert.deepEqual(await store.recall("clock"), { error_ms: 7_200_000 });
});

test("a sign-out without a network is finished later, and only once", async () => {
  await vault.lock({ signingOut: true });
  const asked = [];
  const offline = async () => Promise.reject(new TypeError("cut"));
  const online = async (path, options) => {
    asked.push([path, options.method]);
    return { type: "opaqueredirect", ok: false };
  };
  assert.equal(await finishSignOut(offline, noLimit), false);
  assert.equal(await finishSignOut(online, noLimit), true);
  assert.equal(await finishSignOut(online, noLimit), true);
  assert.deepEqual(asked, [["/sign-out", "POST"]]);
  assert.equal((await store.recall("current")).doubt, true);
  assert.ok(await vault.unlock(PASSPHRASE));
});

test("photos that may not travel now wait, texts go; what was sent is counted by the month", async () => {
  let mayCarryPhotos = false;
  const server = new ModelServer();
  let time = Date.UTC(2026, 10, 30);
  const fetch = async (...asked) => server.answer(...asked);
  const sender = makeSender({ fetch, locks: makeLocks()(), limit: noLimit, now: () => time, mayCarryPhotos: async () => mayCarryPhotos });
  await finish(aVisit({ photos: 1 }));
  await sender.send({ pressed: true });
  assert.deepEqual((await outboxRows()).map(({ state }) => state), ["received", "waiting"]);
  const text = await store.recall("traffic");
  assert.equal(text.month, "2026-11");
  assert.ok(text.sent > 400 && text.sent < 4_000, String(text.sent));
  mayCarryPhotos = true;
  await sender.send({ pressed: true });
  assert.ok((await outboxRows()).every(({ state }) => state === "received"));
  assert.ok((await store.recall("traffic")).sent > 40_000);
  time = Date.UTC(2026, 11, 1);
  await finish(aVisit());
  await sender.send({ pressed: true });
  const next = await store.recall("traffic");
  assert.deepEqual([next.month, next.sent < 4_000], ["2026-12", true]);
});
