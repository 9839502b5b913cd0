// What this phone says of itself, so that its people and their manager see how it is; and whose pages must leave it.

import { isUnsent } from "./outbox.js";
import * as store from "./store.js";
import * as vault from "./vault.js";

const OFTEN_ENOUGH = 50_000;

/** Reports at most once in fifty seconds. `storage` is the browser's; `hide` sends the open pages behind the lock. */
export function makeReport({ fetch, storage, hide, now = Date.now }) {
  return async function report() {
    const [phone, last] = [await store.recall("phone"), await store.recall("reported")];
    if (!phone?.pass || Math.abs(now() - last) < OFTEN_ENOUGH) return;
    await store.remember("reported", now());
    // On its first day a phone has other things to carry.
    if (!last) return;
    const response = await fetch("/phones/state", {
      method: "POST",
      headers: { Authorization: `Bearer ${phone.pass}` },
      body: JSON.stringify(await state()),
      credentials: "omit",
      redirect: "manual",
    });
    // A hotspot's page is no order to forget anything.
    const { forget } = response.status === 200 ? await response.json() : {};
    if (forget === "*") await vault.clear();
    else for (const person of forget ?? []) await vault.forget(person);
    if (forget?.length) await hide();
  };

  async function state() {
    const unsent = (await store.read(["outbox"], ({ outbox }) => outbox.all())).filter(isUnsent);
    const oldest = Math.min(...unsent.map(({ made_at }) => made_at));
    const { usage, quota } = (await storage?.estimate?.()) ?? {};
    return {
      unsent: unsent.length,
      oldest_unsent_at: unsent.length ? new Date(oldest).toISOString() : null,
      persistent: await storage?.persisted?.(),
      used: usage,
      quota,
      clock_error_ms: (await store.recall("clock"))?.error_ms,
    };
  }
}
