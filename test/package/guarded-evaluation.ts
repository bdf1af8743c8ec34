/** What code reads and may read of globals. */
export interface Globals {
  /** Asked for each global that is read. @throws Error - where it is not to be read. */
  get(name: string): unknown;
  /** The same for those that are set. */
  set(name: string, value: unknown): void;
}

/**
 * Evaluate a script of CommonJS that gets its globals from `globals`, and knows no way round it.
 *
 * @returns what it exports.
 */
export function evaluateGuarded(code: string, globals: Globals): Record<string, unknown> {
  const module = { exports: {} as Record<string, unknown> };
  const own: Readonly<Record<string, unknown>> = { module, exports: module.exports };
  const scope = new Proxy(
    {},
    {
      has: () => true,
      get(_, name) {
        if (typeof name === 'symbol') return undefined;
        return name in own ? own[name] : globals.get(name);
      },
      set(_, name, value) {
        globals.set(String(name), value);
        return true;
      },
    },
  );
  // `with` needs sloppy mode around it; the code itself is strict, and its variables are its own.
  new Function('scope', `with (scope) { (function () {\n${code}\n}).call(void 0); }`)(scope);
  return module.exports;
}
