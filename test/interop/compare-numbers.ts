import type { Check, Checks } from './ours/record.ts';
import type { Tally } from './tally.ts';

/** Compare two records, one check a name: every value must be the same, to its last bit. */
export function compareNumbers(tally: Tally, between: string, official: Checks, ours: Checks): void {
  for (const name of new Set([...Object.keys(official), ...Object.keys(ours)]))
    tally.check(`${between}: ${name}`, difference(official[name], ours[name]));
}

/** The first difference, in words; undefined where there is none. */
export function difference(official: Check | undefined, ours: Check | undefined): string | undefined {
  if (official === undefined) return 'is recorded by ours alone';
  if (ours === undefined) return 'is recorded by the official one alone';
  if (official.kind !== ours.kind) return `is ${official.kind} there, ${ours.kind} here`;
  if (official.rows.length === 0 && ours.rows.length === 0) return 'is empty on both sides';
  for (let row = 0; row < Math.max(official.rows.length, ours.rows.length); row++) {
    const [there, here] = [official.rows[row], ours.rows[row]];
    if (there === undefined) return `has the row ${row} here alone: ${shown(ours, here)}`;
    if (here === undefined) return `has the row ${row} there alone: ${shown(official, there)}`;
    const place = Array.from({ length: Math.max(there.length, here.length) }, (_, i) => i).find(
      (i) => there[i] !== here[i],
    );
    if (place === undefined) continue;
    const [one, other] = [there, here].map((values) => shown(official, values.slice(place, place + 1)));
    return `[${row}][${place}] is ${one} there, ${other} here`;
  }
  return undefined;
}

function shown({ kind }: Check, values: readonly string[] | undefined): string {
  const all = (values ?? []).map((value) => `${value}${numberOf(kind, value)}`);
  return all.length === 0 ? 'nothing' : all.join(' ');
}

function numberOf(kind: Check['kind'], value: string): string {
  const bits = value.slice(value.lastIndexOf('=') + 1);
  if (kind === 'words' || kind === 'whole' || bits === 'none') return '';
  const bytes = Buffer.from(bits, 'hex');
  return ` (${bytes.length === 4 ? bytes.readFloatBE() : bytes.readDoubleBE()})`;
}

/** Of fifty losses the last must be well below the first. */
export function fallingLoss(checks: Checks): string | undefined {
  const losses = (checks['train/losses']?.rows ?? []).map(([bits = '']) =>
    Buffer.from(bits, 'hex').readDoubleBE(),
  );
  const [first = 0, last = Number.NaN] = [losses[0], losses.at(-1)];
  if (losses.length === 50 && last < 0.6 * first) return undefined;
  return `${losses.length} losses, from ${first} to ${last}`;
}
