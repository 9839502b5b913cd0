// The phone's databases: their names, tables and versions, and every quirk of IndexedDB.

const SHARED = "suivi";
const VERSION = 1;
// Connections lost by the browser (seen on iOS) show up as one of these; opening again helps.
const LOST = new Set(["InvalidStateError", "UnknownError"]);
const connections = new Map();

const LAYOUTS = {
  shared(database) {
    database.createObjectStore("meta");
    database.createObjectStore("vaults", { keyPath: "person" });
    const outbox = database.createObjectStore("outbox", { keyPath: "seq", autoIncrement: true });
    outbox.createIndex("id", "id", { unique: true });
    // The sealed bytes lie apart from the outbox, so that a change of state never rewrites a photo
    // and a list of two hundred photos never loads one.
    database.createObjectStore("sealed", { keyPath: "id" });
    database.createObjectStore("receipts", { keyPath: "id" });
  },
  personal(database) {
    database.createObjectStore("kept", { keyPath: "url" });
  },
};

/** Read from the shared tables in one transaction; `work` gets the tables and may await only them. */
export const read = (names, work) => within(SHARED, names, "readonly", work);

/** Change the shared tables in one transaction. Resolves only once the phone has it on its disk. */
export const change = (names, work) => within(SHARED, names, "readwrite", work);

export const readKept = (person, work) => within(`${SHARED}-${person}`, ["kept"], "readonly", work);

/** Kept pages can be fetched again, so they need not wait for the disk. */
export const changeKept = (person, work, durability = "relaxed") =>
  within(`${SHARED}-${person}`, ["kept"], "readwrite", work, durability);

export const remember = (name, value) => change(["meta"], ({ meta }) => meta.put(value, name));

export const recall = (name) => read(["meta"], ({ meta }) => meta.get(name));

/** Forget everything that was kept for a person; their outbox is not in there. */
export async function forgetKept(person) {
  const name = `${SHARED}-${person}`;
  (await connections.get(name))?.close();
  connections.delete(name);
  await settled(indexedDB.deleteDatabase(name));
}

/** Close every connection, as the end of a page or worker does. */
export async function closeAll() {
  for (const connection of connections.values()) (await connection).close();
  connections.clear();
}

async function within(name, names, mode, work, durability = "strict", again = true) {
  const database = await connect(name);
  try {
    const transaction = database.transaction(names, mode, { durability });
    const ended = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error ?? new DOMException("aborted", "AbortError"));
    });
    ended.catch(() => {});
    const tables = {};
    for (const table of names) tables[table] = asPromises(transaction.objectStore(table));
    let result;
    try {
      result = await work(tables);
    } catch (error) {
      try {
        transaction.abort();
      } catch {
        // It has ended by itself; its own error is the one to tell.
        await ended;
      }
      throw error;
    }
    await ended;
    return result;
  } catch (error) {
    if (!again || !LOST.has(error?.name)) throw error;
    connections.delete(name);
    return within(name, names, mode, work, durability, false);
  }
}

function asPromises(table) {
  return {
    get: (key) => settled(table.get(key)),
    byId: (id) => settled(table.index("id").get(id)),
    all: (beginning) => settled(table.getAll(beginning && IDBKeyRange.bound(beginning, `${beginning}\uffff`))),
    keys: () => settled(table.getAllKeys()),
    put: (value, key) => settled(key === undefined ? table.put(value) : table.put(value, key)),
    add: (value) => settled(table.add(value)),
    delete: (key) => settled(table.delete(key)),
  };
}

function connect(name) {
  if (!connections.has(name)) {
    const opening = open(name);
    connections.set(name, opening);
    opening.catch(() => connections.delete(name));
  }
  return connections.get(name);
}

async function open(name) {
  const request = indexedDB.open(name, VERSION);
  request.onupgradeneeded = () => LAYOUTS[name === SHARED ? "shared" : "personal"](request.result);
  const database = await settled(request);
  // A newer version of the app, or forgetting, must never wait for this connection.
  database.onversionchange = () => {
    database.close();
    connections.delete(name);
  };
  database.onclose = () => connections.delete(name);
  return database;
}

function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
