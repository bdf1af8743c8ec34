import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createUuid } from '../../../src/kernel/uuid.ts';

const V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('createUuid', () => {
  it('is of version 4, and another each time', () => {
    const made = Array.from({ length: 200 }, () => createUuid());
    expect(made.filter((uuid) => !V4.test(uuid))).toEqual([]);
    expect(new Set(made).size).toBe(200);
  });

  it('has the bits it is given, but for version and variant', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
        const uuid = createUuid(() => hex);
        expect(uuid).toMatch(V4);
        const free = (text: string): string => text.slice(0, 12) + text.slice(13, 16) + text.slice(17);
        const bare = uuid.replaceAll('-', '');
        expect(free(bare)).toBe(free(hex));
        expect(Number.parseInt(bare.charAt(16), 16) % 4).toBe(Number.parseInt(hex.charAt(16), 16) % 4);
      }),
    );
  });

  it('takes a UUID of version 4 as it is', () => {
    const uuid = '0f8fad5b-d9cb-469f-a165-70867728950e';
    expect(createUuid(() => uuid)).toBe(uuid);
    expect(createUuid(() => uuid.toUpperCase())).toBe(uuid);
  });

  it.each(['id-1', '', 'f'.repeat(31), `${'f'.repeat(32)}0`])(
    'draws bits of its own in place of "%s"',
    (id) => {
      const [first, second] = [createUuid(() => id), createUuid(() => id)];
      expect(first).toMatch(V4);
      expect(first).not.toBe(second);
    },
  );
});
