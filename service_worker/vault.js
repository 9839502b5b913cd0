// The vault: the keys of the people on this phone, and everything that is encrypted or opened with them.
// (What only the server may open is sealed in seal.js.)

import * as store from "./store.js";

export const ROUNDS = 600_000;
const FEWEST_WORDS = 5;
const { subtle } = crypto;
const utf8 = new TextEncoder();
const text = new TextDecoder();

// However long the camera is open, the phone does not lock behind it.
export const CAMERA_PASS = 600_000;

// {person, key, epoch, seen, idle, rest}: lives in memory only, and dies with this page or worker. `rest` is the key
// wrapped by the PIN, where the person chose one: all that is left here of a vault that was locked.
let held = null;
let elsewhere = async () => null;

/** Say where else an open key may be found: a worker asks the pages, a page asks the worker. */
export function askElsewhere(ask) {
  elsewhere = ask;
}

/** A passphrase as it is compared: no difference of case, spacing or keyboard. */
export const plainWords = (passphrase) =>
  passphrase.normalize("NFKC").toLowerCase().split(/[\s\p{P}]+/u).filter(Boolean);

/** Five words or more, of which one may come twice. Fewer can be guessed by who copies the phone. */
export function isLongEnough(passphrase) {
  const words = plainWords(passphrase);
  return words.length >= FEWEST_WORDS && new Set(words).size >= FEWEST_WORDS - 1 && words.join("").length >= 15;
}

/** Make a vault for a person and leave it open. */
export async function create(person, passphrase, { pass, idleMinutes }) {
  if (!isLongEnough(passphrase)) throw new RangeError("passphrase too short");
  const raw = crypto.getRandomValues(new Uint8Array(32));
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const wrapped = await seal(await keyFrom(passphrase, salt), `vault ${person}`, raw);
  const author = await seal(await dataKey(raw), `author ${person}`, utf8.encode(pass));
  const vault = { person, salt, rounds: ROUNDS, wrapped, author, idle: idleMinutes * 60_000 };
  await store.change(["vaults"], ({ vaults }) => vaults.put(vault));
  return open(vault, raw);
}

/** Open the vault that these words belong to, the last person's first. Null when there is none. */
export async function unlock(passphrase) {
  for (const vault of await all()) {
    try {
      return await open(vault, await rawKey(vault, passphrase));
    } catch (error) {
      if (error.name !== "OperationError") throw error;
    }
  }
  return null;
}

/** The vaults of this phone, the last person's first. */
export async function all() {
  const [vaults, last] = await store.read(["vaults", "meta"], async (tables) => [
    await tables.vaults.all(),
    await tables.meta.get("current"),
  ]);
  return vaults.sort((a, b) => (b.person === last?.person) - (a.person === last?.person));
}

/** The bytes of a vault's key, for those who wrap it anew. Throws an OperationError at wrong words. */
export const rawKey = async (vault, passphrase) =>
  new Uint8Array(await unseal(await keyFrom(passphrase, vault.salt, vault.rounds), `vault ${vault.person}`, vault.wrapped));

/** Open this vault with the bytes of its key, which are gone afterwards. */
export async function open(vault, raw) {
  const { person } = vault;
  const key = await dataKey(raw);
  const rest = vault.pin && (await restOf(vault, key, raw));
  raw.fill(0);
  const { epoch, idle } = await store.change(["meta", "vaults"], async ({ meta, vaults }) => {
    const before = await meta.get("current");
    const now = { person, epoch: before?.epoch ?? 0, enrolDue: before?.person === person && before.enrolDue };
    await meta.put(now, "current");
    await meta.delete("pinTries");
    const row = await vaults.get(person);
    // Only where the office has chosen so, knowing what it gives up.
    if (rest && row.leaseHours) await vaults.put({ ...row, lease: { ...rest, from: Date.now() } });
    return { epoch: now.epoch, idle: row.idle };
  });
  held = { person, key, epoch, idle, rest, seen: Date.now() };
  return held;
}

/** What a PIN opens again: the key, wrapped by it. The PIN's own key lies sealed under the key that it will wrap. */
async function restOf({ person, pin }, key, raw) {
  const byPin = await dataKey(await unseal(key, `pin ${person}`, pin.key));
  return { person, salt: pin.salt, wrapped: await seal(byPin, `rest ${person}`, raw) };
}

/** The open key with its person, or null while the phone is locked. */
export async function current() {
  const now = await store.recall("current");
  held = checked(held, now);
  if (!now || now.doubt) return null;
  if (!held?.key) held = checked(await elsewhere(), now) ?? held;
  return held?.key ? held : null;
}

/** What may still be held of a vault: its key, what a PIN opens again, or nothing. */
function checked(found, now) {
  if (!found || found.person !== now?.person) return null;
  // A clock that jumps, in whichever direction, locks.
  const rested = Date.now() - found.seen;
  return rested > found.idle || rested < -CAMERA_PASS || found.epoch !== now.epoch ? resting(found) : found;
}

const resting = (found) => (found?.rest ? { person: found.person, rest: found.rest } : null);

/** What a PIN may open again, here or elsewhere. */
export async function rest() {
  held ??= resting(await elsewhere());
  return held && resting(held);
}

/** Take over a key that a page has just opened. */
export function hold(found) {
  held = found;
}

/** What this page or worker holds, to be handed over; it is checked by who takes it. */
export const inHand = () => held;

/** Whether this page or worker holds a key. */
export const isOpen = () => Boolean(held?.key);

/** Somebody is at the phone: the idle lock starts again. A pass for the camera ends with the next touch. */
export function touch(seen = Date.now()) {
  if (held?.key && (seen > held.seen || held.seen > Date.now())) held = { ...held, seen };
}

