// The sender: the only file that delivers. Nothing counts as delivered but a receipt for this id and these bytes.

import { sealErrors, sweep, toBase64url } from "./outbox.js";
import * as store from "./store.js";

const BATCH = 100;
const BATCH_BYTES = 256 * 1024;
const PART = 32_768;
const LANES = 3;
const LEASE = 120_000;
const SHORTEST = 5_000;
const LONGEST = 300_000;
const LONGEST_ASKED = 3_600_000;
const REFUSALS_IN_A_ROW = 3;

const STATES = {
  accepted: "received",
  "needs attention": "needs attention",
  contested: "contested",
  quarantined: "quarantined",
};

/** A sender over this phone's outbox. Everything that is not the outbox is handed in, so that tests can break it. */
export function makeSender({ fetch, locks, now = Date.now, random = Math.random, limit = timeLimit, tell = () => {}, delivered = () => {}, mayCarryPhotos = () => true }) {
  let wanted = null;
  let carried = 0;

  /**
   * Deliver what is due; `pressed` means somebody asks for it now. Resolves to the number of pieces still waiting.
   * One sender at a time over all pages and workers; whoever holds the lock too long without a sign of life loses it.
   */
  async function send({ pressed = false } = {}) {
    wanted = { pressed: pressed || wanted?.pressed };
    let mine = false;
    const whenFree = async (lock) => {
      if (!lock) return;
      mine = true;
      while (wanted) {
        const how = wanted;
        wanted = null;
        await deliver(how.pressed);
      }
    };
    try {
      await locks.request("outbox", { ifAvailable: true }, whenFree);
      if (!mine && (await isAsleep())) await locks.request("outbox", { steal: true }, whenFree);
    } catch (error) {
      if (error?.name !== "AbortError") throw error; // Stolen from us: another one sends.
    }
    return (await waiting()).length;
  }

  /** Whoever holds the lock gave no sign of life for two minutes. One who has just begun has given none yet. */
  async function isAsleep() {
    return store.change(["meta"], async ({ meta }) => {
      const lease = await meta.get("lease");
      if (lease?.at) return Math.abs(now() - lease.at) > LEASE;
      await meta.put({ at: now(), ids: [] }, "lease");
      return false;
    });
  }

  async function deliver(pressed) {
    const run = { id: crypto.randomUUID(), pressed, photos: await mayCarryPhotos(), tried: new Set(), size: BATCH, refusals: 0, moved: false, stopped: false };
    const sending = (await store.recall("sending")) ?? {};
    if (soon(sending.not_before, LONGEST_ASKED) || (!pressed && soon(sending.next_at, LONGEST))) return;
    while (!run.stopped) {
      const batch = nextOf(await waiting(), run);
      if (!batch.length) break;
      if (!(await holdLease(run, batch))) return;
      if (batch[0].kind === "photo") await sendPhoto(run, batch[0]);
      else await sendTexts(run, batch);
      tell();
    }
    await store.change(["meta"], async ({ meta }) => {
      await meta.put({ at: 0, ids: [] }, "lease");
      const month = new Date(now()).toISOString().slice(0, 7);
      const traffic = await meta.get("traffic");
      await meta.put({ month, sent: carried + (traffic?.month === month ? traffic.sent : 0) }, "traffic");
      carried = 0;
    });
    await sweep(now());
    tell();
    if (run.delivered) delivered();
  }

  /** Red flags alone and first, then all other texts, then one photo. A photo never holds back a text. */
  function nextOf(rows, run) {
    const due = rows.filter((row) => (run.pressed && !run.tried.has(row.id)) || !soon(row.next_at, LONGEST));
    const texts = due.filter((row) => row.kind !== "photo");
    const flags = texts.filter((row) => row.kind === "red-flag");
    if (texts.length) return (flags.length ? flags : texts).slice(0, run.size);
    if (!run.photos) return [];
    const stillHere = new Set(rows.map((row) => row.id));
    const photos = due.sort((a, b) => stillHere.has(a.after) - stillHere.has(b.after));
    return photos.slice(0, 1);
  }

  async function waiting() {
    const rows = await store.read(["outbox"], ({ outbox }) => outbox.all());
    // Sentences that came while the phone was locked were not kept; once it is open they are asked for again.
    const mute = rows.filter((row) => row.state === "needs attention" && !row.errors);
    const askAgain = new Set();
    for (const row of mute) if (await sealErrors(row, {})) askAgain.add(row.id);
    return rows.filter((row) => row.state === "waiting" || row.owed || askAgain.has(row.id));
  }

  async function holdLease(run, batch) {
    return store.change(["meta"], async ({ meta }) => {
      const lease = await meta.get("lease");
      if (lease?.by && lease.by !== run.id && run.held) return false; // Somebody stole it while we slept.
      await meta.put({ at: now(), by: run.id, ids: batch.map((row) => row.id) }, "lease");
      run.held = true;
      return true;
    });
  }

  async function sendTexts(run, batch) {
    const submissions = [];
    let size = 0;
    for (const row of batch) {
      const bytes = await sealedBytes(row);
      size += bytes.byteLength;
      if (submissions.length && size > BATCH_BYTES) break;
      submissions.push({ id: row.id, kind: row.kind, key: row.key, digest: row.digest, sealed: toBase64url(bytes) });
    }
    const rows = batch.slice(0, submissions.length);
    for (const row of rows) run.tried.add(row.id);
    const answer = await ask("/outbox/submissions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ submissions }),
    });
    if (answer.kind === "refused" && rows.length > 1) {
      // Too much at once, or one of them upsets the server: smaller, until it stands alone.
      run.size = Math.ceil(rows.length / 2);
      for (const row of rows) run.tried.delete(row.id);
    } else if (await settle(run, rows, answer)) {
      run.size = Math.min(BATCH, run.size * 2);
    }
  }

  async function sendPhoto(run, row) {
    run.tried.add(row.id);
    const bytes = await sealedBytes(row);
    const total = Math.ceil(bytes.byteLength / PART);
    const have = new Set();
    const end = { receipt: null, trouble: null };
    const note = ({ json }) => {
      if (json?.receipts) end.receipt = json;
      if (json?.id === row.id && json.digest === row.digest) json.have?.forEach((part) => have.add(part));
    };
    const whereWeAre = async () => {
      const answer = await ask(`/outbox/photos/${row.id}?digest=${row.digest}`);
      // A refusal here only means that the server has nothing of it yet.
      if (answer.kind === "answer") note(answer);
      else if (answer.kind !== "refused") end.trouble = answer;
    };
    if (row.begun) await whereWeAre();
    else await alter([row.id], (unbegun) => ({ ...unbegun, begun: true }));
    const missing = [...Array(total).keys()].filter((part) => !have.has(part));
    let slips = 0;
    const lane = async () => {
      while (missing.length && !end.receipt && !end.trouble) {
        const part = missing.shift();
        const address = `/outbox/photos/${row.id}/parts/${part}?of=${total}&digest=${row.digest}&key=${encodeURIComponent(row.key)}`;
        const answer = await ask(address, {
          method: "PUT",
          headers: { "Content-Type": "application/octet-stream" },
          body: bytes.slice(part * PART, (part + 1) * PART),
        });
        note(answer);
        if (answer.kind === "answer") {
          slips = 0;
          run.moved = true;
        } else if (answer.kind === "unreachable" && ++slips <= LANES) {
          missing.push(part); // A cut takes single answers with it; a dead line takes all of them.
        } else {
          end.trouble = answer;
        }
        await holdLease(run, [row]);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    if (!end.receipt && !end.trouble) await whereWeAre();
    await settle(run, [row], end.receipt ? { kind: "answer", json: end.receipt } : (end.trouble ?? { kind: "refused" }));
  }

  /** Take in what was answered about these rows. True when at least one receipt counted. */
  async function settle(run, rows, answer) {
    if (answer.kind !== "answer") {
      await (answer.kind === "refused" ? holdBack(run, rows) : pause(run, answer));
      return false;
    }
    const { lineage, server_time: serverTime } = answer.json;
    const receipts = new Map();
    for (const row of rows) {
      const receipt = answer.json.receipts?.find?.(({ id, digest }) => id === row.id && digest === row.digest);
      if (receipt && STATES[receipt.outcome]) {
        const errors = receipt.outcome === "needs attention" ? await sealErrors(row, receipt.errors) : null;
        receipts.set(row.id, { receipt, errors });
      }
    }
    await store.change(["outbox", "receipts", "meta"], async (tables) => {
      await notice(tables, lineage, serverTime);
      for (const [id, { receipt, errors }] of receipts) {
        const row = await tables.outbox.byId(id);
        if (row?.digest !== receipt.digest) continue;
        const { outcome, number, received_at } = receipt;
        const state = row.state === "superseded" ? row.state : STATES[outcome];
        await tables.receipts.put({ id, digest: row.digest, outcome, number, received_at });
        await tables.outbox.put({ ...row, state, errors, owed: false, tries: 0, next_at: 0, settled_at: now() });
      }
      if (receipts.size) await tables.meta.put({ problem: null, tries: 0, next_at: 0 }, "sending");
    });
    if (receipts.size) {
      run.refusals = 0;
      run.moved = true;
      run.delivered = true;
    }
    const left = rows.filter((row) => !receipts.has(row.id));
    if (left.length) await holdBack(run, left);
    return receipts.size > 0;
  }

  /** A server set back to a backup says another lineage: everything it may have lost is owed again. */
  async function notice({ outbox, meta }, lineage, serverTime) {
    const phone = await meta.get("phone");
    if (lineage && phone && phone.lineage !== lineage) {
      for (const row of phone.lineage ? await outbox.all() : []) {
        if (row.state === "superseded") await outbox.put({ ...row, owed: true });
        else await outbox.put({ ...row, state: "waiting", tries: 0, next_at: 0 });
      }
      await meta.put({ ...phone, lineage }, "phone");
    }
    const error = now() - Date.parse(serverTime);
    if (Number.isFinite(error)) await meta.put({ error_ms: Math.round(error) }, "clock");
  }

  /** These rows wait; the others go on. Three refusals in a row are taken for trouble at the server. */
  async function holdBack(run, rows) {
    await alter(
      rows.map((row) => row.id),
      (row) => ({ ...row, tries: row.tries + 1, next_at: now() + pauseAfter(row.tries) }),
    );
    run.refusals += 1;
    if (run.refusals >= REFUSALS_IN_A_ROW) await pause(run, { kind: "unreachable" });
  }

  /** Nothing goes for now; nothing is deleted, nothing is given up. */
  async function pause(run, { kind, retryAfter = 0 }) {
    if (kind === "unreachable" && run.moved) {
      run.moved = false; // Something got through since the last cut: the line is there, so try again at once.
      return;
    }
    run.stopped = true;
    const tries = ((await store.recall("sending"))?.tries ?? 0) + 1;
    const not_before = retryAfter ? now() + Math.min(retryAfter * 1000, LONGEST_ASKED) : 0;
    await store.remember("sending", { problem: kind, tries, next_at: now() + pauseAfter(tries - 1), not_before });
  }

  const alter = (ids, change_) =>
    store.change(["outbox"], async ({ outbox }) => {
      for (const id of ids) {
        const row = await outbox.byId(id);
        if (row) await outbox.put(change_(row));
      }
    });

  /** Ask the server, believing nothing that is not clearly its own answer. */
  async function ask(path, { headers, body, ...how } = {}) {
    const phone = await store.recall("phone");
    const size = body?.byteLength ?? body?.length ?? 0;
    carried += size;
    const { signal, done } = limit(45_000 + size);
    try {
      const response = await fetch(path, {
        ...how,
        body,
        headers: { Accept: "application/json", Authorization: `Bearer ${phone?.pass ?? ""}`, ...headers },
        credentials: "omit",
        redirect: "manual",
        cache: "no-store",
        signal,
      });
      const { status } = response;
      if (status === 401) return { kind: "sign-in" };
      if (status === 429 || status === 503) return { kind: "busy", retryAfter: Number(response.headers.get("Retry-After")) || 0 };
      if (status >= 400) return { kind: "refused" };
      // A hotspot's page, a redirect or an empty answer is no answer.
      const json = status === 200 ? await response.json() : null;
      return json && typeof json === "object" ? { kind: "answer", json } : { kind: "unreachable" };
    } catch {
      return { kind: "unreachable" };
    } finally {
      done();
    }
  }

  /** Whether a time lies ahead; one too far ahead only shows that the clock was set back. */
  const soon = (at = 0, furthest) => at > now() && at - now() <= furthest;

  const pauseAfter = (tries) => Math.min(LONGEST, SHORTEST * 2 ** Math.min(tries, 10)) * (0.5 + random() / 2);

  return { send };
}

const sealedBytes = async (row) => (await store.read(["sealed"], ({ sealed }) => sealed.get(row.id))).sealed;

function timeLimit(milliseconds) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), milliseconds);
  return { signal: controller.signal, done: () => clearTimeout(timer) };
}

/** Finish a sign-out that could not reach the server. True when nothing is owed any more. */
export async function finishSignOut(fetch, limit = timeLimit) {
  if (!(await store.recall("signOutDue"))) return true;
  const { signal, done } = limit(4_000);
  try {
    const response = await fetch("/sign-out", { method: "POST", redirect: "manual", cache: "no-store", signal });
    if (response.type !== "opaqueredirect" && !response.ok) return false;
    await store.remember("signOutDue", false);
    return true;
  } catch {
    return false;
  } finally {
    done();
  }
}
