"""Faults planted in the phone's worker, so that tests of its promises see themselves fail.

Each stands before the worker's own script, between the sender and the line, as the line hands that script out.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen

from tests.browser.world import World

RECEIPTS = """
const asked = self.fetch;
const receiptsFor = (address, how) => {
  const photo = /outbox\\/photos\\/([^/?]+).*digest=([^&]+)/.exec(address);
  const rows = photo ? [{ id: photo[1], digest: photo[2] }] : JSON.parse(how.body).submissions;
  const receipts = rows.map(({ id, digest }) => ({ id, digest, outcome: "accepted", number: 1, received_at: "" }));
  return Response.json({ receipts, server_time: new Date().toISOString() });
};
self.fetch = (address, how) => (String(address).startsWith("/outbox/") ? deliver(address, how) : asked(address, how));
"""
PLANTS = {
    # Whoever answers something has received it.
    "any answer is a receipt": """
const deliver = async (address, how) => {
  const answer = await asked(address, how);
  return answer.status < 500 ? receiptsFor(address, how) : answer;
};
""",
    # The page behind a redirect is the answer.
    "a redirect is followed": """
const deliver = async (address, how) => {
  const answer = await asked(address, { ...how, redirect: "follow" });
  return answer.redirected && answer.ok ? receiptsFor(address, how) : answer;
};
""",
    # What has left is settled, whether or not it arrives.
    "settled before it is received": """
const deliver = async (address, how) => {
  asked(address, how).catch(() => {});
  return receiptsFor(address, how);
};
""",
}


@contextmanager
def planted(world: World, fault: str) -> Iterator[None]:
    """Phones that come now get a worker with this fault."""
    with urlopen(f"http://127.0.0.1:{world.port}/sw.js") as answer:
        script = answer.read().decode()
    world.line.says["/sw.js"] = ("text/javascript", f"{RECEIPTS}{PLANTS[fault]}{script}".encode())
    try:
        yield
    finally:
        del world.line.says["/sw.js"]
