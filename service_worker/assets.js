// Assets: the public files every page needs, kept under names that carry their content.

import { HEADERS } from "./headers.js";
import * as store from "./store.js";

const CACHE = "public";
const UNLOCK = "/unlock";
const CHECK = "/phone-check";

export const isAsset = (request, url) => request.method === "GET" && url.pathname.startsWith("/static/");

/** A file of the app: kept copy first, else the network, and kept from then on when its name carries its content. */
export async function answer(request, url) {
  const kept = await caches.match(request.url);
  if (kept) return kept;
  const response = await fetch(request);
  if (url.pathname.startsWith("/static/dist/") && isWhole(response)) {
    const copy = response.clone();
    const cache = await caches.open(CACHE);
    await cache.put(request.url, copy);
  }
  return response;
}

/**
 * Keep these files, and let go of what neither this list nor the one before it names. False when some could not be had.
 * `unlock` is the page that asks for the passphrase, where it has come already; `care` the script of what is seldom
 * needed, which is kept with its page once this phone has used it.
 */
export async function keep(addresses, { unlock, care } = {}) {
  const cache = await caches.open(CACHE);
  const { origin } = self.location;
  const wanted = addresses.map((address) => new URL(address, origin)).filter((url) => url.origin === origin);
  const unlockUrl = wanted.find(({ pathname }) => pathname === UNLOCK);
  if (care && (await store.recall("care"))) wanted.push(new URL(care, origin), new URL(CHECK + (unlockUrl?.search ?? ""), origin));
  if (unlock && unlockUrl) await cache.put(unlockUrl.href, new Response(unlock, { headers: HEADERS }));
  const got = await Promise.all(wanted.map((url) => keepOne(cache, url)));
  if (got.includes(false)) return false;
  const now = wanted.map((url) => url.href);
  const lists = (await store.recall("assets")) ?? [];
  if (lists[0]?.join() !== now.join()) await store.remember("assets", [now, lists[0] ?? []]);
  const named = new Set([...now, ...((await store.recall("assets"))[1] ?? []), ...((await store.recall("later")) ?? [])]);
  for (const { url } of await cache.keys()) if (!named.has(url)) await cache.delete(url);
  return true;
}

/** Keep files that a phone can begin a day without. False when some could not be had. */
export async function keepLater(addresses) {
  const cache = await caches.open(CACHE);
  const urls = addresses.map((address) => new URL(address, self.location.origin));
  await store.remember("later", urls.map(({ href }) => href));
  return !(await Promise.all(urls.map((url) => keepOne(cache, url)))).includes(false);
}

async function keepOne(cache, url) {
  if (await cache.match(url.href)) return true;
  try {
    // The page has just fetched most of them: what its name says is in it need not be asked for again.
    const named = url.pathname.startsWith("/static/dist/");
    const response = await fetch(url.href, {
      credentials: [UNLOCK, CHECK].includes(url.pathname) ? "same-origin" : "omit",
      cache: named ? "force-cache" : "default",
    });
    if (isWhole(response)) await cache.put(url.href, response);
    return isWhole(response);
  } catch {
    return false;
  }
}

/** A page that knows nobody, as that which asks for the passphrase: the newest that was kept. */
export async function publicPage(path = UNLOCK) {
  const cache = await caches.open(CACHE);
  const pages = await cache.keys(path, { ignoreSearch: true });
  return pages.length ? cache.match(pages.at(-1)) : null;
}

const isWhole = (response) => response.status === 200 && response.type === "basic" && !response.redirected;
