import * as z from 'zod/mini';
import type { ServerCapabilities } from '../types/server.ts';
import { id, number, text } from './field.ts';
import { lazy } from './lazy.ts';
import { parseWire } from './parse.ts';

/** Body of `create_session` (protocol 2.2). */
export function createSessionBody(
  tags: readonly string[],
  userMetadata: Readonly<Record<string, string>>,
  projectId: string | undefined,
  sdkVersion: string,
): object {
  return {
    tags,
    user_metadata: userMetadata,
    sdk_version: sdkVersion,
    ...(projectId === undefined ? {} : { project_id: projectId }),
    type: 'create_session',
  };
}

/** A session, and what the server had to say about it. */
export interface CreatedSession {
  readonly sessionId: string;
  readonly messages: readonly { readonly level: 'info' | 'warning' | 'error'; readonly message: string }[];
}

const sessionSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({
    session_id: id(),
    info_message: z.nullish(text()),
    warning_message: z.nullish(text()),
    error_message: z.nullish(text()),
  }),
);

/** Answer of `create_session`. */
export function readSession(body: unknown): CreatedSession {
  const read = parseWire(sessionSchema, body, 'create_session answer');
  const said = [
    { level: 'info', message: read.info_message },
    { level: 'warning', message: read.warning_message },
    { level: 'error', message: read.error_message },
  ] as const;
  const messages = said.flatMap(({ level, message }) => (message ? [{ level, message }] : []));
  return { sessionId: read.session_id, messages };
}

const samplingSessionSchema = /* @__PURE__ */ lazy(() => z.looseObject({ sampling_session_id: id() }));

/** Answer of `create_sampling_session`. */
export function readSamplingSession(body: unknown): string {
  return parseWire(samplingSessionSchema, body, 'create_sampling_session answer').sampling_session_id;
}

const capabilitiesSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({
    supported_models: z.nullish(
      z.array(z.looseObject({ model_name: z.nullish(text()), max_context_length: z.nullish(number()) })),
    ),
  }),
);

/** Answer of `get_server_capabilities`. */
export function readCapabilities(body: unknown): ServerCapabilities {
  const models = parseWire(capabilitiesSchema, body, 'get_server_capabilities answer').supported_models ?? [];
  return {
    supportedModels: models.map((model) => ({
      modelName: model.model_name ?? undefined,
      maxContextLength: model.max_context_length ?? undefined,
    })),
  };
}
