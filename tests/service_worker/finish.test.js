// Finishing a form: what is frozen, sealed and kept.

import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";
import { inflateRawSync } from "node:zlib";
import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_P256_HKDF_SHA256 } from "hpke";
import { digestOf, finish, freeze } from "../../service_worker/finish.js";
import { list, readBack } from "../../service_worker/outbox.js";
import * as store from "../../service_worker/store.js";
import * as vault from "../../service_worker/vault.js";
import { PASSPHRASE, aVisit, anEnrolledPhone, emptyOutbox, outboxRows, privateKey, publicKey } from "./phone.js";

before(anEnrolledPhone);
beforeEach(emptyOutbox);

const sealedOf = (id) => store.read(["sealed"], ({ sealed }) => sealed.get(id));

/** Open as the server does. */
async function opened({ id, kind }) {
  const sealed = new Uint8Array((await sealedOf(id)).sealed);
  const suite = new CipherSuite(KEM_DHKEM_P256_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM);
  const info = new TextEncoder().encode(`suivi/1 ${kind} ${id}`);
  const frozen = Buffer.from(await suite.Open({ privateKey, publicKey }, sealed.slice(0, 65), sealed.slice(65), { info }));
  const end = 4 + frozen.readUInt32BE(0);
  const header = JSON.parse(frozen.subarray(4, end).toString());
  const rest = frozen.subarray(end);
  return { header, body: header.zip ? inflateRawSync(rest) : rest };
}

test("a visit is sealed whole, with its author inside", async () => {
  const words = "Elle dit : « ça va » & 50 % = bien\nمرحبا";
  const visit = aVisit({ fields: [["notes", words], ["present", "mère"], ["present", "frère"]] });
  const [row] = await finish(visit);
  const { header, body } = await opened(row);
  const { claimed_at, salt, zip, ...rest } = header;
  assert.equal(typeof zip, "boolean");
  assert.deepEqual(rest, {
    v: 1,
    id: visit.id,
    kind: "visit",
    case: visit.case,
    by: "author-pass",
    clock_error_ms: null,
    build: "test",
    supersedes: null,
  });
  assert.equal(Buffer.from(salt, "base64url").length, 16);
  assert.ok(Math.abs(Date.parse(claimed_at) - Date.now()) < 10_000);
  const fields = new URLSearchParams(body.toString());
  assert.equal(fields.get("notes"), words);
  assert.deepEqual(fields.getAll("present"), ["mère", "frère"]);
  assert.deepEqual(fields.getAll("id"), [visit.id]);
});

test("a long text travels compressed", async () => {
  const visit = aVisit({ fields: [["notes", "La boutique marche bien. ".repeat(200)]] });
  const [row] = await finish(visit);
  const { header, body } = await opened(row);
  assert.equal(header.zip, true);
  assert.ok(row.size < 1500);
  assert.equal(new URLSearchParams(body.toString()).get("notes"), "La boutique marche bien. ".repeat(200));
});

test("each photo is a submission of its own that hangs on its visit", async () => {
  const visit = aVisit({ photos: 2 });
  const rows = await finish(visit);
  assert.deepEqual(rows.map(({ kind, after }) => [kind, after]), [["visit", null], ["photo", visit.id], ["photo", visit.id]]);
  const { header, body } = await opened(rows[2]);
  assert.deepEqual(header.photo, { visit: visit.id, slot: 1, caption: "Devanture", subject: "premises", consent: false });
  assert.deepEqual(new Uint8Array(body), new Uint8Array(visit.photos[1].bytes));
});

test("the digest is of the sealed bytes, and two equal visits have different ones", async () => {
  const [one] = await finish(aVisit());
  const [two] = await finish(aVisit());
  assert.equal(one.digest, await digestOf((await sealedOf(one.id)).sealed));
  assert.notEqual(one.digest, two.digest);
  const header = { v: 1, kind: "visit" };
  const body = new TextEncoder().encode("a=1");
  assert.notDeepEqual(new Uint8Array(await freeze(header, body)), new Uint8Array(await freeze(header, body)));
});

test("nothing that was typed is readable in the phone's storage", async () => {
  await finish(aVisit({ photos: 1, fields: [["notes", "CANARI-7431"]] }));
  const everything = await store.read(["outbox", "sealed"], async ({ outbox, sealed }) => [await outbox.all(), await sealed.all()]);
  const text = JSON.stringify(everything, (_key, value) =>
    value instanceof ArrayBuffer ? Buffer.from(value).toString("latin1") : value,
  );
  for (const secret of ["CANARI", "GN-7K3M", "Devanture", "author-pass", "visits/new"]) assert.ok(!text.includes(secret), secret);
});

test("the same tap twice is one visit", async () => {
  const visit = aVisit({ photos: 1 });
  await Promise.all([finish(visit), finish(visit)]);
  assert.equal((await outboxRows()).length, 2);
});

test("a locked phone saves nothing and says so; reading back needs the vault", async () => {
  const [row] = await finish(aVisit());
  await vault.lock();
  await assert.rejects(finish(aVisit()), { name: "NotAllowedError" });
  assert.equal(await readBack(row), null);
  await vault.unlock(PASSPHRASE);
  assert.equal((await readBack(row)).about, "Aminata Bah");
});

test("what is on its way is listed as sending, until its lease is old", async () => {
  const [row] = await finish(aVisit());
  const now = Date.now();
  await store.remember("lease", { at: now, by: "x", ids: [row.id] });
  assert.equal((await list(now)).rows[0].state, "sending");
  assert.equal((await list(now + 130_000)).rows[0].state, "waiting");
});

test("a full phone gives up its copies of delivered photos, then says that there is no room", async (t) => {
  const done = await finish(aVisit({ photos: 1 }));
  await store.change(["outbox"], async ({ outbox }) => {
    for (const row of await outbox.all()) await outbox.put({ ...row, state: "received", settled_at: Date.now() });
  });
  const put = IDBObjectStore.prototype.put;
  let room = false;
  t.mock.method(IDBObjectStore.prototype, "put", function full(...value) {
    if (this.name === "sealed" && !room) throw new DOMException("full", "QuotaExceededError");
    return put.apply(this, value);
  });
  const remove = IDBObjectStore.prototype.delete;
  t.mock.method(IDBObjectStore.prototype, "delete", function make(...key) {
    room = this.name === "sealed" || room;
    return remove.apply(this, key);
  });
  const [saved] = await finish(aVisit());
  assert.ok(await sealedOf(saved.id));
  assert.equal(await sealedOf(done[1].id), undefined);
  room = false;
  await assert.rejects(finish(aVisit()), { name: "QuotaExceededError" });
  assert.equal((await outboxRows()).length, 2);
});

test("where there is room for little, the text is kept and its photos wait; saved again, they come to the same visit", async (t) => {
  const put = IDBObjectStore.prototype.put;
  let room = false;
  t.mock.method(IDBObjectStore.prototype, "put", function nearlyFull(value, ...key) {
    if (this.name === "sealed" && value.sealed.byteLength > 20_000 && !room) throw new DOMException("full", "QuotaExceededError");
    return put.call(this, value, ...key);
  });
  const work = aVisit({ photos: 2 });
  assert.deepEqual((await finish(work)).map(({ kind }) => kind), ["visit"]);
  assert.equal((await outboxRows()).length, 1);
  room = true;
  const again = await finish(work);
  assert.equal(again.length, 3);
  const rows = await outboxRows();
  assert.deepEqual(rows.map(({ after }) => after), [null, work.id, work.id]);
});
