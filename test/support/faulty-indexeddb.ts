import { forceCloseDatabase, IDBFactory } from 'fake-indexeddb';
import type { Clock } from '../../src/kernel/clock.ts';

/** Where in a call's life a fault strikes; `commit`: after its last request succeeded, before it is written. */
export type FaultPhase = 'open' | 'read' | 'write' | 'commit';

/** What goes wrong. Those of data strike reads only, and whatever the phase. */
export type IndexedDbFault =
  /** The global is gone, and so are the connections. */
  | 'absent'
  /** The global is forbidden. */
  | 'SecurityError'
  /** The disk is full. */
  | 'QuotaExceededError'
  /** The platform gave up, and told nobody why. */
  | 'no reason'
  /** Another page wants the database deleted. */
  | 'versionchange'
  /** The browser closes the connection, and says so. */
  | 'close'
  /** It does, and says nothing. */
  | 'silent close'
  /** Nothing happens for half a minute. */
  | 'hang'
  /** Something that is no row. */
  | 'corrupt value'
  /** A row of a later version. */
  | 'other version'
  /** A row that is one, with bytes that nobody understands. */
  | 'corrupt bytes';

/** An IndexedDB that can be made to fail. */
export interface FaultyIndexedDb {
  /** Without faults. */
  readonly healthy: IDBFactory;
  /** Strike each call from now on, until `heal`. */
  strike(fault: IndexedDbFault, phase: FaultPhase): void;
  /** End it. What hangs already hangs on until its time. */
  heal(): void;
  /** How often a fault struck. */
  readonly strikes: number;
  /** Take it off the globals again. */
  uninstall(): void;
}

/** What fake-indexeddb's transactions have beside the standard. */
interface Internals {
  _start(): void;
  _abort(name: string | null): void;
  _execRequestAsync(work: { readonly operation: () => unknown; readonly source: IDBObjectStore }): IDBRequest;
}

const HANG_MS = 30_000;

const DATA: Readonly<Partial<Record<IndexedDbFault, () => unknown>>> = {
  'corrupt value': () => ({ v: 1, bytes: 'text' }),
  'other version': () => ({ v: 2, bytes: Uint8Array.of(1) }),
  'corrupt bytes': () => ({ v: 1, bytes: Uint8Array.of(0xff, 0, 0x7b) }),
};

