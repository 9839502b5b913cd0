// A new version of the app: it asks, and never takes over while somebody is writing.

import { bar } from "./words.js";

const HOUR = 3_600_000;
let asked = false;

export function watchForUpdates(registration) {
  const offer = () => registration.waiting && navigator.serviceWorker.controller && show(registration.waiting);
  offer();
  registration.addEventListener("updatefound", () => {
    const coming = registration.installing;
    coming?.addEventListener("statechange", () => coming.state === "installed" && offer());
  });
  setInterval(() => document.visibilityState === "visible" && registration.update().catch(() => {}), HOUR);
  // Only the page where it was asked for starts again; a form in another one stays as it is.
  navigator.serviceWorker.addEventListener("controllerchange", () => asked && location.reload());
}

function show(waiting) {
  const shown = bar("new-version");
  shown?.querySelector("[data-take-over]").addEventListener("click", () => {
    if (document.querySelector("form[data-dirty]")) {
      document.querySelector("form[data-dirty]").scrollIntoView();
      return;
    }
    asked = true;
    waiting.postMessage({ type: "take-over" });
  });
}
