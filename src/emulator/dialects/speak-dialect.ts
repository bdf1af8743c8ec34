import type { EmulatorState } from '../state.ts';
import { absentRoutes } from './absent-routes.ts';
import { archives } from './archives.ts';
import { authentication } from './authentication.ts';
import { checkpointPaths } from './checkpoint-paths.ts';
import { configRoute } from './client-config.ts';
import type { EmulatorDialect } from './dialect.ts';
import { errorShapes } from './error-shapes.ts';
import { type Layer, withLayers } from './exchange.ts';
import { heartbeats } from './heartbeats.ts';
import { inlineExecution } from './inline-execution.ts';
import { passEncoding } from './pass-encoding.ts';
import { records } from './records.ts';
import { samplingRequests } from './sampling-requests.ts';
import { sequenceIds } from './sequence-ids.ts';
import { strictFields } from './strict-fields.ts';
import { submissions } from './submissions.ts';

/** What a dialect is put around. */
export interface DialectParts {
  /** The hosted service. */
  readonly handle: (request: Request) => Promise<Response>;
  readonly state: Pick<EmulatorState, 'futures'>;
  /** The emulator's option says what `client/config` answers. */
  readonly hasOwnConfig: boolean;
}

/** The hosted service with another server's manners, as a request meets them, one after the other. */
export function speakDialect(
  dialect: EmulatorDialect,
  { handle, state, hasOwnConfig }: DialectParts,
): (request: Request) => Promise<Response> {
  const layers: readonly (Layer | undefined)[] = [
    errorShapes(dialect),
    authentication(dialect),
    absentRoutes(dialect),
    configRoute(dialect, hasOwnConfig),
    heartbeats(dialect),
    passEncoding(dialect),
    strictFields(dialect),
    records(dialect),
    archives(dialect),
    checkpointPaths(dialect),
    submissions(dialect),
    inlineExecution(dialect, state),
    samplingRequests(dialect, state),
    sequenceIds(dialect),
  ];
  return withLayers(
    handle,
    layers.filter((layer) => layer !== undefined),
  );
}
