/** A bar of `width` cells, `done` of it filled; the last cell in eighths. */
export function bar(done: number, width: number): string {
  const eighths = Math.round(Math.min(Math.max(done, 0), 1) * width * 8);
  const full = Math.floor(eighths / 8);
  const rest = eighths % 8 === 0 ? '' : (' ▏▎▍▌▋▊▉'[eighths % 8] ?? '');
  return ('█'.repeat(full) + rest).padEnd(width, '░');
}

/**
 * Numbers over time as lines of braille, the largest at the top; each cell has two columns of four dots. The left
 * margin shows the largest and the smallest number.
 */
export function curve(values: readonly number[], width: number, height: number): string[] {
  const columns = resample(values, width * 2);
  const [low, high] = [Math.min(...columns), Math.max(...columns)];
  const rows = height * 4;
  const cells = Array.from({ length: height }, () => new Uint8Array(width));
  const rowOf = (value: number): number =>
    high === low ? rows - 1 : Math.round(((high - value) / (high - low)) * (rows - 1));
  for (const [x, value] of columns.entries()) {
    const here = rowOf(value);
    const before = rowOf(columns[x - 1] ?? value);
    for (let y = Math.min(here, before); y <= Math.max(here, before); y++) {
      const cell = cells[y >> 2];
      if (cell !== undefined) cell[x >> 1] = (cell[x >> 1] ?? 0) | dot(x & 1, y & 3);
    }
  }
  const label = (index: number): string => {
    if (index === 0) return high.toFixed(2);
    return index === height - 1 ? low.toFixed(2) : '';
  };
  return cells.map((line, index) => {
    const drawn = Array.from(line, (bits) => String.fromCharCode(0x2800 + bits)).join('');
    return `${label(index).padStart(6)} ┤${drawn}`;
  });
}

/** Two texts side by side, each wrapped into `width` columns, `height` lines of them. */
export function columns(left: string, right: string, width: number, height: number): string[] {
  const [first, second] = [wrap(left, width), wrap(right, width)];
  return Array.from({ length: height }, (_, line) => {
    return `${(first[line] ?? '').padEnd(width)} │ ${(second[line] ?? '').padEnd(width)}`;
  });
}

/** A text cut into lines of at most `width` characters, with nothing in it that would move the cursor. */
function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => {
    const safe = Array.from(line.replaceAll('\t', '  '), (character) =>
      isPrintable(character) ? character : '·',
    );
    const lines: string[] = [];
    for (let start = 0; start < Math.max(safe.length, 1); start += width) {
      lines.push(safe.slice(start, start + width).join(''));
    }
    return lines;
  });
}

/** One column wide and harmless: Latin and the marks this project writes with; the rest is shown as a dot. */
function isPrintable(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return (code >= 0x20 && code < 0x7f) || (code >= 0xa1 && code < 0x250 && code !== 0xad);
}

/** `count` numbers: means of equal parts of `values`, or repeats where there are fewer. */
function resample(values: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, index) => {
    const start = Math.floor((index * values.length) / count);
    const part = values.slice(start, Math.max(start + 1, Math.floor(((index + 1) * values.length) / count)));
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

/** Bit of a braille cell's dot (Unicode 2800: the lower pair comes last). */
function dot(column: number, row: number): number {
  return row === 3 ? 0x40 << column : (1 << row) << (3 * column);
}
