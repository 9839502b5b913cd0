// The pack and the pages made of it: what is kept, what is forgotten, what is answered.

import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";
import { keptRecord, makePack } from "../../service_worker/pack.js";
import { HEADERS } from "../../service_worker/headers.js";
import { isPage, makePages } from "../../service_worker/pages.js";
import * as store from "../../service_worker/store.js";
import * as vault from "../../service_worker/vault.js";
import { PASSPHRASE, PERSON, anEnrolledPhone, makeLocks } from "./phone.js";

const CASE = "3f0e8a52-0000-4000-8000-000000000001";
const SHELL =
  '<!doctype html><html lang="fr"><head><title>Suivi</title><meta name="suivi-assets" content="/unlock?fr-1 /static/dist/app-1.js"></head>' +
  '<body><!--main--><template id="not-on-this-phone"><main>Pas sur ce téléphone</main></template></body></html>';
const LINES = [
  { reset: true },
  { shell: SHELL, title: "Suivi" },
  { keep: "/today", main: "<main>Aujourd’hui <time data-as-of></time></main>", title: "Aujourd’hui" },
  { keep: "/cases", main: '<main><p data-find="aminata">Aminata</p></main>', title: "Cas" },
  { keep: `/cases/${CASE}`, main: "<main>Aminata $& $1</main>", title: "GN-7K3M", slots: { case_id: CASE, code: "GN-7K3M", name: "<b>Aminata</b>" } },
  { pattern: "/cases/{case}/visits/new", main: '<main><form data-case="%%case_id%%">%%code%% %%name%% %%absent%%</form></main>', title: "Visite" },
  { cursor: 7, build: "b1", person: PERSON, as_of: "2026-11-23T14:02:00Z", end: true },
];

let told;
let asked;
let opened;
let signedOut = true;

before(anEnrolledPhone);
beforeEach(async () => {
  opened = await vault.unlock(PASSPHRASE);
  await store.changeKept(PERSON, async ({ kept }) => {
    for (const url of await kept.keys()) await kept.delete(url);
  });
  told = [];
  asked = [];
});

/** The stream as it arrives, in pieces that care for neither lines nor letters; cut after so many bytes. */
function stream(lines, { cutAfter = Infinity } = {}) {
  const bytes = new TextEncoder().encode(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= cutAfter) controller.error(new TypeError("cut"));
      else if (at >= bytes.length) controller.close();
      else controller.enqueue(bytes.slice(at, (at += 7)));
    },
  });
}

const ndjson = (lines, how) => new Response(stream(lines, how), { headers: { "Content-Type": "application/x-ndjson" } });

function aPack(answer, keepAssets = async () => true, keepLater = async () => true) {
  const fetch = async (path) => {
    asked.push(path);
    return answer();
  };
  return makePack({ fetch, locks: makeLocks()(), keepAssets, keepLater, finishSignOut: async () => signedOut, tell: (message) => told.push(message) });
}

const bring = (lines, how) => aPack(() => ndjson(lines, how)).refresh({ pressed: true });
const urls = () => store.readKept(PERSON, ({ kept }) => kept.keys());

