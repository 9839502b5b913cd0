// The databases: what "saved" rests on.

import assert from "node:assert/strict";
import { test } from "node:test";
import "./phone.js";
import * as store from "../../service_worker/store.js";

test("the outbox is written with strict durability, kept pages are not", async (t) => {
  const asked = [];
  const real = IDBDatabase.prototype.transaction;
  t.mock.method(IDBDatabase.prototype, "transaction", function noted(names, mode, options) {
    if (mode !== "versionchange") asked.push([mode, options?.durability]);
    return real.call(this, names, mode, options);
  });
  await store.change(["outbox"], ({ outbox }) => outbox.all());
  await store.changeKept("ibrahima", ({ kept }) => kept.keys());
  assert.deepEqual(asked, [["readwrite", "strict"], ["readwrite", "relaxed"]]);
});

test("a change resolves only after the transaction is complete", async (t) => {
  const events = [];
  const real = IDBDatabase.prototype.transaction;
  t.mock.method(IDBDatabase.prototype, "transaction", function noted(...how) {
    const transaction = real.apply(this, how);
    transaction.addEventListener("complete", () => events.push("complete"));
    return transaction;
  });
  await store.remember("a", 1).then(() => events.push("resolved"));
  assert.deepEqual(events, ["complete", "resolved"]);
});

test("a change that fails half-way leaves nothing behind", async () => {
  const broken = store.change(["meta"], async ({ meta }) => {
    await meta.put(1, "half");
    throw new Error("half-way");
  });
  await assert.rejects(broken, /half-way/);
  assert.equal(await store.recall("half"), undefined);
});

test("a lost connection is opened again, once", async (t) => {
  await store.remember("b", 2);
  let lost = 1;
  const real = IDBDatabase.prototype.transaction;
  t.mock.method(IDBDatabase.prototype, "transaction", function broken(...how) {
    if (lost-- > 0) throw new DOMException("Connection to Indexed Database server lost", "UnknownError");
    return real.apply(this, how);
  });
  assert.equal(await store.recall("b"), 2);
  lost = 2;
  await assert.rejects(store.recall("b"), { name: "UnknownError" });
});

test("a newer version, or forgetting, never waits for this page", async () => {
  await store.changeKept("awa", ({ kept }) => kept.put({ url: "/today", sealed: new ArrayBuffer(1) }));
  const request = indexedDB.open("suivi-awa", 2);
  await new Promise((resolve, reject) => {
    request.onsuccess = resolve;
    request.onblocked = reject;
  });
  request.result.close();
});
