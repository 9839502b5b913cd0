// Drafts: what is being typed, kept encrypted, because Android ends the page while the camera is open.

import * as store from "../../../service_worker/store.js";
import * as vault from "../../../service_worker/vault.js";

const nameOf = () => `draft ${location.pathname}${location.hash}`;

/** Keep the form as it stands now: what was `said` in it at once, however full the phone is; photos once, by their id. */
export async function keepDraft(said, photos) {
  const opened = await vault.current();
  if (!opened) return;
  const name = nameOf();
  const known = new Set(await store.readKept(opened.person, ({ kept }) => kept.keys()));
  const about = photos.map(({ id, caption, subject, consent }) => ({ id, caption, subject, consent }));
  const put = async (url, sealed) => store.changeKept(opened.person, ({ kept }) => kept.put({ url, sealed }));
  await put(name, await vault.sealJson(opened, name, { ...said, photos: about }));
  for (const { id, bytes } of photos) {
    const url = `${name} ${id}`;
    if (!known.has(url)) await put(url, await vault.sealBytes(opened, url, bytes));
  }
}

/** The draft of this page's form, or null. */
export async function draft() {
  const opened = await vault.current();
  if (!opened) return null;
  const name = nameOf();
  const rows = await store.readKept(opened.person, async ({ kept }) => {
    const urls = (await kept.keys()).filter((url) => url === name || url.startsWith(`${name} `));
    return Promise.all(urls.map((url) => kept.get(url)));
  });
  const text = rows.find(({ url }) => url === name);
  if (!text) return null;
  const found = await vault.openJson(opened, name, text.sealed);
  const photos = [];
  for (const about of found.photos) {
    const url = `${name} ${about.id}`;
    const row = rows.find((kept) => kept.url === url);
    if (row) photos.push({ ...about, bytes: await vault.openBytes(opened, url, row.sealed) });
  }
  return { ...found, photos };
}

export async function dropDraft() {
  const opened = await vault.current();
  if (!opened) return;
  const name = nameOf();
  await store.changeKept(opened.person, async ({ kept }) => {
    for (const url of await kept.keys()) if (url === name || url.startsWith(`${name} `)) await kept.delete(url);
  });
}
