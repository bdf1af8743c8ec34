import { checkGradients, parseTinkerPath } from '../../../src/index.ts';
import { type ErrorFixtures, local } from './fixture.ts';

const DATA = [{ modelInput: [1, 2], lossFnInputs: { target_tokens: [2, 3] } }];

/** What stands beside the clients. */
export const OTHER_MISTAKES: ErrorFixtures = {
  title: 'Functions beside the clients',
  fixtures: [
    local('gradients without log-probabilities', () =>
      checkGradients(() => ({ loss: 1, gradients: [[1, 1]] }), DATA, []),
    ),
    local('a loss that is another one each time', () => {
      let calls = 0;
      return checkGradients(() => ({ loss: calls++, gradients: [[1, 1]] }), DATA, [[-1, -2]]);
    }),
    local('a gradient that is too short', () =>
      checkGradients(() => ({ loss: 1, gradients: [[1]] }), DATA, [[-1, -2]]),
    ),
    local('a tolerance beyond all', () =>
      checkGradients(() => ({ loss: 1, gradients: [[1, 1]] }), DATA, [[-1, -2]], { tolerance: 2 }),
    ),
    local('a path of something else', () => parseTinkerPath('s3://bucket/final')),
  ],
};
