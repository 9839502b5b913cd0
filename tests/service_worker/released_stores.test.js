// A phone that was away: what an earlier version of the app wrote is still there, byte by byte, and still delivered.
// stores/version-N.json are stores as released versions wrote them. They are never written anew: add the next one.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { PASSPHRASE, PERSON, guessing, makeLocks, noLimit } from "./phone.js";
import { ModelServer } from "./model_server.js";
import { isUnsent, readBack } from "../../service_worker/outbox.js";
import { makeSender } from "../../service_worker/sender.js";
import * as store from "../../service_worker/store.js";
import * as vault from "../../service_worker/vault.js";

const folder = new URL("stores/", import.meta.url);
const DRAFT = "draft /cases/3f0e8a52-0000-4000-8000-000000000001/visits/new";

// These were made with every round.
guessing.most = Infinity;

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

function decoded(value) {
  if (Array.isArray(value)) return value.map(decoded);
  if (value === null || typeof value !== "object") return value;
  if (value.$buffer !== undefined) return Uint8Array.from(Buffer.from(value.$buffer, "base64")).buffer;
  if (value.$bytes !== undefined) return Uint8Array.from(Buffer.from(value.$bytes, "base64"));
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, decoded(each)]));
}

/** Put a recorded store down as the browser had it, before this version of the app has ever run. */
async function putDown(recorded) {
  await store.closeAll();
  for (const { name } of await indexedDB.databases()) await settled(indexedDB.deleteDatabase(name));
  for (const [name, { version, tables }] of Object.entries(recorded)) {
    const request = indexedDB.open(name, version);
    request.onupgradeneeded = () => {
      for (const [table, { keyPath, autoIncrement, indexes }] of Object.entries(tables)) {
        const made = request.result.createObjectStore(table, { keyPath: keyPath ?? undefined, autoIncrement });
        for (const index of indexes) made.createIndex(index.name, index.keyPath, { unique: index.unique });
      }
    };
    const database = await settled(request);
    for (const [table, { keyPath, rows }] of Object.entries(tables)) {
      const transaction = database.transaction(table, "readwrite");
      for (const [key, row] of rows) transaction.objectStore(table).put(decoded(row), keyPath ? undefined : key);
      await new Promise((resolve) => void (transaction.oncomplete = resolve));
    }
    database.close();
  }
}

const bytesOf = (rows) => new Map(rows.map(({ id, sealed }) => [id, Buffer.from(sealed).toString("base64")]));

for (const file of readdirSync(folder)) {
  const recorded = JSON.parse(readFileSync(new URL(file, folder), "utf8"));
  const rowsOf = (table) => recorded.suivi.tables[table].rows.map(([, row]) => decoded(row));

  test(`${file}: unsent work is kept byte by byte, opened by its words, and delivered`, async () => {
    await putDown(recorded);
    const owed = rowsOf("outbox").filter(isUnsent);
    assert.ok(owed.length >= 3);
    assert.ok(await vault.unlock(PASSPHRASE));
    const [rows, sealed] = await store.read(["outbox", "sealed"], async (tables) => [await tables.outbox.all(), await tables.sealed.all()]);
    assert.deepEqual(rows, rowsOf("outbox"));
    assert.deepEqual(bytesOf(sealed), bytesOf(rowsOf("sealed")));
    const visit = rows.find(({ kind }) => kind === "visit");
    assert.deepEqual((await readBack(visit)).fields[0], ["notes", "Tout va bien à la boutique."]);
    const opened = await vault.current();
    const draft = await store.readKept(PERSON, ({ kept }) => kept.get(DRAFT));
    assert.deepEqual((await vault.openJson(opened, DRAFT, draft.sealed)).fields, [["notes", "à moitié"]]);
    assert.equal(await vault.authorPass(opened), "author-pass");

    const server = new ModelServer();
    const sender = makeSender({ fetch: async (...asked) => server.answer(...asked), locks: makeLocks()(), limit: noLimit });
    assert.equal(await sender.send({ pressed: true }), 0);
    const digests = Object.fromEntries([...server.kept].map(([id, { digest }]) => [id, digest]));
    assert.deepEqual(digests, Object.fromEntries(owed.map(({ id, digest }) => [id, digest])));
  });

  test(`${file}: a store that lost unsent work on the way would be noticed`, async () => {
    await putDown(recorded);
    await store.change(["sealed"], async ({ sealed }) => sealed.delete((await sealed.keys())[0]));
    const left = await store.read(["sealed"], ({ sealed }) => sealed.all());
    assert.notDeepEqual(bytesOf(left), bytesOf(rowsOf("sealed")));
  });
}
