import { visibilityFor } from '../accounts/visibility.ts';
import { json, problem, type Routes } from '../http/http.ts';
import { pageOf, readOptionalText, readPage, readScope } from '../http/page.ts';
import { checkpointBody, trainingRunBody } from '../rest-records.ts';
import type { EmulatorState } from '../state.ts';

/** Runs on a page, unless the caller asks for another number (protocol 7). */
const DEFAULT_LIMIT = 20;

/** Routes that list training runs, the latest first, and their checkpoints (protocol 2.9). */
export function runRoutes(state: EmulatorState): Routes {
  const { runs, model } = state;
  return {
    'GET training_runs': async ({ query, account }) => {
      const page = readPage(query, DEFAULT_LIMIT);
      const scope = readScope(query);
      const projectId = readOptionalText(query, 'project_id');
      const visibility = await visibilityFor(state, account);
      const seen = runs
        .list()
        .filter((run) => visibility.sees(run, scope))
        .filter(({ session }) => projectId === undefined || session.projectId === projectId);
      const { items, cursor } = pageOf(seen, page);
      return json({
        training_runs: items.map((run) => trainingRunBody(run, model.name, visibility.checkpointsOf(run.id))),
        cursor,
      });
    },
    'GET training_runs/:run': async ({ params, query, account }) => {
      const scope = readScope(query);
      const visibility = await visibilityFor(state, account);
      const run = runs.find(params['run'] ?? '');
      if (run === undefined || !visibility.sees(run, scope))
        throw problem(404, `Training run "${params['run']}" is unknown`);
      return json(trainingRunBody(run, model.name, visibility.checkpointsOf(run.id)));
    },
    'GET training_runs/:run/checkpoints': async ({ params, account }) => {
      const id = params['run'] ?? '';
      const found = (await visibilityFor(state, account)).checkpointsOf(id);
      // A store may hold checkpoints of runs that another emulator had.
      if (found.length === 0 && runs.find(id)?.session.owner !== account.id)
        throw problem(404, `Training run "${id}" is unknown`);
      return json({ checkpoints: found.map(checkpointBody) });
    },
  };
}
