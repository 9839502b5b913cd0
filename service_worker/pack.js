// The pack: the pages of the caseload, brought to the phone and kept fresh.

import * as store from "./store.js";
import * as vault from "./vault.js";

const BATCH = 20;
const SILENCE = 30_000;
const OFTEN_ENOUGH = 20_000;

/** A pack over this phone's kept pages. `tell` speaks to the open pages, `locks` keeps it to one at a time. */
export function makePack({ fetch, locks, keepAssets, keepLater, finishSignOut, now = Date.now, tell = () => {} }) {
  let lastAsked = 0;

  /** Bring what has changed. Safe to call at any time: it does nothing while locked, busy or just done. */
  async function refresh({ pressed = false } = {}) {
    if (!pressed && Math.abs(now() - lastAsked) < OFTEN_ENOUGH) return;
    await locks.request("pack", { ifAvailable: true }, async (lock) => {
      const opened = lock && (await vault.current());
      // While the last session still stands at the server, what it would give may be somebody else's.
      if (!opened || !(await finishSignOut())) return;
      lastAsked = now();
      await bring(opened);
    });
  }

  async function bring(opened) {
    const { cursor = 0, build = "", later = false } = (await keptRecord(opened, "pack")) ?? {};
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE);
    const stillThere = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE);
    };
    try {
      const address = `/pack?cursor=${cursor}&build=${encodeURIComponent(build)}&person=${encodeURIComponent(opened.person)}${later ? "&later" : ""}`;
      const response = await fetch(address, {
        headers: { Accept: "application/x-ndjson" },
        redirect: "manual",
        cache: "no-store",
        signal: silence.signal,
      });
      if (response.status === 401) tell({ type: "signed-out" });
      if (response.status !== 200 || !response.headers.get("Content-Type")?.includes("ndjson")) return;
      await keepLines(opened, linesOf(response.body, stillThere), later);
      // A new version or language: what came later before is of the old one, and is not waited for again.
      if (cursor && !later && (await keptRecord(opened, "pack"))?.later) await bring(opened);
    } catch (error) {
      // A cut is no trouble: what came is kept, and the cursor has not moved.
      if (error?.name === "QuotaExceededError") tell({ type: "full" });
    } finally {
      clearTimeout(timer);
    }
  }

  async function keepLines(opened, lines, wasLater) {
    let reset = null;
    let batch = [];
    let lists = false;
    const put = async () => {
      const ready = batch;
      batch = [];
      if (!ready.length) return;
      await store.changeKept(opened.person, async ({ kept }) => {
        for (const { url, sealed } of ready) await (sealed ? kept.put({ url, sealed }) : kept.delete(url));
      });
      for (const { url } of ready) if (url.startsWith("/")) tell({ type: "kept", url });
    };
    try {
      for await (const line of lines) {
        if (line.reset) reset = new Set(["pack"]);
        else if (line.end) {
          await put();
          if (line.person !== opened.person) return await startOver(opened);
          return await conclude(opened, line, { reset, lists, wasLater });
        } else {
          // A frame whose styles and scripts are not here yet would be an empty one tomorrow, without a network.
          if (line.shell && !(await keepAssets(assetsOf(line.shell), { care: line.shell.match(/data-care="([^"]*)"/)?.[1] }))) return null;
          if (line.gone) {
            batch.push({ url: line.gone }, { url: `about ${line.gone}` });
          } else {
            const url = nameOf(line);
            reset?.add(url);
            batch.push({ url, sealed: await vault.sealJson(opened, url, line) });
          }
          lists ||= Boolean(line.about ?? line.gone);
          if (batch.length >= BATCH) await put();
        }
      }
    } finally {
      await put(); // Cut before the end: what came is kept, only the cursor has not moved.
    }
    return null;
  }

  async function conclude(opened, { cursor, build, as_of, later, patterns, assets }, { reset, lists, wasLater }) {
    // What comes later is asked for until it is here; the forms of before stay as long.
    const stillLater = patterns ? !(await keepLater(assets)) : Boolean(later ?? wasLater);
    const sealed = await vault.sealJson(opened, "pack", { cursor, build, as_of, later: stillLater });
    const isForm = (url) => url.startsWith("pattern ");
    const isOver = (url) => {
      if (patterns) return isForm(url) && !patterns.includes(url.slice(8));
      return !reset.has(url) && !url.startsWith("draft ") && !(later && isForm(url));
    };
    await store.changeKept(opened.person, async ({ kept }) => {
      for (const url of (reset ?? patterns) ? await kept.keys() : []) if (isOver(url)) await kept.delete(url);
      await kept.put({ url: "pack", sealed });
    });
    tell({ type: "pack", lists });
  }

  /** These pages were another person's: nothing of them may stay under this vault. */
  async function startOver(opened) {
    await store.changeKept(opened.person, async ({ kept }) => {
      for (const url of await kept.keys()) if (!url.startsWith("draft ")) await kept.delete(url);
    });
    tell({ type: "signed-out" });
  }

  return { refresh };
}

function nameOf(line) {
  if (line.shell) return "shell";
  if (line.about) return `about ${line.about}`;
  return line.keep ?? `pattern ${line.pattern}`;
}

const assetsOf = (shell) => shell.match(/name="suivi-assets" content="([^"]*)"/)?.[1].split(/\s+/).filter(Boolean) ?? [];

/** One kept line, opened; null when it is not on this phone. */
export async function keptRecord(opened, url) {
  const row = await store.readKept(opened.person, ({ kept }) => kept.get(url));
  return row ? vault.openJson(opened, url, row.sealed) : null;
}

/** The addresses of kept forms, such as /cases/{case}/visits/new. */
export async function keptPatterns(opened) {
  const urls = await store.readKept(opened.person, ({ kept }) => kept.keys());
  return urls.filter((url) => url.startsWith("pattern ")).map((url) => url.slice("pattern ".length));
}

/** The slots of every case on this phone: what fills the lists and the forms. */
export async function keptSlots(opened) {
  const rows = await store.readKept(opened.person, ({ kept }) => kept.all("about "));
  return Promise.all(rows.map(async ({ url, sealed }) => (await vault.openJson(opened, url, sealed)).slots));
}

async function* linesOf(body, stillThere) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    stillThere();
    if (done) return;
    rest += decoder.decode(value, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.trim()) yield JSON.parse(line);
  }
}
