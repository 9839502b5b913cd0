// A phone for the tests: real modules over an IndexedDB in memory, with locks, a clock and a line that can break.

import "fake-indexeddb/auto";
import { webcrypto } from "node:crypto";
import * as store from "../../service_worker/store.js";
import * as vault from "../../service_worker/vault.js";

globalThis.crypto ??= webcrypto;

export const PERSON = "ibrahima";
export const PASSPHRASE = "mangue rivière tambour soleil pirogue";

const { subtle } = globalThis.crypto;
/** How many rounds were asked for each time a secret was made into a key. */
export const rounds = [];

// The many rounds that slow a guesser down would slow these tests as well: they are counted, and a thousand are done.
export const guessing = { most: 1000 };
const deriveKey = subtle.deriveKey.bind(subtle);
Object.defineProperty(subtle, "deriveKey", {
  value: (how, ...rest) => {
    if (how.iterations) rounds.push(how.iterations);
    return deriveKey(how.iterations ? { ...how, iterations: Math.min(how.iterations, guessing.most) } : how, ...rest);
  },
});
const pair = await subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
export const privateKey = pair.privateKey;
export const publicKey = pair.publicKey;
const point = Buffer.from(await subtle.exportKey("raw", publicKey)).toString("base64url");

const PHONE = { id: "phone-1", pass: "phone-pass", sealing_key: { key: "k1", public: point }, lineage: "first", person: PERSON };

/** A vault that is open, and a phone that is enrolled. Making it takes a moment, so tests share it. */
export async function anEnrolledPhone() {
  await store.remember("phone", PHONE);
  return vault.create(PERSON, PASSPHRASE, { pass: "author-pass", idleMinutes: 15 });
}

/** Empty the outbox and what sending remembers; the vault stays. */
export async function emptyOutbox() {
  await store.change(["outbox", "sealed", "receipts", "meta"], async ({ outbox, sealed, receipts, meta }) => {
    for (const table of [outbox, sealed, receipts]) for (const key of await table.keys()) await table.delete(key);
    for (const name of ["lease", "sending", "clock"]) await meta.delete(name);
    await meta.put(PHONE, "phone");
  });
}

export const outboxRows = () => store.read(["outbox"], ({ outbox }) => outbox.all());

let made = 0;

/** A finished visit, as the form hands it over. */
export function aVisit({ photos = 0, kind = "visit", fields = [["notes", "Tout va bien à la boutique."]], ...rest } = {}) {
  made += 1;
  return {
    id: crypto.randomUUID(),
    kind,
    case: "3f0e8a52-0000-4000-8000-000000000001",
    about: "Aminata Bah",
    path: "/cases/3f0e8a52-0000-4000-8000-000000000001/visits/new",
    build: "test",
    supersedes: null,
    fields,
    photos: Array.from({ length: photos }, (_, slot) => ({
      id: crypto.randomUUID(),
      slot,
      bytes: new Uint8Array(40_000).fill(made + slot).buffer,
      caption: "Devanture",
      subject: "premises",
      consent: false,
    })),
    slots: photos,
    ...rest,
  };
}

/** Web Locks for several pages and workers; one that crashes lets go of what it held. */
export function makeLocks() {
  const held = new Map();
  return () => {
    const mine = new Set();
    const release = (name, token) => {
      if (held.get(name)?.token === token) held.delete(name);
      mine.delete(token);
    };
    return {
      async request(name, options, work) {
        const holder = held.get(name);
        if (holder && !options.steal) {
          if (options.ifAvailable) return work(null);
          throw new Error("these tests never wait for a lock");
        }
        if (holder) {
          held.delete(name);
          holder.lose(new DOMException("stolen", "AbortError"));
        }
        const token = Symbol(name);
        const lost = new Promise((_, lose) => void held.set(name, { token, lose }));
        lost.catch(() => {});
        mine.add(token);
        try {
          return await Promise.race([work({ name }), lost]);
        } finally {
          release(name, token);
        }
      },
      crash() {
        for (const [name, { token }] of held) if (mine.has(token)) held.delete(name);
      },
    };
  };
}

/** No request of these tests waits for real time. */
export const noLimit = () => ({ signal: undefined, done() {} });
