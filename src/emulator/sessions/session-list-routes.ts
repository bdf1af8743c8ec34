import { encodeUtf8 } from '../../kernel/bytes.ts';
import { type Visibility, visibilityFor } from '../accounts/visibility.ts';
import { fieldsOf } from '../http/fields.ts';
import { type Call, json, problem, type Routes } from '../http/http.ts';
import { pageOf, readPage, readScope } from '../http/page.ts';
import type { EmulatorState } from '../state.ts';
import type { Session } from './sessions.ts';

/** Sessions on a page, unless the caller asks for another number (protocol 7). */
const DEFAULT_LIMIT = 20;
/** Requests for a trace that are told to come again. */
const PENDING_TRACE_REQUESTS = 2;
/** How long a link to a trace opens it. */
const TRACE_LIFETIME_MS = 60 * 60_000;

/** Routes that list sessions, the latest first, and export their traces (protocol 2.9). */
export function sessionListRoutes(state: EmulatorState): Routes {
  const { sessions, samplerRecords, links } = state;
  return {
    'GET sessions': async ({ query, account }) => {
      const page = readPage(query, DEFAULT_LIMIT);
      const scope = readScope(query);
      const visibility = await visibilityFor(state, account);
      const seen = sessions
        .list()
        .filter(
          (session) =>
            session.owner === account.id || runsOf(state, session).some((run) => visibility.sees(run, scope)),
        );
      return json({ sessions: pageOf(seen, page).items.map(({ id }) => id) });
    },
    'GET sessions/:session': async ({ params, query, account }) => {
      const scope = readScope(query);
      const visibility: Visibility = await visibilityFor(state, account);
      const session = sessions.find(params['session'] ?? '');
      const isOwn = session?.owner === account.id;
      const runs =
        session === undefined ? [] : runsOf(state, session).filter((run) => visibility.sees(run, scope));
      if (session === undefined || (!isOwn && runs.length === 0))
        throw problem(404, `Session "${params['session']}" is unknown`);
      return json({
        training_run_ids: runs.map(({ id }) => id),
        sampler_ids: isOwn ? samplerRecords.of(session.id).map(({ id }) => id) : [],
      });
    },
    'PUT sessions/:session/project': ({ params, body, account }) => {
      const projectId = fieldsOf(body).optionalText('project_id') ?? '';
      if (projectId === '')
        throw problem(400, 'body.project_id is missing: a session cannot leave its project');
      const session = sessions.find(params['session'] ?? '');
      if (session === undefined) throw problem(404, `Session "${params['session']}" is unknown`);
      if (session.owner !== account.id) throw problem(403, `Session "${session.id}" is another account's`);
      session.projectId = projectId;
      return new Response(null, { status: 204 });
    },
    'GET sessions/:session/trace_export': ({ request, params, account }) => {
      const session = sessions.find(params['session'] ?? '');
      if (session?.owner !== account.id) throw problem(404, `Session "${params['session']}" is unknown`);
      session.traceRequests += 1;
      if (session.traceRequests <= PENDING_TRACE_REQUESTS) return json({ status: 'pending' });
      const url = new URL(request.url);
      url.pathname = url.pathname.replace(/\/trace_export$/, '/trace');
      url.search = `?token=${links.sign(traceSubject(session.id), TRACE_LIFETIME_MS).token}`;
      return json({ status: 'ready', url: url.href });
    },
  };
}

/** The route that a link to a trace leads to. It asks for no key: whoever holds the link may read. */
export function traceRoutes(state: EmulatorState): Routes {
  return {
    'GET sessions/:session/trace': ({ params, query }: Call) => {
      const id = params['session'] ?? '';
      state.links.verify(traceSubject(id), query.get('token'));
      const session = state.sessions.find(id);
      if (session === undefined) throw problem(404, `Session "${id}" is unknown`);
      return new Response(encodeUtf8(JSON.stringify(traceOf(state, session))), {
        headers: { 'content-type': 'application/octet-stream' },
      });
    },
  };
}

function runsOf({ runs }: EmulatorState, session: Session) {
  return runs.list().filter((run) => run.session.id === session.id);
}

function traceSubject(sessionId: string): string {
  return `trace of ${sessionId}`;
}

/** A trace in the JSON form that trace viewers read: when the session began, and when each run was last heard of. */
function traceOf(state: EmulatorState, session: Session): object {
  const event = (name: string, at: number): object => ({
    name,
    ph: 'i',
    s: 'g',
    ts: at * 1000,
    pid: 1,
    tid: 1,
  });
  return {
    traceEvents: [
      event(`session ${session.id}`, session.createdAt),
      ...runsOf(state, session).map(({ id, lastRequestAt }) => event(`run ${id}`, lastRequestAt)),
    ],
  };
}
