// Opening a vault without its words: a PIN, while its wrapped key is still in memory, and a passkey.

import * as store from "../../../service_worker/store.js";
import * as vault from "../../../service_worker/vault.js";
import { ask } from "./phone.js";

const TRIES = 5;
const HOUR = 3_600_000;

export const isPin = (pin) => /^\d{6}$/.test(pin) && !/^(\d)\1*$/.test(pin) && !"01234567890 09876543210".includes(pin);

/** Choose a PIN. Its own key is kept sealed under the key it opens: whoever copies the storage finds nothing to try PINs on. */
export async function choosePin(row, raw, pin) {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const sealed = await vault.seal(await vault.dataKey(raw), `pin ${row.person}`, await vault.bitsFromSecret(pin, salt));
  await openAnew(row, raw, (now) => ({ ...now, pin: { salt, key: sealed } }));
}

export const dropPin = (row, raw) => openAnew(row, raw, (now) => without(now, "pin", "lease"));

export const dropPasskey = (row, raw) => openAnew(row, raw, (now) => without(now, "passkey"));

async function openAnew({ person }, raw, alter) {
  await vault.changeVault(person, alter);
  const row = (await vault.all()).find((each) => each.person === person);
  await ask({ type: "key", key: await vault.open(row, raw) });
}

/** What a PIN may open here now; null when the words are needed. */
export async function rest() {
  const found = (await ask({ type: "rest" }))?.rest ?? (await leased());
  // Held by this page as well, so that a worker that is ended meanwhile gets it back.
  if (found) vault.hold({ person: found.person, rest: found });
  return found;
}

/** What an office lets its phones keep for the working day. */
async function leased() {
  const now = await store.recall("current");
  const row = now && !now.doubt && (await vault.all()).find(({ person }) => person === now.person);
  if (!row?.lease) return null;
  const age = Date.now() - row.lease.from;
  if (age >= 0 && age < row.leaseHours * HOUR) return row.lease;
  await vault.changeVault(row.person, (now) => without(now, "lease"));
  return null;
}

/** Open with a PIN: the opened vault, the number of tries that are left, or 0 when the words are needed. */
export async function openByPin(pin) {
  const found = await rest();
  if (!found) return 0;
  // Counted before it is tried, so that nobody gains a try by ending the browser in between.
  const tries = await store.change(["meta"], async ({ meta }) => {
    const before = (await meta.get("pinTries")) ?? 0;
    await meta.put(before + 1, "pinTries");
    return before + 1;
  });
  if (tries <= TRIES) {
    try {
      const byPin = await vault.dataKey(await vault.bitsFromSecret(pin, found.salt));
      const raw = new Uint8Array(await vault.unseal(byPin, `rest ${found.person}`, found.wrapped));
      return await vault.open((await vault.all()).find(({ person }) => person === found.person), raw);
    } catch (error) {
      if (error.name !== "OperationError") throw error;
    }
  }
  if (tries < TRIES) return TRIES - tries;
  vault.hold(null);
  await ask({ type: "drop" });
  await vault.changeVault(found.person, (now) => without(now, "lease"));
  return 0;
}

/** Let a passkey of this phone open the vault. False when it cannot make the secret that it takes. */
export async function addPasskey(row, raw) {
  const salt = crypto.getRandomValues(new Uint8Array(32));
  const made = await navigator.credentials.create({
    publicKey: {
      rp: { name: "Suivi" },
      // The phone's list of passkeys is read by others: it names nobody.
      user: { id: crypto.getRandomValues(new Uint8Array(16)), name: "Suivi", displayName: "Suivi" },
      challenge: crypto.getRandomValues(new Uint8Array(32)),
      pubKeyCredParams: [-7, -257].map((alg) => ({ type: "public-key", alg })),
      authenticatorSelection: { authenticatorAttachment: "platform", residentKey: "discouraged", userVerification: "required" },
      extensions: { prf: { eval: { first: salt } } },
    },
  });
  const { prf } = made.getClientExtensionResults();
  if (!prf?.enabled) return false;
  const passkey = { id: made.rawId, salt };
  const secret = prf.results?.first ?? (await secretOf([{ passkey }])).secret;
  passkey.wrapped = await vault.seal(await keyOf(secret), `passkey ${row.person}`, raw);
  await openAnew(row, raw, (now) => ({ ...now, passkey }));
  return true;
}

/** Open with a passkey: the opened vault, or null. */
export async function openByPasskey() {
  const rows = (await vault.all()).filter(({ passkey }) => passkey);
  const { id, secret } = await secretOf(rows);
  const row = rows.find(({ passkey }) => same(passkey.id, id));
  if (!row || !secret) return null;
  const raw = await vault.unseal(await keyOf(secret), `passkey ${row.person}`, row.passkey.wrapped);
  return vault.open(row, new Uint8Array(raw));
}

async function secretOf(rows) {
  const evalByCredential = Object.fromEntries(rows.map(({ passkey }) => [base64url(passkey.id), { first: passkey.salt }]));
  const given = await navigator.credentials.get({
    publicKey: {
      challenge: crypto.getRandomValues(new Uint8Array(32)),
      allowCredentials: rows.map(({ passkey }) => ({ type: "public-key", id: passkey.id, transports: ["internal"] })),
      userVerification: "required",
      extensions: { prf: { evalByCredential } },
    },
  });
  return { id: given.rawId, secret: given.getClientExtensionResults().prf?.results?.first };
}

const keyOf = async (secret) => vault.dataKey(await crypto.subtle.digest("SHA-256", secret));


/** Whether this phone may have a passkey of its own. */
export const hasPasskeys = async () =>
  Boolean(await globalThis.PublicKeyCredential?.isUserVerifyingPlatformAuthenticatorAvailable?.().catch(() => false));

const base64url = (id) => btoa(String.fromCharCode(...new Uint8Array(id))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

const same = (one, other) => base64url(one) === base64url(other);

function without(row, ...names) {
  const left = { ...row };
  for (const name of names) delete left[name];
  return left;
}
