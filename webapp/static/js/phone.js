// The line between this page and the service worker.

import * as vault from "../../../service_worker/vault.js";

const handlers = new Map();

export const canKeep = () =>
  Boolean(navigator.serviceWorker && navigator.locks && globalThis.crypto?.subtle && crypto.randomUUID);

/** Do this when the worker says that. */
export const whenTold = (type, handle) => handlers.set(type, [...(handlers.get(type) ?? []), handle]);

/** Tell the worker something and wait for its answer; null when it has none in time. */
export async function ask(message, patience = 5_000) {
  const worker = navigator.serviceWorker.controller ?? (await navigator.serviceWorker.ready).active;
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({ data }) => resolve(data);
    setTimeout(resolve, patience, null);
    worker.postMessage(message, [port2]);
  });
}

/** Tell the worker something. */
export const tell = (message) => navigator.serviceWorker.controller?.postMessage(message);

/** Listen, and hold the key together with the worker: whoever is ended first gets it back from the other. */
export function listen() {
  vault.askElsewhere(() => ask({ type: "key?" }, 1_000));
  navigator.serviceWorker.addEventListener("message", ({ data, ports }) => {
    if (data.type === "key?") ports[0].postMessage(vault.inHand());
    for (const handle of handlers.get(data.type) ?? []) handle(data);
  });
  navigator.serviceWorker.startMessages();
}

/** Register the worker and wait until it answers for this page. */
export async function register() {
  const registration = await navigator.serviceWorker.register("/sw.js", { updateViaCache: "none" });
  if (!navigator.serviceWorker.controller) {
    // A worker from before does not look after a page that was reloaded past it, unless it is asked to.
    registration.active?.postMessage({ type: "claim" });
    await new Promise((resolve) => void navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
  }
  return registration;
}
