// Alerts on this phone: switching them on, and trying whether they come.

import { put, word } from "./words.js";

const PATIENCE = 20_000;

export async function subscribe(section) {
  const say = (name) => put(section, "[data-push-state]", word(name));
  if (!("PushManager" in globalThis)) return say("push-unsupported");
  say("push-working");
  if ((await Notification.requestPermission()) !== "granted") return say("push-denied");
  try {
    const { pushManager } = await navigator.serviceWorker.ready;
    // Without a network this can wait for ever, and never says so.
    const subscription = await Promise.race([
      pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: section.dataset.vapid }),
      new Promise((resolve) => void setTimeout(resolve, PATIENCE, null)),
    ]);
    if (!subscription) return say("push-slow");
    const sentence = await post(section.dataset.subscribeUrl, subscription);
    return sentence === "" ? say("push-on") : put(section, "[data-push-state]", sentence);
  } catch {
    return say("push-failed");
  }
}

export async function tryIt(section) {
  put(section, "[data-push-state]", word("push-working"));
  try {
    const registration = await navigator.serviceWorker.ready;
    const subscription = await registration.pushManager?.getSubscription();
    put(section, "[data-push-state]", await post(section.dataset.testUrl, { endpoint: subscription?.endpoint ?? null }));
  } catch {
    put(section, "[data-push-state]", word("push-failed"));
  }
}

/** The server's own sentence about what happened. */
async function post(address, content) {
  const response = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(content),
    redirect: "manual",
    signal: AbortSignal.timeout?.(PATIENCE),
  });
  const { sentence } = await response.json();
  if (!response.ok && !sentence) throw new Error(String(response.status));
  return sentence ?? "";
}
