// Push: an alert is always shown, says nothing personal, and opens its page when tapped.

/** Show what came; a payload that cannot be read still shows that something waits. */
export function show(event) {
  let notice = {};
  try {
    notice = event.data.json().notification ?? {};
  } catch {
    // Shown all the same: a browser takes the permission away from who stays silent.
  }
  const { title = "Suivi", body = "", navigate = "/alerts", tag = "suivi" } = notice;
  return self.registration.showNotification(String(title), {
    body: String(body),
    tag: String(tag),
    data: { path: ownPath(navigate) },
    dir: "auto",
  });
}

/** Bring the page of a notification to the front, in a window that is open already if there is one. */
export async function open(notification) {
  notification.close();
  const path = notification.data?.path ?? "/alerts";
  const windows = await self.clients.matchAll({ type: "window" });
  const window = windows.find(({ url }) => new URL(url).pathname === path) ?? windows[0];
  if (!window) return self.clients.openWindow(path);
  // A browser may refuse to bring it to the front; the page is opened there all the same.
  const focused = await window.focus().catch(() => window);
  return new URL(window.url).pathname === path ? focused : focused.navigate(path).catch(() => self.clients.openWindow(path));
}

/** Only a path of ours, whatever the payload says. */
export function ownPath(address) {
  try {
    const url = new URL(address, self.location.origin);
    return url.origin === self.location.origin ? url.pathname + url.search : "/alerts";
  } catch {
    return "/alerts";
  }
}
