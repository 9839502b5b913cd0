// The switchboard: which event goes to which file, and nothing else.

import * as assets from "./assets.js";
import { makePack } from "./pack.js";
import { isPage, makePages } from "./pages.js";
import * as push from "./push.js";
import { makeReport } from "./report.js";
import { finishSignOut, makeSender } from "./sender.js";
import * as store from "./store.js";
import * as vault from "./vault.js";

const fetchNow = (...request) => fetch(...request);
const signOut = () => finishSignOut(fetchNow);
const { locks } = navigator;
const sender = makeSender({
  fetch: fetchNow,
  locks,
  tell: () => tell({ type: "outbox" }),
  delivered: () => pack.refresh({ pressed: true }),
  // Some browsers do not say over what they are connected; then the photos go.
  mayCarryPhotos: async () => navigator.connection?.type !== "cellular" || !(await store.recall("wifiOnly")),
});
const pack = makePack({ fetch: fetchNow, locks, keepAssets: assets.keep, keepLater: assets.keepLater, finishSignOut: signOut, tell });
const pages = makePages({
  fetch: fetchNow,
  publicPage: assets.publicPage,
  finishSignOut: signOut,
  refresh: () => void pack.refresh(),
});

const report = makeReport({ fetch: fetchNow, storage: navigator.storage, hide: () => tell({ type: "locked" }) });

vault.askElsewhere(askPages);

const on = (type, handle) => self.addEventListener(type, handle);

// A new version waits until the person says so; only the first one has nobody to ask.
on("install", (event) => self.registration.active || event.waitUntil(self.skipWaiting()));
on("activate", (event) => event.waitUntil(self.clients.claim()));

on("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  // Whoever opens whatever page: what waits here leaves, also when nobody is signed in.
  if (request.mode === "navigate") event.waitUntil(sender.send({ pressed: true }).catch(() => {}));
  if (request.method === "POST" && url.pathname === "/sign-in") event.respondWith(vault.tryToSignIn(() => fetch(request)));
  else if (assets.isAsset(request, url)) event.respondWith(assets.answer(request, url));
  else if (isPage(request, url)) event.respondWith(pages.answer(request, url));
  else if (url.pathname === "/sign-in") event.respondWith(fetch(request).catch(() => Response.redirect("/unlock", 303)));
});

on("message", (event) => {
  const { data, ports } = event;
  const handle = MESSAGES[data?.type];
  if (handle) event.waitUntil(Promise.resolve(handle(data)).then((answer) => ports[0]?.postMessage(answer ?? null)));
});

on("sync", (event) => event.tag === "outbox" && event.waitUntil(deliverOrRetry()));
on("push", (event) => event.waitUntil(Promise.all([push.show(event), tell({ type: "alert" }), sender.send().catch(() => {})])));
on("notificationclick", (event) => event.waitUntil(push.open(event.notification)));

const MESSAGES = {
  key: ({ key }) => vault.hold(key),
  "key?": () => vault.current(),
  rest: () => vault.rest(),
  drop: async () => {
    vault.hold(null);
    await tell({ type: "drop" });
  },
  seen: ({ at }) => vault.touch(at),
  lock: async ({ signingOut }) => {
    await vault.lock({ signingOut });
    await tell({ type: "locked" });
  },
  forget: async ({ person }) => {
    await vault.forget(person);
    await tell({ type: "locked" });
  },
  clear: async () => {
    await vault.clear();
    await tell({ type: "locked" });
  },
  alive: () => true,
  claim: () => self.clients.claim(),
  "sign-out": () => signOut(),
  recognise: ({ person }) => vault.recognise(person),
  assets: ({ urls, unlock, care }) => assets.keep(urls, { unlock, care }),
  send: async ({ pressed }) => {
    const left = await sender.send({ pressed });
    await report().catch(() => {});
    return left;
  },
  pack: ({ pressed }) => pack.refresh({ pressed }),
  "take-over": () => self.skipWaiting(),
};

async function deliverOrRetry() {
  if (await sender.send({ pressed: true })) throw new Error("some work still waits");
}

async function tell(message) {
  for (const page of await self.clients.matchAll({ type: "window" })) page.postMessage(message);
}

/** A restarted worker has no key: one of the open pages may hand it back. */
async function askPages() {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: false });
  const answers = windows.map(
    (page) =>
      new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => resolve(data);
        setTimeout(resolve, 1_000, null);
        page.postMessage({ type: "key?" }, [port2]);
      }),
  );
  return answers.length ? firstFound(answers) : null;
}

const firstFound = (answers) =>
  new Promise((resolve) => {
    for (const answer of answers) answer.then((found) => found?.key && resolve(found));
    // No page has a key; one may still have what a PIN opens.
    Promise.all(answers).then((all) => resolve(all.find(Boolean) ?? null));
  });
