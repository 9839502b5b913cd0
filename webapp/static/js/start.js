// One file for a page and for the worker that makes its photos small: a phone fetches it once.

import { startPage } from "./app.js";
import { startPhotoWorker } from "./photo-worker.js";

if (globalThis.document) startPage();
else startPhotoWorker();
