// Finishing: a form and its photos are frozen, sealed, and kept on this phone in one moment.

import { toBase64url } from "./outbox.js";
import { sealToServer } from "./seal.js";
import * as store from "./store.js";
import * as vault from "./vault.js";

const utf8 = new TextEncoder();

/**
 * Keep a finished form and its photos. Resolves only when the phone has them on its disk: then, and not
 * before, it may be called saved. On a full phone the text is kept alone, and what is resolved to lacks the photos:
 * finishing the same work again, once there is room, adds them. `work` is {id, kind, case, fields, photos, path, code, build, supersedes};
 * each photo is {id, slot, bytes, caption, subject, consent}.
 */
export async function finish(work) {
  const opened = await vault.current();
  if (!opened) throw new DOMException("the vault is locked", "NotAllowedError");
  const { phone, clock } = await store.read(["meta"], async ({ meta }) => ({
    phone: await meta.get("phone"),
    clock: await meta.get("clock"),
  }));
  const by = await vault.authorPass(opened);
  const pieces = [];
  for (const piece of [formPiece(work), ...work.photos.map((photo) => photoPiece(work, photo))]) {
    const claimed = { by, claimed_at: new Date().toISOString(), clock_error_ms: clock?.error_ms ?? null, build: work.build };
    pieces.push(await prepare(opened, phone.sealing_key, { ...piece, header: { ...piece.header, ...claimed } }));
  }
  const kept = await keep(pieces, work.supersedes);
  return kept.map(({ row }) => row);
}

function formPiece(work) {
  const fields = [...work.fields.filter(([name]) => name !== "id"), ["id", work.id]];
  return {
    header: { v: 1, id: work.id, kind: work.kind, case: work.case, supersedes: work.supersedes ?? null },
    body: utf8.encode(new URLSearchParams(fields).toString()),
    after: null,
    copy: { fields, path: work.path, about: work.about, photos: work.photos.length },
  };
}

function photoPiece(work, { id, slot, bytes, caption, subject, consent }) {
  return {
    header: {
      v: 1,
      id,
      kind: "photo",
      case: work.case,
      supersedes: null,
      // Photos of a payment request are its quotes.
      photo: { visit: work.id, slot, caption, subject, consent, ...(work.kind === "payment-request" && { document: "quote" }) },
    },
    body: new Uint8Array(bytes),
    after: work.id,
    copy: { caption, subject, about: work.about },
  };
}

async function prepare(opened, sealingKey, { header, body, after, copy }) {
  const { id, kind } = header;
  const sealed = await sealToServer(fromBase64url(sealingKey.public), `suivi/1 ${kind} ${id}`, await freeze(header, body));
  const row = {
    id,
    person: opened.person,
    kind,
    case: header.case,
    key: sealingKey.key,
    digest: await digestOf(sealed),
    state: "waiting",
    tries: 0,
    next_at: 0,
    after,
    made_at: Date.now(),
    size: sealed.byteLength,
  };
  return { row, bytes: { id, sealed, copy: await vault.sealJson(opened, `copy ${id}`, copy) } };
}

/** u32be(length of header) ‖ header ‖ body: what is sealed, and what the server stores its digest of. */
export async function freeze(header, body) {
  const packed = header.kind === "photo" ? null : await deflate(body);
  const zip = packed !== null && packed.length < body.length;
  const salt = toBase64url(crypto.getRandomValues(new Uint8Array(16)));
  const head = utf8.encode(JSON.stringify({ ...header, salt, zip }));
  const content = zip ? packed : body;
  const frozen = new Uint8Array(4 + head.length + content.length);
  new DataView(frozen.buffer).setUint32(0, head.length);
  frozen.set(head, 4);
  frozen.set(content, 4 + head.length);
  return frozen.buffer;
}

async function deflate(bytes) {
  try {
    const press = new CompressionStream("deflate-raw");
    return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(press)).arrayBuffer());
  } catch {
    return null; // Older phones cannot; the header says so and the body travels as it is.
  }
}

async function keep(pieces, supersedes) {
  const put = (these) =>
    store.change(["outbox", "sealed"], async ({ outbox, sealed }) => {
      for (const { row, bytes } of these) {
        if (await outbox.byId(row.id)) continue; // The same tap twice, or the write repeated after a lost connection.
        await outbox.add(row);
        await sealed.put(bytes);
      }
      const old = supersedes && (await outbox.byId(supersedes));
      if (old) await outbox.put({ ...old, state: "superseded", settled_at: Date.now() });
    });
  const isFull = (error) => error?.name === "QuotaExceededError";
  try {
    await put(pieces);
    return pieces;
  } catch (error) {
    if (!isFull(error)) throw error;
  }
  try {
    if (await makeRoom()) {
      await put(pieces);
      return pieces;
    }
  } catch (error) {
    if (!isFull(error)) throw error;
  }
  await put(pieces.slice(0, 1));
  return pieces.slice(0, 1);
}

/** Give up the phone's own copies of photos that the server has; nothing that is still owed. */
async function makeRoom() {
  return store.change(["outbox", "sealed"], async ({ outbox, sealed }) => {
    const done = (await outbox.all()).filter((row) => row.state === "received" && row.kind === "photo");
    for (const row of done) {
      await outbox.delete(row.seq);
      await sealed.delete(row.id);
    }
    return done.length;
  });
}

export async function digestOf(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const fromBase64url = (letters) =>
  Uint8Array.from(atob(letters.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0)).buffer;
