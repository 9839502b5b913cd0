// Opening without the words: a PIN while its wrapped key is in memory or lent by the office, five times wrong and it is gone.

import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";
import { PASSPHRASE, PERSON, anEnrolledPhone } from "./phone.js";
import * as vault from "../../service_worker/vault.js";

// The worker, as pages speak to it; here it shares its memory with the page.
const WORKER = {
  key: ({ key }) => vault.hold(key),
  rest: () => vault.rest(),
  drop: () => vault.hold(null),
};
const controller = {
  postMessage(message, [port]) {
    Promise.resolve(WORKER[message.type](message)).then((answer) => port.postMessage(answer ?? null));
    setTimeout(() => port.close(), 300).unref();
  },
};
Object.defineProperty(globalThis, "navigator", { value: { serviceWorker: { controller } }, configurable: true });

const { choosePin, dropPin, isPin, openByPin } = await import("../../webapp/static/js/openers.js");

const PIN = "274913";
const HOUR = 3_600_000;
const row = async () => (await vault.all()).find(({ person }) => person === PERSON);

before(anEnrolledPhone);
beforeEach(async () => {
  vault.askElsewhere(async () => null);
  await vault.changeVault(PERSON, ({ leaseHours: _hours, lease: _lease, ...kept }) => kept);
  await vault.unlock(PASSPHRASE);
  await choosePin(await row(), await vault.rawKey(await row(), PASSPHRASE), PIN);
});

test("a PIN opens again what was locked, as long as its wrapped key is in memory", async () => {
  await vault.lock();
  assert.equal(await vault.current(), null);
  assert.ok(!vault.isOpen());
  assert.equal((await openByPin(PIN)).person, PERSON);
  assert.equal((await vault.current()).person, PERSON);
  await vault.lock();
  // The worker was ended, and the page that still has it hands it back.
  const kept = vault.inHand();
  vault.hold(null);
  vault.askElsewhere(async () => kept);
  assert.equal((await openByPin(PIN)).person, PERSON);
  // The browser was ended.
  await vault.lock();
  vault.hold(null);
  vault.askElsewhere(async () => null);
  assert.equal(await openByPin(PIN), 0);
});

test("the idle lock leaves the PIN, and a clock that jumps leaves nothing more", async (t) => {
  const started = Date.now();
  t.mock.timers.enable({ apis: ["Date"], now: started });
  t.mock.timers.setTime(started + 16 * 60_000);
  assert.equal(await vault.current(), null);
  assert.ok((await openByPin(PIN)).key);
});

test("after five wrong PINs it is gone, also over pages and restarts, and the words still open", async () => {
  await vault.lock();
  const kept = vault.inHand();
  for (const left of [4, 3, 2, 1]) {
    assert.equal(await openByPin("111112"), left);
    vault.hold(kept); // Another page, or the browser began anew: the count is on the disk.
  }
  assert.equal(await openByPin("111113"), 0);
  vault.hold(kept);
  assert.equal(await openByPin(PIN), 0, "not even the right one, whoever still holds the key");
  assert.ok(await vault.unlock(PASSPHRASE));
  await vault.lock();
  assert.ok((await openByPin(PIN)).key, "after the words it counts again from the start");
});

test("the end of a session, a forgotten vault and another person leave no PIN behind", async () => {
  await vault.lock({ signingOut: true });
  assert.equal(await openByPin(PIN), 0);
  await vault.tryToSignIn(async () => "answered");
  await vault.recognise(PERSON);
  await vault.unlock(PASSPHRASE);
  await vault.recognise("awa");
  assert.equal(await vault.current(), null);
  assert.equal(await openByPin(PIN), 0);
});

test("nothing on the disk can be tried with PINs, unless the office lends keys", async (t) => {
  const before_ = await row();
  assert.deepEqual(Object.keys(before_.pin).sort(), ["key", "salt"]);
  assert.equal(before_.lease, undefined);
  await vault.changeVault(PERSON, (now) => ({ ...now, leaseHours: 8 }));
  await vault.lock();
  await vault.unlock(PASSPHRASE);
  assert.ok((await row()).lease.wrapped);
  // The browser is ended and started again in the afternoon.
  const started = Date.now();
  t.mock.timers.enable({ apis: ["Date"], now: started });
  vault.hold(null);
  await vault.lock();
  t.mock.timers.setTime(started + 7 * HOUR);
  assert.ok((await openByPin(PIN)).key);
  vault.hold(null);
  await vault.lock();
  t.mock.timers.setTime(started + 16 * HOUR);
  assert.equal(await openByPin(PIN), 0);
  assert.equal((await row()).lease, undefined, "an old lease is thrown away");
});

test("a lease ends with five mistakes, with the session, and when the office takes it back", async () => {
  const lend = async () => {
    await vault.changeVault(PERSON, (now) => ({ ...now, leaseHours: 8 }));
    await vault.unlock(PASSPHRASE);
    assert.ok((await row()).lease);
  };
  await lend();
  await vault.keepAuthorPass(await vault.current(), "author-pass", 15, 0);
  assert.equal((await row()).lease, undefined);
  await lend();
  await vault.lock({ signingOut: true });
  assert.equal((await row()).lease, undefined);
  await lend();
  await vault.lock();
  vault.hold(null);
  for (let tries = 0; tries < 5; tries += 1) await openByPin("111112");
  assert.equal((await row()).lease, undefined);
});

test("without a PIN a lock leaves nothing in memory", async () => {
  await dropPin(await row(), await vault.rawKey(await row(), PASSPHRASE));
  await vault.lock();
  assert.equal(vault.inHand(), null);
  assert.equal(await openByPin(PIN), 0);
});

test("a PIN has six digits that are not the first to be tried", () => {
  assert.ok(isPin(PIN));
  for (const weak of ["", "12345", "1234567", "123456", "654321", "000000", "999999", "abcdef", "12 456"]) assert.ok(!isPin(weak), weak);
});

test("an open camera is no rest, and its pass ends when somebody is back", async (t) => {
  const started = Date.now();
  t.mock.timers.enable({ apis: ["Date"], now: started });
  vault.touch(started + vault.CAMERA_PASS);
  t.mock.timers.setTime(started + 20 * 60_000);
  assert.ok(await vault.current());
  t.mock.timers.setTime(started + 26 * 60_000);
  assert.equal(await vault.current(), null, "who never comes back from the camera is locked out as well");
  await vault.unlock(PASSPHRASE);
  vault.touch(Date.now() + vault.CAMERA_PASS);
  vault.touch();
  t.mock.timers.setTime(started + 42 * 60_000);
  assert.equal(await vault.current(), null);
});
