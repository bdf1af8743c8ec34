import { sleep } from '../kernel/abort.ts';
import { bareMessage } from '../kernel/bare-message.ts';
import { isTinkerError, TinkerApiError, type TinkerError } from '../kernel/errors.ts';
import type { BinaryBody } from '../transport/transport.ts';
import { asUnsupported } from './missing-route.ts';
import type { NumberedRequest } from './numbered-submission.ts';
import type { PassRuntime } from './runtime.ts';
import type { BodyForm, BodyForms } from './wire-format.ts';

/** A request in one of its forms, and what its failures say of the form. */
export interface FormedRequest {
  readonly form: BodyForm;
  readonly path: string;
  readonly body: object | BinaryBody;
  /** Hear of the failure of an attempt. @returns whether the server answered that it does not read this form. */
  failed(error: unknown, wasSent: boolean): boolean;
  /** Whether the last failure is a reason to try the next form. */
  isUnread(): boolean;
}

/** What a form is filled with, and who waits for it. */
export interface FormContext {
  readonly sequenceId: number;
  readonly signal: AbortSignal;
}

/** How long a server that crashed over a body is given to close the connection, which some do behind their answer. */
const CLOSING_MS = 100;

/**
 * Send in the best form; where the server seems not to read it, in the next, under the same number (servers.md 2.1
 * items 1 to 3). The last one's failure is the request's; only where the network was to blame, and the last form is
 * refused, the one before it has a second chance.
 *
 * @throws TinkerUnsupportedError - where the server has no such route.
 */
export async function inSomeForm(
  { forms, clock }: PassRuntime,
  request: NumberedRequest,
  context: FormContext,
  send: (form: FormedRequest) => Promise<unknown>,
): Promise<unknown> {
  const { protobuf } = request;
  const sendProving = async (formed: FormedRequest): Promise<unknown> => {
    const answer = await send(formed);
    if (protobuf !== undefined) forms.accepted(formed.form);
    return answer;
  };
  const candidates = protobuf === undefined ? (['json'] as const) : forms.candidates();
  let wasCut: FormedRequest | undefined;
  for (const [index, form] of candidates.entries()) {
    const isLast = index === candidates.length - 1;
    const formed = await formOf(forms, request, form, context, isLast);
    try {
      return await sendProving(formed);
    } catch (error) {
      if (!isTinkerError(error)) throw error;
      if (isLast && wasCut !== undefined && isTinkerError(error, 'http_status'))
        return sendProving({ ...wasCut, failed: () => false, isUnread: () => false });
      if (!formed.isUnread()) throw explained(error, formed, forms);
      wasCut = error.code === 'connection_failed' ? formed : undefined;
      // A request sent into that connection would be lost, and nobody would know whether it was taken.
      if (isTinkerError(error, 'http_status') && error.status === 500)
        await sleep(clock, CLOSING_MS, context.signal);
    }
  }
  throw new RangeError('A request has at least one form');
}

async function formOf(
  forms: BodyForms,
  request: NumberedRequest,
  form: BodyForm,
  { sequenceId, signal }: FormContext,
  isLast: boolean,
): Promise<FormedRequest> {
  let cuts = 0;
  let isUnread = false;
  const failed = (error: unknown, wasSent: boolean): boolean => {
    cuts = wasSent && isTinkerError(error, 'connection_failed') && !error.isUnsent ? cuts + 1 : 0;
    // What never left, e.g. for want of a token, says nothing of the form.
    const seemsUnread = wasSent && isTinkerError(error) && forms.isUnread(form, error, cuts);
    isUnread = seemsUnread && !isLast;
    return seemsUnread && isTinkerError(error, 'http_status');
  };
  const state = { form, failed, isUnread: () => isUnread };
  const { protobuf } = request;
  if (form === 'json' || protobuf === undefined)
    return { ...state, path: request.path, body: request.body(sequenceId) };
  const body = await forms.encode(form, protobuf.encode(sequenceId), signal);
  return { ...state, path: protobuf.path, body };
}

/** The failure of the last form that was tried. */
function explained(error: TinkerError, { form, path }: FormedRequest, forms: BodyForms): TinkerError {
  if (!isTinkerError(error, 'http_status') || !forms.isUnread(form, error, 0))
    return asUnsupported(`POST ${path}`, error);
  const { status, body, retryAfterMs, requestId, attempts } = error;
  const hint = 'If the server does not read protobuf, set wireFormat to "auto"';
  const details = { cause: error, body, retryAfterMs, requestId, hint };
  return Object.assign(new TinkerApiError(status, bareMessage(error), details), { attempts });
}
