import { checkText } from '../../kernel/checks.ts';
import type { Runtime } from '../../operations/runtime.ts';
import {
  readCheckpointList,
  readTrainingRun,
  readTrainingRuns,
  readWeightsInfo,
} from '../../wire/json/rest-runs.ts';
import { parseTinkerPath } from '../../wire/tinker-path.ts';
import { checkedPosition, createPages, createWholeList } from './pages.ts';
import type { RestClient } from './rest-client.ts';
import { askRest } from './rest-request.ts';
import { checkAccessScope, routeTo, routeToRun } from './rest-routes.ts';

/** Calls about training runs, and lists of checkpoints. */
export type RunCalls = Pick<
  RestClient,
  | 'getTrainingRun'
  | 'getTrainingRunByTinkerPath'
  | 'getWeightsInfo'
  | 'listTrainingRuns'
  | 'listCheckpoints'
  | 'listUserCheckpoints'
>;

/** The {@link RunCalls} of a client. */
export function runCalls(runtime: Runtime): RunCalls {
  const getTrainingRun: RunCalls['getTrainingRun'] = async (runId, access = {}, options) => {
    const path = routeTo(routeToRun(runId), { access_scope: checkAccessScope(access.accessScope) });
    return askRest(runtime, { method: 'GET', path }, readTrainingRun, options);
  };

  return {
    getTrainingRun,
    getTrainingRunByTinkerPath: async (path, access, options) =>
      getTrainingRun(parseTinkerPath(path).runId, access, options),
    async getWeightsInfo(path, options) {
      const body = { tinker_path: checkText('path', path) };
      return askRest(
        runtime,
        { method: 'POST', path: routeTo('weights_info'), body },
        readWeightsInfo,
        options,
      );
    },
    listTrainingRuns(query = {}, options = {}) {
      const access = { access_scope: checkAccessScope(query.accessScope) };
      const project =
        query.projectId === undefined ? {} : { project_id: checkText('projectId', query.projectId) };
      return createPages({
        start: checkedPosition({ limit: query.limit ?? 20, offset: query.offset ?? 0 }),
        key: (run) => run.trainingRunId,
        fetch: (position, call) => {
          const path = routeTo('training_runs', { ...position, ...access, ...project });
          return askRest(runtime, { method: 'GET', path }, readTrainingRuns, call);
        },
        options,
      });
    },
    listCheckpoints(runId, options = {}) {
      const path = routeTo(`${routeToRun(runId)}/checkpoints`);
      return createWholeList(
        (call) => askRest(runtime, { method: 'GET', path }, readCheckpointList, call),
        options,
      );
    },
    listUserCheckpoints(position = {}, options = {}) {
      return createPages({
        start: checkedPosition({ limit: position.limit ?? 100, offset: position.offset ?? 0 }),
        key: (checkpoint) => checkpoint.tinkerPath,
        fetch: (at, call) => {
          const path = routeTo('checkpoints', { ...at });
          return askRest(runtime, { method: 'GET', path }, readCheckpointList, call);
        },
        options,
      });
    },
  };
}
