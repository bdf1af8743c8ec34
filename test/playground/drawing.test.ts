import { expect, it } from 'vitest';
import { bar, columns, curve } from '../../playground/drawing.ts';

it('fills a bar in eighths of a cell', () => {
  expect(bar(0, 4)).toBe('░░░░');
  expect(bar(0.5, 4)).toBe('██░░');
  expect(bar(0.5 + 1 / 32, 4)).toBe('██▏░');
  expect(bar(1, 4)).toBe('████');
  expect([bar(-1, 3), bar(7, 3)]).toEqual(['░░░', '███']);
});

it('draws numbers as braille between their bounds', () => {
  expect(curve([4, 3, 2, 1, 1, 1, 1, 1], 4, 2)).toEqual(['  4.00 ┤⠹⡄⠀⠀', '  1.00 ┤⠀⢳⣀⣀']);
  expect(curve([2, 2], 2, 1)).toEqual(['  2.00 ┤⣀⣀']);
});

it('wraps two texts beside each other, and lets nothing through that moves the cursor', () => {
  expect(columns('abcdef', 'one\ntwo', 4, 3)).toEqual(['abcd │ one ', 'ef   │ two ', '     │     ']);
  expect(columns('\u001b[2J\u0007\u202e日', 'é', 6, 1)).toEqual(['·[2J·· │ é     ']);
});
