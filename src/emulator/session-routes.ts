import { fieldsOf } from './fields.ts';
import { json, problem, type Routes } from './http.ts';
import type { EmulatorState } from './state.ts';

/** Routes of the service and its sessions (protocol 2.1, 2.2). */
export function sessionRoutes({ model, sessions }: EmulatorState): Routes {
  return {
    'GET healthz': () => json({ status: 'ok' }),
    'GET get_server_capabilities': () =>
      json({
        supported_models: [{ model_name: model.name, max_context_length: model.config.contextLength }],
      }),
    'POST client/config': () => json({}),
    'POST create_session': ({ body }) => {
      const fields = fieldsOf(body);
      fields.list('tags');
      fields.text('sdk_version');
      return json({ session_id: sessions.open(), type: 'create_session' });
    },
    'POST session_heartbeat': ({ body }) => {
      sessions.touch(fieldsOf(body).text('session_id'));
      return json({ type: 'session_heartbeat' });
    },
  };
}

/** @throws HttpProblem 404 - for any model but the emulator's own. */
export function requireBaseModel({ model }: EmulatorState, name: string): void {
  if (name !== model.name) throw problem(404, `Base model "${name}" is not served here; "${model.name}" is`);
}
