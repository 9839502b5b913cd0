// What a phone needs now and then: other ways to open it, its check, its settings, alerts. A file of its own, fetched
// where it is used, and kept from then on.

export { startPhoneCheck } from "./phone-check.js";
export { startDoor } from "./door.js";
export { subscribe, tryIt } from "./push-page.js";
