import { TinkerError, type TinkerErrorDetails } from './errors.ts';

/** The server has no such route: `unsupported_by_server`. Others may, so fall back rather than fail where you can. */
export class TinkerUnsupportedError extends TinkerError {
  override readonly name = 'TinkerUnsupportedError';
  /** Method and path that the server lacks, e.g. `GET /api/v1/sessions`. */
  readonly route: string;

  /** @internal */
  constructor(route: string, details: TinkerErrorDetails = {}) {
    super('unsupported_by_server', 'server', `This server does not have ${route}`, details);
    this.route = route;
  }
}
