// Runs in a page: what other code of the same origin may do to a database.

/** Delete it. @returns how that ended. */
export function deleteDatabase({ database }: { readonly database: string }): Promise<string> {
  return ending(indexedDB.deleteDatabase(database), () => {});
}

/** Open it with a higher version, as a newer release of a page would, and close it again. @returns how that ended. */
export function upgradeDatabase({ database }: { readonly database: string }): Promise<string> {
  return ending(indexedDB.open(database, 7), (opened) => (opened as IDBDatabase).close());
}

function ending(request: IDBOpenDBRequest, close: (result: unknown) => void): Promise<string> {
  return new Promise((resolve) => {
    let wasBlocked = false;
    request.onblocked = () => {
      wasBlocked = true;
    };
    request.onerror = () => resolve(`failed: ${request.error}`);
    request.onsuccess = () => {
      close(request.result);
      resolve(wasBlocked ? 'done after being blocked' : 'done');
    };
  });
}
