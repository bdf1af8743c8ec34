import { readUserMetadata } from '../accounts/user-metadata.ts';
import { fieldsOf } from '../http/fields.ts';
import { json, problem, type Routes } from '../http/http.ts';
import type { EmulatorState } from '../state.ts';

/** Routes of sessions (protocol 2.2). */
export function sessionRoutes({ sessions }: EmulatorState): Routes {
  return {
    'POST create_session': ({ body, account }) => {
      const fields = fieldsOf(body);
      const tags = fields.list('tags').map((tag, index) => {
        if (typeof tag === 'string') return tag;
        throw problem(422, `body.tags[${index}] must be a string`);
      });
      const { id } = sessions.open(account, {
        tags,
        sdkVersion: fields.text('sdk_version'),
        userMetadata: readUserMetadata(fields),
        projectId: fields.optionalText('project_id'),
      });
      return json({ session_id: id, type: 'create_session' });
    },
    'POST session_heartbeat': ({ body, account }) => {
      sessions.touch(fieldsOf(body).text('session_id'), account);
      return json({ type: 'session_heartbeat' });
    },
  };
}

/** @throws HttpProblem 404 - for any model but the emulator's own. */
export function requireBaseModel({ model }: Pick<EmulatorState, 'model'>, name: string): void {
  if (name !== model.name) throw problem(404, `Base model "${name}" is not served here; "${model.name}" is`);
}