/** Lock: keys that are still held elsewhere are worthless from here on. */
export async function lock({ signingOut = false } = {}) {
  await store.change(["meta", "vaults"], async ({ meta, vaults }) => {
    const now = await meta.get("current");
    if (!now) return;
    await meta.put({ ...now, epoch: now.epoch + 1, doubt: now.doubt || signingOut }, "current");
    if (!signingOut) return;
    // The session is the browser's, whoever opens a vault next: it stays owed until the server has ended it.
    await meta.put(true, "signOutDue");
    for (const { lease, ...vault } of await vaults.all()) if (lease) await vaults.put(vault);
  });
  // Keys are worthless by now; a worker that was started for this asks the pages what a PIN may open.
  held = signingOut ? null : await rest();
}

/**
 * Somebody tries to sign in: nothing kept is shown until it is known who. Until the server has answered, the session
 * before is owed its end, so that a try that never arrives opens nothing.
 */
export async function tryToSignIn(send) {
  await changeCurrent((now) => ({ ...now, doubt: true }));
  await store.remember("signOutDue", true);
  const answer = await send();
  await store.remember("signOutDue", false);
  return answer;
}

/** The server has said who is signed in: "open", "locked" (their vault waits for its words) or "none" (they have no vault). */
export async function recognise(person) {
  const state = await store.change(["meta", "vaults"], async ({ meta, vaults }) => {
    const now = await meta.get("current");
    const known = Boolean(await vaults.get(person));
    const same = now?.person === person;
    // A sign-out that still has to reach the server is not undone by a page that came before it.
    if (!(await meta.get("signOutDue")) && (!same || now.doubt)) {
      await meta.put({ person, epoch: (now?.epoch ?? 0) + (same ? 0 : 1), enrolDue: true }, "current");
    }
    return known ? "locked" : "none";
  });
  return (await current()) ? "open" : state;
}

/** Forget a person's vault and kept pages. What they finished stays in the outbox, sealed. */
export async function forget(person) {
  await lock();
  held = null;
  await store.change(["vaults"], ({ vaults }) => vaults.delete(person));
  await store.forgetKept(person);
}

/** Forget everybody's vault, kept pages and delivered work. What is not delivered stays, sealed, without its copies to read back. */
export async function clear() {
  held = null;
  const people = await store.change(["vaults", "outbox", "sealed", "receipts"], async ({ vaults, outbox, sealed, receipts }) => {
    for (const { seq, id, state } of await outbox.all()) {
      if (!["received", "superseded"].includes(state)) continue;
      await outbox.delete(seq);
      await sealed.delete(id);
      await receipts.delete(id);
    }
    const known = await vaults.keys();
    for (const person of known) await vaults.delete(person);
    return known;
  });
  for (const person of people) await store.forgetKept(person);
}

export async function changeCurrent(alter) {
  await store.change(["meta"], async ({ meta }) => {
    const now = await meta.get("current");
    if (now) await meta.put(alter(now), "current");
  });
}

/** Keep the author pass that travels inside every seal. */
export async function keepAuthorPass({ person, key }, pass, idleMinutes, leaseHours) {
  const author = await seal(key, `author ${person}`, utf8.encode(pass));
  await changeVault(person, ({ lease, ...vault }) => ({
    ...vault,
    ...(leaseHours && { lease }),
    leaseHours,
    author,
    idle: idleMinutes * 60_000,
  }));
}

/** Change what is kept of a person's vault. */
export const changeVault = (person, alter) =>
  store.change(["vaults"], async ({ vaults }) => vaults.put(alter(await vaults.get(person))));

export async function authorPass({ person, key }) {
  const vault = await store.read(["vaults"], ({ vaults }) => vaults.get(person));
  return text.decode(await unseal(key, `author ${person}`, vault.author));
}

/** Encrypt something to be kept on this phone; `about` (person and address) must be the same to open it. */
export const sealJson = ({ person, key }, about, value) =>
  seal(key, `${person} ${about}`, utf8.encode(JSON.stringify(value)));

export const openJson = async ({ person, key }, about, sealed) =>
  JSON.parse(text.decode(await unseal(key, `${person} ${about}`, sealed)));

export const sealBytes = ({ person, key }, about, bytes) => seal(key, `${person} ${about}`, bytes);

export const openBytes = ({ person, key }, about, sealed) => unseal(key, `${person} ${about}`, sealed);

/** Encrypt bytes under a key; `about` must be the same to open them. */
export async function seal(key, about, bytes) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const box = await subtle.encrypt({ name: "AES-GCM", iv, additionalData: utf8.encode(about) }, key, bytes);
  const sealed = new Uint8Array(iv.length + box.byteLength);
  sealed.set(iv);
  sealed.set(new Uint8Array(box), iv.length);
  return sealed.buffer;
}

export function unseal(key, about, sealed) {
  const iv = sealed.slice(0, 12);
  return subtle.decrypt({ name: "AES-GCM", iv, additionalData: utf8.encode(about) }, key, sealed.slice(12));
}

const keyFrom = (passphrase, salt, rounds) => keyFromSecret(plainWords(passphrase).join(" "), salt, rounds);

/** A key made of something a person knows. The rounds run on another thread of the browser, not on the page's. */
async function keyFromSecret(secret, salt, iterations = ROUNDS) {
  const words = await subtle.importKey("raw", utf8.encode(secret), "PBKDF2", false, ["deriveKey"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return subtle.deriveKey(how, words, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** The bytes of such a key, for those who keep them sealed. */
export async function bitsFromSecret(secret, salt) {
  const known = await subtle.importKey("raw", utf8.encode(secret), "PBKDF2", false, ["deriveBits"]);
  return new Uint8Array(await subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations: ROUNDS }, known, 256));
}

export const dataKey = (raw) => subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