function pages({ fetch = async () => Promise.reject(new TypeError("offline")), finishSignOut = async () => true } = {}) {
  const publicPage = async () => new Response("unlock");
  const made = makePages({ fetch, publicPage, finishSignOut, refresh() {}, patience: 30 });
  return async (path, headers = {}) => {
    const url = new URL(path, "https://suivi.example");
    const response = await made.answer({ method: "GET", mode: "navigate", url: url.href, headers: new Headers(headers) }, url);
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
}

test("the caseload comes to the phone, encrypted, and the cursor with its end", async () => {
  await bring(LINES);
  assert.deepEqual((await urls()).sort(), ["/cases", `/cases/${CASE}`, "/today", "pack", "pattern /cases/{case}/visits/new", "shell"]);
  const rows = await store.readKept(PERSON, ({ kept }) => kept.all());
  const bytes = rows.map(({ sealed }) => Buffer.from(sealed).toString("latin1")).join("");
  assert.ok(!bytes.includes("Aminata"));
  assert.deepEqual(await keptRecord(opened, "pack"), { cursor: 7, build: "b1", as_of: "2026-11-23T14:02:00Z", later: false });
  assert.ok(told.some(({ type, url }) => type === "kept" && url === "/today"));
  await bring([{ gone: `/cases/${CASE}` }, { ...LINES.at(-1), cursor: 8 }]);
  assert.equal(asked[1], `/pack?cursor=7&build=b1&person=${PERSON}`);
  assert.equal(await keptRecord(opened, `/cases/${CASE}`), null);
});

test("a cut keeps what came, but not the cursor, and forgets nothing", async () => {
  await bring(LINES);
  const many = Array.from({ length: 50 }, (_, n) => ({ keep: `/cases/n${n}`, main: "<main>x</main>", title: "x" }));
  await bring([{ reset: true }, ...many, LINES.at(-1)], { cutAfter: 2000 });
  const kept = await urls();
  assert.ok(kept.includes("/cases/n0") && kept.includes("/today") && !kept.includes("/cases/n49"));
  assert.equal((await keptRecord(opened, "pack")).cursor, 7);
});

test("after the end of a reset nothing is left that was not in it, except drafts", async () => {
  await bring(LINES);
  await store.changeKept(PERSON, ({ kept }) => kept.put({ url: "draft /x", sealed: new ArrayBuffer(1) }));
  await bring([LINES[0], LINES[1], LINES[2], LINES.at(-1)]);
  assert.deepEqual((await urls()).sort(), ["/today", "draft /x", "pack", "shell"]);
});

test("what can wait is asked for until it is here, and the forms of before stay as long", async () => {
  const FORMS = ["/cases/{case}/visits/new", "/cases/{case}/check-ins/new/k6"];
  const whole = [...LINES.slice(0, -1), { ...LINES.at(-1), later: true }];
  const later = { pattern: FORMS[1], main: "<main>K6</main>", title: "K6" };
  const end = { ...LINES.at(-1), patterns: FORMS, assets: ["/static/dist/questions.js"] };
  await bring(LINES);
  await store.changeKept(PERSON, ({ kept }) => kept.put({ url: "pattern /cases/{case}/old", sealed: new ArrayBuffer(1) }));
  await bring(whole);
  assert.ok((await urls()).includes("pattern /cases/{case}/old"));
  // A phone that has worked before is of another version or language now: it asks for the rest at once.
  assert.ok(asked.at(-1).endsWith("&later"));
  await bring([later, end], { cutAfter: 40 });
  await aPack(() => ndjson([later, end]), undefined, async () => false).refresh({ pressed: true });
  await bring([later, end]);
  await bring([{ ...LINES.at(-1), cursor: 9 }]);
  assert.deepEqual(asked.map((path) => path.endsWith("&later")), [false, false, true, true, true, true, false]);
  assert.deepEqual((await urls()).filter((url) => url.startsWith("pattern ")).sort(), FORMS.map((url) => `pattern ${url}`).sort());
});

test("another person's pages never stay under this vault", async () => {
  await bring([...LINES.slice(0, -1), { ...LINES.at(-1), person: "awa" }]);
  assert.deepEqual(await urls(), []);
  assert.ok(told.some(({ type }) => type === "signed-out"));
});

test("401 is told to the pages; a hotspot's page and a locked phone bring nothing", async () => {
  await aPack(() => new Response("", { status: 401 })).refresh({ pressed: true });
  assert.deepEqual(told, [{ type: "signed-out" }]);
  await aPack(() => new Response("<html>", { headers: { "Content-Type": "text/html" } })).refresh({ pressed: true });
  await vault.lock();
  asked = [];
  await bring(LINES);
  assert.deepEqual([asked, await urls()], [[], []]);
});

test("nothing is fetched under a session that should have ended", async () => {
  signedOut = false;
  await bring(LINES);
  signedOut = true;
  assert.deepEqual([asked, await urls()], [[], []]);
});

test("a new frame is kept only with its styles and scripts", async () => {
  const named = [];
  const missing = async (names) => {
    named.push(...names);
    return false;
  };
  await aPack(() => ndjson(LINES), missing).refresh({ pressed: true });
  assert.deepEqual(named, ["/unlock?fr-1", "/static/dist/app-1.js"]);
  assert.deepEqual(await urls(), []);
});

test("a kept page is whole, dated, and under the strict policy", async () => {
  await bring(LINES);
  const { text, headers, status } = await pages()("/today");
  assert.equal(status, 200);
  assert.match(text, /^<!doctype html>.*<title>Aujourd’hui<\/title>.*<main>Aujourd’hui <time datetime="2026-11-23T14:02:00Z" data-as-of>/s);
  for (const [name, value] of Object.entries(HEADERS)) assert.equal(headers.get(name), value);
  assert.match((await pages()(`/cases/${CASE}`)).text, /Aminata \$& \$1/);
});

test("the app starts with the kept cases, also when the session has ended", async () => {
  await bring(LINES);
  const start = await pages()("/");
  assert.deepEqual([start.status, start.headers.get("Location")], [303, "https://suivi.example/today"]);
});

test("one form serves every case; a case that is not carried has none", async () => {
  await bring(LINES);
  const { text } = await pages()(`/cases/${CASE}/visits/new`);
  assert.match(text, new RegExp(`<form data-case="${CASE}">GN-7K3M <b>Aminata</b> </form>`));
  const other = await pages()("/cases/3f0e8a52-0000-4000-8000-000000000009/visits/new");
  assert.deepEqual([other.status, other.text.includes("Pas sur ce téléphone")], [503, true]);
});

test("a list is put together from what each case brings, in the order that is asked for", async () => {
  const about = (id, slots) => ({ about: `/cases/${id}`, slots });
  await bring([
    ...LINES.slice(0, 2),
    { keep: "/cases", main: "<main><ul>%%rows%%</ul></main>", title: "Cas", rows: "row", order: "name" },
    about("b", { row: "<li>$1 Binta</li>", name: "binta" }),
    about("c", { row: "", name: "closed" }),
    about("a", { row: "<li>Aminata</li>", name: "aminata" }),
    LINES.at(-2),
    LINES.at(-1),
  ]);
  assert.match((await pages()("/cases")).text, /<ul><li>Aminata<\/li><li>\$1 Binta<\/li><\/ul>/);
  assert.equal((await pages()("/cases/a/visits/new")).status, 200);
  await bring([{ gone: "/cases/a" }, about("b", { row: "<li>Binta B.</li>", name: "binta" }), LINES.at(-1)]);
  assert.match((await pages()("/cases")).text, /<ul><li>Binta B.<\/li><\/ul>/);
  assert.deepEqual(told.at(-1), { type: "pack", lists: true });
  assert.equal((await pages()("/cases/a/visits/new")).status, 503);
});

test("a search is asked of the server first, and of the kept list without a network", async () => {
  await bring(LINES);
  assert.match((await pages()("/cases?q=aminata")).text, /data-find/);
  assert.equal((await pages({ fetch: async () => new Response("fresh") })("/cases?q=aminata")).text, "fresh");
  const slow = () => new Promise((resolve) => void setTimeout(resolve, 500, new Response("late")));
  assert.match((await pages({ fetch: slow })("/cases?q=aminata")).text, /data-find/);
});

test("a locked phone answers every page with the unlock page", async () => {
  await bring(LINES);
  await vault.lock();
  for (const path of ["/today", "/cases", "/alerts", "/"]) assert.equal((await pages()(path)).text, "unlock");
});

test("after a sign-out, and while somebody signs in, nothing kept is shown", async () => {
  await bring(LINES);
  await vault.tryToSignIn(async () => "answered");
  assert.equal((await pages({ fetch: async () => new Response("sign in") })("/today")).text, "sign in");
  assert.equal((await pages()("/today")).text, "unlock");
  await vault.lock({ signingOut: true });
  const stillOwed = { fetch: async () => new Response("her page"), finishSignOut: async () => false };
  assert.equal((await pages(stillOwed)("/today")).text, "unlock");
  await vault.unlock(PASSPHRASE);
  assert.equal((await pages(stillOwed)("/alerts")).status, 503, "an open vault is no reason to show another session");
});

test("whoever signed in with a vault here is asked for its words before any page of theirs is shown", async () => {
  await bring(LINES);
  await vault.lock();
  await vault.tryToSignIn(async () => "answered");
  const hers = (person) => ({ fetch: async () => new Response(`<meta name="suivi-phone" content="enrol" data-person="${person}"><main>Aminata`) });
  assert.match((await pages(hers("somebody-new"))("/today")).text, /Aminata/);
  assert.equal((await pages(hers(PERSON))("/today")).text, "unlock");
  await vault.unlock(PASSPHRASE);
  assert.match((await pages(hers(PERSON))("/today")).text, /Aujourd/, "the words settle it");
});

test("without a vault the phone stands aside", async () => {
  await vault.recognise("nobody yet");
  assert.equal((await pages({ fetch: async () => new Response("live") })("/today")).text, "live");
});

test("a refresh of the open page is answered from the phone only", async () => {
  await bring(LINES);
  assert.match((await pages()("/today", { "X-Kept": "1" })).text, /Aujourd/);
  assert.equal((await pages()("/alerts", { "X-Kept": "1" })).status, 404);
});

test("posts, sign-in, the returnee's page and other files are never touched", () => {
  const request = (method, mode = "navigate") => ({ method, mode, headers: new Headers() });
  const is = (method, path, mode) => isPage(request(method, mode), new URL(path, "https://suivi.example"));
  assert.ok(is("GET", "/today") && is("GET", "/my-office"));
  for (const path of ["/sign-in", "/sign-out", "/my", "/my/status", "/health", "/static/x.css"]) assert.ok(!is("GET", path), path);
  assert.ok(!is("POST", "/cases/1/visits") && !is("GET", "/cases?after=3", "cors"));
});
