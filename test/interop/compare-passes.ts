import { type PassBytes, readPass } from './protobuf-bytes.ts';
import type { Tally } from './tally.ts';
import type { Exchange } from './traffic.ts';

/** A pass, and on which server's which model. */
interface Pass extends PassBytes {
  readonly model: string;
}

/** Compare the protobuf bodies of both sides, one check a model: they must be the same bytes, but for the order of maps. */
export function comparePasses(
  tally: Tally,
  between: string,
  official: readonly Exchange[],
  ours: readonly Exchange[],
): void {
  const [there, here] = [byModel(official), byModel(ours)];
  for (const model of new Set([...there.keys(), ...here.keys()]))
    tally.check(
      `${between}: bytes of the passes of ${model}`,
      passDifference(there.get(model) ?? [], here.get(model) ?? []),
    );
}

/** Passes by model, in the order of their numbers. */
function byModel(exchanges: readonly Exchange[]): ReadonlyMap<string, readonly Pass[]> {
  const models = new Map<string, Pass[]>();
  for (const pass of passesOf(exchanges)) models.set(pass.model, [...(models.get(pass.model) ?? []), pass]);
  for (const passes of models.values()) passes.sort((a, b) => a.sequenceId - b.sequenceId);
  return models;
}

/** All passes in protobuf, as they arrived. The id of the session, which is drawn, is taken out. */
export function passesOf(exchanges: readonly Exchange[]): Pass[] {
  return exchanges.flatMap(({ server, body }) => {
    if (body.kind !== 'protobuf') return [];
    const pass = readPass(Buffer.from(body.base64, 'base64'));
    const [session = '', model = ''] = pass.modelId.split(/:(.*)/);
    const drawn = Buffer.from(session).toString('hex');
    return [
      { ...pass, hex: pass.hex.replace(drawn, '00'.repeat(session.length)), model: `${server} ${model}` },
    ];
  });
}

function passDifference(there: readonly Pass[], here: readonly Pass[]): string | undefined {
  if (there.length !== here.length || there.length === 0)
    return `there are ${there.length} of the official client, ${here.length} of ours`;
  for (const [i, one] of there.entries()) {
    const other = here[i];
    if (one.sequenceId !== other?.sequenceId)
      return `the official client numbers one ${one.sequenceId}, ours ${other?.sequenceId}`;
    if (one.hex === other.hex) continue;
    const longer = one.hex.length < other.hex.length ? other.hex : one.hex;
    const at = [...longer].findIndex((_, place) => one.hex[place] !== other.hex[place]) >> 1;
    const around = (hex: string): string => hex.slice(Math.max(0, 2 * at - 16), 2 * at + 32);
    return `number ${one.sequenceId} differs at byte ${at}: ${around(one.hex)} there, ${around(other.hex)} here`;
  }
  return undefined;
}
