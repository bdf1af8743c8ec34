import { checkText } from '../../kernel/checks.ts';
import type { Runtime } from '../../operations/runtime.ts';
import type { Credential } from '../../transport/credential.ts';
import { readBillingUsage } from '../../wire/json/rest-billing.ts';
import { readAuditLog, readSampler, readSessionInfo, readSessions } from '../../wire/json/rest-sessions.ts';
import { checkedPosition, createPages } from './pages.ts';
import type { RestClient } from './rest-client.ts';
import { askRest, changeRest } from './rest-request.ts';
import { checkAccessScope, routeSegment, routeTo, routeToSession } from './rest-routes.ts';
import { awaitTrace } from './trace-export.ts';
import { checkedDay, checkedUsageWindow } from './usage-window.ts';
import { readIdentity } from './who-am-i.ts';

/** Which lines of the audit log. */
export interface AuditLogQuery {
  /** `all`, `checkpoints`, or another word the server knows. @default 'all' */
  readonly eventType?: 'all' | 'checkpoints' | (string & {}) | undefined;
  /** A day in UTC: `YYYY-MM-DD`, or a `Date` in it. @default today, as the server has it */
  readonly day?: Date | string | undefined;
}

/** Calls about sessions, and about the account. */
export type AccountCalls = Pick<
  RestClient,
  | 'getSession'
  | 'listSessions'
  | 'assignSessionProject'
  | 'exportSessionTrace'
  | 'getAuditLog'
  | 'getBillingUsage'
  | 'getSampler'
  | 'whoami'
>;

/** The {@link AccountCalls} of a client. */
export function accountCalls(runtime: Runtime, credential: Credential): AccountCalls {
  const { scopes } = runtime;
  return {
    async getSession(sessionId, access = {}, options) {
      const query = { access_scope: checkAccessScope(access.accessScope) };
      const path = routeTo(routeToSession(sessionId), query);
      return askRest(runtime, { method: 'GET', path }, readSessionInfo, options);
    },
    listSessions(query = {}, options = {}) {
      const access = { access_scope: checkAccessScope(query.accessScope) };
      return createPages({
        start: checkedPosition({ limit: query.limit ?? 20, offset: query.offset ?? 0 }),
        key: (id) => id,
        fetch: (position, call) => {
          const path = routeTo('sessions', { ...position, ...access });
          return askRest(runtime, { method: 'GET', path }, readSessions, call);
        },
        options,
      });
    },
    async assignSessionProject(sessionId, projectId, options = {}) {
      const path = routeTo(routeToSession(sessionId, 'project'));
      const body = { project_id: checkText('projectId', projectId) };
      return scopes.run(options, (scope) => changeRest(runtime, scope, { method: 'PUT', path, body }));
    },
    async exportSessionTrace(sessionId, options = {}) {
      const path = routeTo(routeToSession(sessionId, 'trace_export'));
      return scopes.run(options, (scope) => awaitTrace(runtime, scope, path));
    },
    async getAuditLog(query = {}, options) {
      const event_type = checkText('eventType', query.eventType ?? 'all');
      const path = routeTo('audit', { event_type, day: checkedDay(query.day) });
      return askRest(runtime, { method: 'GET', path }, readAuditLog, options);
    },
    async getBillingUsage(window, options) {
      const path = routeTo('billing/usage/events', { ...checkedUsageWindow(window) });
      return askRest(runtime, { method: 'GET', path }, readBillingUsage, options);
    },
    async getSampler(samplerId, options) {
      const path = routeTo(`samplers/${routeSegment('samplerId', samplerId)}`);
      return askRest(runtime, { method: 'GET', path }, readSampler, options);
    },
    whoami: async (options = {}) =>
      scopes.run(options, async ({ signal }) => {
        const { jwtAuth } = await runtime.settings.ready(signal);
        return readIdentity(await credential(signal), jwtAuth);
      }),
  };
}
