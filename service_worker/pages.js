// Pages: every navigation is answered here, from the phone first and from the network when it is not kept.

import { HEADERS } from "./headers.js";
import { keptPatterns, keptRecord, keptSlots } from "./pack.js";
import * as store from "./store.js";
import * as vault from "./vault.js";

const PATIENCE = 4_000;
// These are never kept and never locked.
const ALWAYS_FROM_SERVER = /^\/(sign-in|sign-out|my|health|static|language|manifest\.webmanifest|sw\.js)(\/|$)/;

export const isPage = (request, url) =>
  request.method === "GET" &&
  (request.mode === "navigate" || request.headers.get("X-Kept") === "1") &&
  !ALWAYS_FROM_SERVER.test(url.pathname);

const HOMES = ["/today", "/procedure"];
// Public pages that a phone keeps: they know nobody, so a lock does not hide them.
const PUBLIC = ["/unlock", "/phone-check"];

/** Answers for navigations. `publicPage` gives a kept page that knows nobody: without a path the one that asks for the passphrase. */
export function makePages({ fetch, publicPage, finishSignOut, refresh, patience = PATIENCE }) {
  async function answer(request, url) {
    if (PUBLIC.includes(url.pathname)) return (await publicPage(url.pathname)) ?? fetch(request);
    const now = await store.recall("current");
    if (!now) return fetch(request);
    if (now.doubt) {
      const live = await soonEnough(request);
      return live && !(await isBehindLock(live.clone())) ? live : locked(request);
    }
    const opened = await vault.current();
    if (!opened) return (await hasVault(now.person)) ? locked(request) : fetch(request);
    vault.touch();
    return fromPhoneOrNetwork(opened, request, url);
  }

  async function fromPhoneOrNetwork(opened, request, url) {
    // Where the app starts the server would ask whose session has ended to sign in, before the kept cases.
    for (const home of url.pathname === "/" ? HOMES : []) {
      if (await keptRecord(opened, home)) return Response.redirect(new URL(home, url).href, 303);
    }
    // A question to the server (a search, a filter) is asked there first; the kept page can only filter its own rows.
    const isRefreshing = request.headers.has("X-Kept");
    const asks = url.search !== "" && !isRefreshing;
    const fresh = asks ? await soonEnough(request) : null;
    if (fresh) return fresh;
    const kept = await keptPage(opened, url.pathname);
    if (kept) {
      refresh();
      return new Response(kept, { headers: HEADERS });
    }
    if (isRefreshing) return new Response(null, { status: 404 });
    const answered = asks ? null : await soonEnough(request);
    return answered ?? notOnThisPhone(opened);
  }

  /** The server's answer, if it comes in time, and only once a session that was to end has ended there. */
  async function soonEnough(request) {
    if (!(await finishSignOut())) return null;
    let timer;
    const late = new Promise((resolve) => void (timer = setTimeout(resolve, patience, null)));
    try {
      return await Promise.race([fetch(request), late]);
    } catch {
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  async function locked(request) {
    return (await publicPage()) ?? fetch(request);
  }

  async function notOnThisPhone(opened) {
    const shell = await keptRecord(opened, "shell");
    const main = shell?.shell.match(/<template id="not-on-this-phone">([^]*?)<\/template>/)?.[1];
    if (!main) return Response.error();
    return new Response(join(shell, main, shell.title), { status: 503, headers: HEADERS });
  }

  return { answer };
}

/** Whether a page of the server's is of somebody whose vault is here: then its words are asked for before it is shown. */
async function isBehindLock(page) {
  const [, person] = (await page.text()).match(/name="suivi-phone"[^>]*data-person="([^"]+)"/) ?? [];
  return Boolean(person) && (await hasVault(person)) && (await vault.recognise(person)) === "locked";
}

const hasVault = async (person) => Boolean(await store.read(["vaults"], ({ vaults }) => vaults.get(person)));

/** The whole kept page for an address, or null. */
export async function keptPage(opened, path) {
  const [shell, pack] = [await keptRecord(opened, "shell"), await keptRecord(opened, "pack")];
  if (!shell) return null;
  const kept = await keptRecord(opened, path);
  if (kept) return join(shell, await withRows(opened, kept), kept.title, pack?.as_of);
  for (const pattern of await keptPatterns(opened)) {
    const found = path.match(new RegExp(`^${pattern.replace("{case}", "([0-9a-f-]+)")}$`));
    const slots = found && (await slotsOf(opened, `/cases/${found[1]}`));
    if (slots) {
      const form = await keptRecord(opened, `pattern ${pattern}`);
      return join(shell, fill(form.main, slots), form.title, pack?.as_of);
    }
  }
  return null;
}

const slotsOf = async (opened, path) => ((await keptRecord(opened, `about ${path}`)) ?? (await keptRecord(opened, path)))?.slots;

/** A list is kept without its rows; each case brings its own, so that one changed case never changes the list. */
async function withRows(opened, { main, rows, order }) {
  if (!rows) return main;
  const cases = (await keptSlots(opened)).filter((slots) => slots[rows]);
  cases.sort((a, b) => (a[order] < b[order] ? -1 : Number(a[order] > b[order])));
  return fill(main, { rows: cases.map((slots) => slots[rows]).join("") });
}

const fill = (main, slots) => main.replace(/%%(\w+)%%/g, (_whole, name) => slots[name] ?? "");

function join({ shell }, main, title, asOf) {
  const dated = asOf ? main.replaceAll("<time data-as-of", `<time datetime="${escaped(asOf)}" data-as-of`) : main;
  // Functions, because $ in a page must stay what it is.
  return shell.replace(/<title>[^]*?<\/title>/, () => `<title>${escaped(title ?? "")}</title>`).replace("<!--main-->", () => dated);
}

const escaped = (words) => words.replace(/[<"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
