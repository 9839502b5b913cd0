// Pages of which a part is exchanged: the next rows of a list, an alert somebody takes on. Everything there works
// without scripts too, and no page kept on a phone needs it; so htmx is a file of its own, fetched where it is used.

import htmx from "htmx.org";

// A server in trouble must not replace what somebody is reading or writing.
htmx.config.noSwap = [204, 304, "5xx"];
htmx.config.defaultTimeout = 45_000;
