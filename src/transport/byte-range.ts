/** Which bytes of which whole a body holds. */
export interface ReceivedRange {
  /** First byte; `undefined` where the answer does not say it. */
  readonly start: number | undefined;
  /** Size of the whole; `undefined` where the answer does not say it. */
  readonly total: number | undefined;
}

/** Read an answer of status 200, 206 or 416 (RFC 9110). */
export function readRange(status: number, headers: Headers): ReceivedRange {
  if (status !== 206 && status !== 416) return { start: 0, total: readLength(headers) };
  const pattern = /^\s*bytes\s+(?:(\d+)-\d+|\*)\/(\d+|\*)\s*$/i;
  const [, start, total] = pattern.exec(headers.get('content-range') ?? '') ?? [];
  return { start: readCount(start), total: readCount(total) };
}

/** How long the body of this answer is; `undefined` where it does not say, or where the platform unpacks it. */
export function readLength(headers: Headers): number | undefined {
  return isEncoded(headers) ? undefined : readCount(headers.get('content-length'));
}

/** Whether the body was packed for the way: its length and its ranges are then those of the packed form. */
export function isEncoded(headers: Headers): boolean {
  const encoding = headers.get('content-encoding')?.trim() ?? '';
  return encoding !== '' && !/^identity$/i.test(encoding);
}

function readCount(text: string | null | undefined): number | undefined {
  return /^\s*\d{1,15}\s*$/.test(text ?? '') ? Number(text) : undefined;
}
