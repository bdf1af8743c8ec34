import { describe, expect, it } from 'vitest';
import { packageOf } from './browser-version.ts';

describe('packageOf', () => {
  it('reads the package of a file, with its architecture where that is told', () => {
    const file = '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.0/MiniBrowser';
    expect(packageOf(`libwebkit2gtk-4.0-37: ${file}\n`)).toBe('libwebkit2gtk-4.0-37');
    expect(packageOf(`libwebkit2gtk-4.1-0:amd64: ${file}\n`)).toBe('libwebkit2gtk-4.1-0:amd64');
  });

  it('takes the first of several', () => {
    expect(packageOf('one:amd64, two: /usr/lib/x\n')).toBe('one:amd64');
  });

  it('passes over diversions, and knows none where nothing is found', () => {
    expect(packageOf('diversion by other from: /usr/bin/x\nreal: /usr/bin/x\n')).toBe('real');
    expect(packageOf('')).toBeUndefined();
  });
});
