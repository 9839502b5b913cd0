// The outbox: what waits on this phone for the server, what became of it, and reading it back.

import * as store from "./store.js";
import * as vault from "./vault.js";

const DAY = 86_400_000;
const KEPT_AFTER_RECEIPT = 35 * DAY;

/** Delivered work is kept sealed for 35 days, so that a server set back to a backup can be given it again. */
export async function sweep(now = Date.now()) {
  await store.change(["outbox", "sealed", "receipts"], async ({ outbox, sealed, receipts }) => {
    for (const row of await outbox.all()) {
      if (!["received", "superseded"].includes(row.state) || now - row.settled_at < KEPT_AFTER_RECEIPT) continue;
      await outbox.delete(row.seq);
      await sealed.delete(row.id);
      await receipts.delete(row.id);
    }
  });
}

/** Everything in the outbox, oldest first, with `state` "sending" for what is on its way now, and how sending stands. */
export async function list(now = Date.now()) {
  const [rows, lease, sending] = await store.read(["outbox", "meta"], async ({ outbox, meta }) => [
    await outbox.all(),
    await meta.get("lease"),
    await meta.get("sending"),
  ]);
  const onTheWay = new Set(lease && Math.abs(now - lease.at) < 120_000 ? lease.ids : []);
  return {
    rows: rows.map((row) => (row.state === "waiting" && onTheWay.has(row.id) ? { ...row, state: "sending" } : row)),
    problem: sending?.problem ?? null,
  };
}

/** What was typed, and what the server said about it; null while the vault of its author is locked. */
export async function readBack(row) {
  const opened = await vault.current();
  if (opened?.person !== row.person) return null;
  const bytes = await store.read(["sealed"], ({ sealed }) => sealed.get(row.id));
  const copy = bytes ? await vault.openJson(opened, `copy ${row.id}`, bytes.copy) : {};
  const errors = row.errors ? await vault.openJson(opened, `errors ${row.id}`, row.errors) : {};
  return { ...copy, errors };
}

/** The server's sentences may name people: they are kept encrypted, or not at all while the phone is locked. */
export async function sealErrors(row, errors) {
  const opened = await vault.current();
  return opened?.person === row.person ? vault.sealJson(opened, `errors ${row.id}`, errors ?? {}) : null;
}

export const isUnsent = (row) => !["received", "superseded"].includes(row.state);

export function toBase64url(buffer) {
  const bytes = new Uint8Array(buffer);
  let binary = "";
  // In slices, because a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
