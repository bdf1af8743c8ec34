import { fieldsOf } from '../http/fields.ts';
import { json, type Routes } from '../http/http.ts';
import type { EmulatorState } from '../state.ts';

/** How often clients are to ask for the dynamic configuration again, in seconds. */
const REFRESH_INTERVAL_SECONDS = 300;

/** Routes of configuration and credentials that take the key itself (protocol 2.1). */
export function keyRoutes({ clientConfig, accounts }: EmulatorState): Routes {
  return {
    'POST client/config': ({ body }) => {
      fieldsOf(body).optionalText('sdk_version');
      return json(clientConfig);
    },
    'POST auth/token': ({ account }) => json({ jwt: accounts.issueToken(account) }),
  };
}

/** Routes of the service (protocol 2.1). */
export function serviceRoutes({ model }: EmulatorState): Routes {
  return {
    'GET healthz': () => json({ status: 'ok' }),
    'GET get_server_capabilities': () =>
      json({
        supported_models: [{ model_name: model.name, max_context_length: model.config.contextLength }],
      }),
    'POST client/dynamic_config': ({ body }) => {
      fieldsOf(body).optionalText('sdk_version');
      return json({ refresh_interval_sec: REFRESH_INTERVAL_SECONDS });
    },
  };
}
