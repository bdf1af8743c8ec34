import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkCheckpointKind, parseTinkerPath } from '../../../src/wire/tinker-path.ts';
import { thrown } from '../../support/settled.ts';

const HINT = '. A path looks like tinker://run/weights/name or tinker://run/sampler_weights/name';

describe('parseTinkerPath', () => {
  it('reads a path (protocol 7)', () => {
    expect(parseTinkerPath('tinker://sess-1:train:0/sampler_weights/0001')).toEqual({
      runId: 'sess-1:train:0',
      kind: 'sampler_weights',
      name: '0001',
      checkpointId: 'sampler_weights/0001',
      path: 'tinker://sess-1:train:0/sampler_weights/0001',
    });
  });

  it('reads every path of the protocol’s form, and of the other scheme, and keeps it verbatim', () => {
    const part = fc.string({ minLength: 1 }).filter((text) => !text.includes('/'));
    const scheme = fc.constantFrom('tinker', 'twinkle');
    const kind = fc.constantFrom('weights', 'sampler_weights');
    fc.assert(
      fc.property(scheme, part, kind, part, (scheme, runId, kind, name) => {
        const path = `${scheme}://${runId}/${kind}/${name}`;
        expect(parseTinkerPath(path)).toEqual({ runId, kind, name, checkpointId: `${kind}/${name}`, path });
      }),
    );
  });

  it.each<readonly [unknown, string]>([
    [undefined, '"path" must be a non-empty string, got undefined'],
    ['', '"path" must be a non-empty string, got ""'],
    ['/tmp/x', `"path" must start with "tinker://", got "/tmp/x"${HINT}`],
    ['run/weights/x', `"path" must start with "tinker://", got "run/weights/x"${HINT}`],
    ['TINKER://r/weights/x', `"path" must start with "tinker://", got "TINKER://r/weights/x"${HINT}`],
    [' tinker://r/weights/x', `"path" must start with "tinker://", got " tinker://r/weights/x"${HINT}`],
    ['tinker://', `"path" must have 3 parts, run, kind and name, and has 1, got "tinker://"${HINT}`],
    [
      'tinker://run/x',
      `"path" must have 3 parts, run, kind and name, and has 2, got "tinker://run/x"${HINT}`,
    ],
    [
      'tinker://run/weights/a/b',
      `"path" must have 3 parts, run, kind and name, and has 4, got "tinker://run/weights/a/b"${HINT}`,
    ],
    [
      'tinker:///weights/x',
      `"path" must name a run, and that part is empty, got "tinker:///weights/x"${HINT}`,
    ],
    [
      'tinker://run/checkpoints/x',
      `"path" must have the kind "weights" or "sampler_weights", and has "checkpoints", got "tinker://run/checkpoints/x"${HINT}`,
    ],
    [
      'tinker://run//x',
      `"path" must have the kind "weights" or "sampler_weights", and has "", got "tinker://run//x"${HINT}`,
    ],
    [
      'tinker://run/weights/',
      `"path" must name a checkpoint, and that part is empty, got "tinker://run/weights/"${HINT}`,
    ],
  ])('refuses %j and shows the right form', (path, message) => {
    expect(thrown(() => parseTinkerPath(path as string))).toMatchObject({ code: 'input_invalid', message });
  });
});

describe('checkCheckpointKind', () => {
  it.each([
    ['tinker://r/weights/x', 'weights'],
    ['twinkle://r/sampler_weights/x', 'sampler_weights'],
    ['tinker://r/x', 'weights'],
    ['tinker://r/x', 'sampler_weights'],
    ['tinker://r/sampler_weights', 'weights'],
    ['tinker://r/sampler_weights/', 'weights'],
    ['tinker:///sampler_weights/x', 'weights'],
    ['tinker://r/weights/x/y', 'sampler_weights'],
    ['/mnt/weights/x', 'sampler_weights'],
    ['s3://bucket/weights/x', 'sampler_weights'],
    ['anything', 'weights'],
  ] as const)('hands %s on where %s are needed', (path, kind) => {
    expect(checkCheckpointKind('path', path, kind)).toBe(path);
  });

  it.each([
    [
      'tinker://r/sampler_weights/x',
      'weights',
      '"path" must be a path of weights, got "tinker://r/sampler_weights/x", which is of sampler_weights. createSamplingClient({ modelPath }) takes such a path',
    ],
    [
      'twinkle://r/weights/x',
      'sampler_weights',
      '"path" must be a path of sampler_weights, got "twinkle://r/weights/x", which is of weights. loadState and createTrainingClientFromState take such a path',
    ],
    ['', 'weights', '"path" must be a non-empty string, got ""'],
    [null, 'weights', '"path" must be a non-empty string, got null'],
  ] as const)('refuses %s where %s are needed', (path, kind, message) => {
    expect(thrown(() => checkCheckpointKind('path', path, kind))).toMatchObject({
      code: 'input_invalid',
      field: 'path',
      message,
    });
  });
});
