import { expect, it } from 'vitest';
import { webAddress } from '../../../src/client/rest/web-address.ts';
import { thrown } from '../../support/settled.ts';

const BASE = 'https://tinker.test/api/v1/run/archive';

it.each([
  ['https://store.test/a?sig=x', undefined, 'https://store.test/a?sig=x'],
  ['http://store.test', undefined, 'http://store.test/'],
  ['download?token=x', BASE, 'https://tinker.test/api/v1/run/download?token=x'],
  ['/a', BASE, 'https://tinker.test/a'],
  ['//store.test/a', BASE, 'https://store.test/a'],
])('%s, from %s, is %s', (url, base, whole) => {
  expect(webAddress('/archive', url, base)).toBe(whole);
});

it.each([
  ['ftp://store.test/a', undefined],
  ['javascript:alert(1)', BASE],
  ['data:,x', BASE],
  ['file:///etc/passwd', BASE],
  ['https://', BASE],
  ['//', BASE],
  ['relative', undefined],
  ['', undefined],
])('%s, from %s, is none, and is not shown', (url, base) => {
  const error = thrown(() => webAddress('/archive', url, base)) as Error;
  expect(error).toMatchObject({
    code: 'response_invalid',
    message: '/archive answered with an address that is none',
  });
});
