// The vault: what it takes to open it, and when it closes.

import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";
import * as store from "../../service_worker/store.js";
import * as vault from "../../service_worker/vault.js";
import { PASSPHRASE, PERSON, anEnrolledPhone, rounds } from "./phone.js";

before(anEnrolledPhone);
beforeEach(async () => {
  vault.askElsewhere(async () => null);
  await vault.unlock(PASSPHRASE);
});

test("five words open it, however they are typed", async () => {
  await vault.lock();
  assert.equal(await vault.current(), null);
  assert.equal((await vault.unlock("  Mangue RIVIÈRE tambour-soleil pirogue ")).person, PERSON);
  assert.ok(rounds.length > 0 && rounds.every((asked) => asked >= 600_000), "every guess costs 600,000 rounds");
});

test("other words open nothing", async () => {
  await vault.lock();
  assert.equal(await vault.unlock("mangue rivière tambour soleil bateau"), null);
  assert.equal(await vault.current(), null);
});

test("fewer than five words are refused", async () => {
  for (const words of ["", "123456", "mangue rivière tambour soleil", "a b c d e", "mangue mangue mangue mangue mangue"]) {
    assert.equal(vault.isLongEnough(words), false, words);
  }
  await assert.rejects(vault.create("awa", "trop court", { pass: "x", idleMinutes: 15 }), RangeError);
  assert.ok(vault.isLongEnough("نهر شمس طبل مانجو زورق جبل"));
});

test("nothing readable of the author pass or the words is kept", async () => {
  const row = await store.read(["vaults"], ({ vaults }) => vaults.get(PERSON));
  const bytes = [row.wrapped, row.author, row.salt].map((part) => Buffer.from(part).toString("latin1")).join();
  assert.ok(!bytes.includes("author-pass") && !bytes.includes("mangue"));
  assert.equal(await vault.authorPass(await vault.current()), "author-pass");
});

test("a kept record opens only under its own address and person", async () => {
  const opened = await vault.current();
  const sealed = await vault.sealJson(opened, "/cases/1", { name: "Aminata" });
  assert.deepEqual(await vault.openJson(opened, "/cases/1", sealed), { name: "Aminata" });
  await assert.rejects(vault.openJson(opened, "/cases/2", sealed));
  await assert.rejects(vault.openJson({ ...opened, person: "awa" }, "/cases/1", sealed));
});

test("it locks after a quarter of an hour of rest, also without a network, and when the clock jumps", async (t) => {
  const started = Date.now();
  t.mock.timers.enable({ apis: ["Date"], now: started });
  t.mock.timers.setTime(started + 14 * 60_000);
  assert.ok(await vault.current());
  vault.touch();
  t.mock.timers.setTime(started + 28 * 60_000);
  assert.ok(await vault.current());
  t.mock.timers.setTime(started + 44 * 60_000);
  assert.equal(await vault.current(), null);
  await vault.unlock(PASSPHRASE);
  t.mock.timers.setTime(started - 86_400_000);
  assert.equal(await vault.current(), null);
});

test("a restarted worker gets the key back from a page, but never one from before a lock", async () => {
  const before_ = vault.inHand();
  vault.hold(null);
  vault.askElsewhere(async () => before_);
  assert.ok(await vault.current());
  await vault.lock();
  assert.equal(await vault.current(), null);
});

test("while somebody may be signing in nothing is open; the same person goes on, another finds it locked", async () => {
  await vault.tryToSignIn(async () => "answered");
  assert.equal(await vault.current(), null);
  assert.equal(await vault.recognise(PERSON), "open");
  await vault.tryToSignIn(async () => "answered");
  assert.equal(await vault.recognise("awa"), "none");
  assert.equal(await vault.current(), null);
  assert.equal(await vault.recognise(PERSON), "locked");
});

test("a sign-out that the server has not heard of is not undone by a page from before", async () => {
  await vault.lock({ signingOut: true });
  assert.equal(await vault.recognise(PERSON), "locked");
  assert.equal(await store.recall("signOutDue"), true);
  await vault.unlock(PASSPHRASE);
  assert.equal(await store.recall("signOutDue"), true);
  await vault.tryToSignIn(async () => "answered");
  assert.equal(await store.recall("signOutDue"), false);
});

test("a try to sign in that never reaches the server leaves the session before owed its end", async () => {
  await assert.rejects(
    vault.tryToSignIn(async () => {
      throw new TypeError("no network");
    }),
  );
  assert.equal(await store.recall("signOutDue"), true);
  assert.equal(await vault.recognise(PERSON), "locked");
  assert.equal(await vault.current(), null);
});

test("two people of one phone each open their own vault", async () => {
  await vault.create("awa", "fleuve étoile panier chemin lune", { pass: "pass of awa", idleMinutes: 15 });
  await vault.lock();
  assert.equal((await vault.unlock(PASSPHRASE)).person, PERSON);
  assert.equal((await vault.unlock("fleuve étoile panier chemin lune")).person, "awa");
  assert.equal(await vault.authorPass(await vault.current()), "pass of awa");
});

test("forgetting a vault takes the kept pages and leaves the outbox", async () => {
  await vault.create("awa", "fleuve étoile panier chemin lune", { pass: "pass of awa", idleMinutes: 15 });
  await store.changeKept("awa", ({ kept }) => kept.put({ url: "/today", sealed: new ArrayBuffer(1) }));
  await store.change(["outbox"], ({ outbox }) => outbox.add({ id: "1", person: "awa", state: "waiting" }));
  await vault.forget("awa");
  assert.deepEqual(await store.readKept("awa", ({ kept }) => kept.keys()), []);
  assert.equal((await store.read(["outbox"], ({ outbox }) => outbox.all())).length, 1);
  assert.equal(await vault.unlock("fleuve étoile panier chemin lune"), null);
});
