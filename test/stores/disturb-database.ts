// Runs in a page: what other code of the same origin may do to a database.

/** Delete it. @returns how that ended. */
export function deleteDatabase({ database }: { readonly database: string }): Promise<string> {
  return ending(indexedDB.deleteDatabase(database), () => {});
}

/** Open it with a higher version, as a newer release of a page would, and close it again. @returns how that ended. */
export function upgradeDatabase({ database }: { readonly database: string }): Promise<string> {
  return ending(indexedDB.open(database, 7), (opened) => (opened as IDBDatabase).close());
}

/** Only ends what hangs: whoever keeps the database open makes it wait. */
const PATIENCE_MS = 30_000;

function ending(request: IDBOpenDBRequest, close: (result: unknown) => void): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('hangs, because somebody keeps the database open'), PATIENCE_MS);
    const end = (how: string): void => {
      clearTimeout(timer);
      resolve(how);
    };
    request.onerror = () => end(`fails: ${request.error}`);
    request.onsuccess = () => {
      close(request.result);
      end('is done');
    };
  });
}
