import { describe, expect, it } from 'vitest';
import { faultsOfBundle } from './bundle-faults.ts';

describe('faultsOfBundle', () => {
  it.each([
    ['import fs from "fs";', 'the import import fs from "fs";'],
    ['export { x } from "./x.js";', 'the import export { x } from "./x.js";'],
    ['const fs = import("fs");', 'an import at run time'],
    ['const url = import.meta.url;', 'import.meta'],
    ['const name = "node:fs";', '"node:fs"'],
    [`const name = \`node:\${'fs'}\`;`, '"node:"'],
    ['const env = process.env;', 'process'],
    ['const { env } = process;', 'process'],
    ['const has = typeof process;', 'process'],
    ['const env = globalThis.process;', 'process'],
    ['const env = globalThis["process"];', 'process'],
    ['const options = { process };', 'process'],
    ['const bytes = Buffer.from("a");', 'Buffer'],
    ['const fs = require("fs");', 'require'],
    ['const one = eval("1");', 'eval'],
    ['const one = (0, eval)("1");', 'eval'],
    ['const one = new Function("return 1")();', 'Function'],
    ['const one = Function("return 1")();', 'Function'],
    ['setImmediate(() => {});', 'setImmediate'],
  ])('finds %s', (script, fault) => {
    expect(faultsOfBundle(`// src/one.ts\n${script}\n`)).toEqual([`src/one.ts: ${fault}`]);
  });

  it.each([
    'const done = queue.process();',
    'const queue = { process: 1, eval() {}, Buffer: 2 };',
    'const { process: work } = queue;',
    '// process.exit(), require("node:fs") and eval() are words here',
    'const text = "process.env, Buffer and eval";',
    'class Callable { constructor() { return Object.setPrototypeOf(() => {}, new.target.prototype); } }',
    'const isFunction = typeof work === "function";',
  ])('lets pass %s', (script) => {
    expect(faultsOfBundle(script)).toEqual([]);
  });

  it('knows what is allowed, and only there', () => {
    const code = '\nconst { setImmediate } = globalThis;\nsetImmediate(work);\n';
    expect(faultsOfBundle(`  // src/kernel/clock.ts${code}`)).toEqual([]);
    expect(faultsOfBundle(`  // src/kernel/clock.ts${code}  // src/kernel/once.ts${code}`)).toEqual([
      'src/kernel/once.ts: setImmediate',
    ]);
  });
});