/** Put an IndexedDB of its own on the globals. @param clock - Ends what hangs. */
export function installFaultyIndexedDb(clock: Clock): FaultyIndexedDb {
  const healthy = new IDBFactory();
  const connections = new Set<IDBDatabase>();
  let current: { readonly fault: IndexedDbFault; readonly phase: FaultPhase } | undefined;
  let strikes = 0;

  /** What strikes at this point, if anything. */
  const due = (phase: FaultPhase): IndexedDbFault | undefined => {
    if (current?.phase !== phase || current.fault in DATA) return undefined;
    strikes += 1;
    return current.fault;
  };
  const named = (fault: IndexedDbFault): DOMException => new DOMException(`injected ${fault}`, fault);

  const openFailing = (name: string, fault: IndexedDbFault): IDBOpenDBRequest => {
    if (fault === 'SecurityError') throw named(fault);
    if (fault === 'QuotaExceededError' || fault === 'no reason') {
      const error = fault === 'no reason' ? new DOMException('', 'UnknownError') : named(fault);
      const request = { error } as unknown as IDBOpenDBRequest;
      setImmediate(() => request.onerror?.(new Event('error')));
      return request;
    }
    if (fault === 'hang') return late(() => openWatched(name), clock);
    return openWatched(name, (database) => {
      if (fault === 'silent close') database.close();
      else disturb(database, fault);
    });
  };
  const openWatched = (name: string, then?: (database: IDBDatabase) => void): IDBOpenDBRequest => {
    const request = healthy.open(name);
    request.addEventListener('success', () => {
      watch(request.result);
      then?.(request.result);
    });
    return request;
  };
  /** What other pages and the browser do to a connection, and to a transaction that is under way on it. */
  const disturb = (database: IDBDatabase, fault: IndexedDbFault, transaction?: Internals): void => {
    if (fault === 'versionchange') return void healthy.deleteDatabase(database.name);
    if (fault === 'silent close') database.onclose = null;
    if (fault === 'absent') Reflect.deleteProperty(globalThis, 'indexedDB');
    transaction?._abort('AbortError');
    for (const one of fault === 'absent' ? connections : [database]) forceCloseDatabase(one as never);
  };

  const watch = (database: IDBDatabase): void => {
    connections.add(database);
    const begin = database.transaction.bind(database);
    database.transaction = (...parameters) => {
      const transaction = begin(...parameters);
      const store = transaction.objectStore.bind(transaction);
      transaction.objectStore = (name) => watchStore(store(name));
      return transaction;
    };
  };
  const watchStore = (store: IDBObjectStore): IDBObjectStore => {
    const { transaction } = store;
    const internals = transaction as unknown as Internals;
    /** Fail a request, as the platform does; or disturb it from outside. */
    const instead = (fault: IndexedDbFault, work: () => IDBRequest): IDBRequest => {
      if (fault === 'hang') stall(internals, clock);
      if (fault !== 'SecurityError' && fault !== 'QuotaExceededError' && fault !== 'no reason') {
        const request = work();
        if (fault !== 'hang') disturb(transaction.db, fault, internals);
        return request;
      }
      const operation = (): never => {
        throw fault === 'no reason' ? new DOMException('', 'AbortError') : named(fault);
      };
      return internals._execRequestAsync({ operation, source: store });
    };
    const atCommit = (request: IDBRequest): IDBRequest => {
      request.addEventListener('success', () => {
        const fault = due('commit');
        if (fault === undefined) return;
        if (fault === 'hang') stall(internals, clock);
        else if (fault === 'no reason') internals._abort(null);
        else if (fault === 'SecurityError' || fault === 'QuotaExceededError') internals._abort(fault);
        else disturb(transaction.db, fault, internals);
      });
      return request;
    };
    const during = (phase: FaultPhase, work: () => IDBRequest): IDBRequest => {
      const fault = due(phase);
      return fault === undefined ? work() : instead(fault, work);
    };
    const { get, put, delete: remove } = store;
    store.get = (key) => {
      const data = current && DATA[current.fault];
      if (data === undefined) return during('read', () => get.call(store, key));
      strikes += 1;
      return internals._execRequestAsync({ operation: data, source: store });
    };
    store.put = (value, key) => atCommit(during('write', () => put.call(store, value, key)));
    store.delete = (key) => atCommit(during('write', () => remove.call(store, key)));
    return store;
  };

  const factory = {
    open(name: string): IDBOpenDBRequest {
      const fault = due('open');
      return fault === undefined ? openWatched(name) : openFailing(name, fault);
    },
  };
  const install = (): void => void Object.assign(globalThis, { indexedDB: factory });
  install();

  return {
    healthy,
    strike(fault, phase) {
      current = { fault, phase };
      if (fault !== 'absent' || phase !== 'open') return;
      strikes += 1;
      Reflect.deleteProperty(globalThis, 'indexedDB');
    },
    heal() {
      current = undefined;
      install();
    },
    get strikes() {
      return strikes;
    },
    uninstall: () => void Reflect.deleteProperty(globalThis, 'indexedDB'),
  };
}

/** A request that is made only after the hang. */
function late(open: () => IDBOpenDBRequest, clock: Clock): IDBOpenDBRequest {
  const outer = {} as { -readonly [K in keyof IDBOpenDBRequest]: IDBOpenDBRequest[K] };
  clock.schedule(
    () => {
      const inner = open();
      const hand = (name: 'onsuccess' | 'onerror' | 'onupgradeneeded') => (event: Event) => {
        outer.result = inner.result;
        outer[name]?.call(inner, event as never);
      };
      inner.onsuccess = hand('onsuccess');
      inner.onerror = hand('onerror');
      inner.onupgradeneeded = hand('onupgradeneeded');
    },
    HANG_MS,
    { background: true },
  );
  return outer;
}

/** Let a transaction go no further until the hang is over: those behind it wait as well. */
function stall(transaction: Internals, clock: Clock): void {
  const start = transaction._start;
  transaction._start = () => {};
  clock.schedule(
    () => {
      transaction._start = start;
      transaction._start();
    },
    HANG_MS,
    { background: true },
  );
}
