/** An operation that was accepted and then failed (protocol 3.2): its future answers with this. */
export interface OperationFailure {
  readonly error: string;
  readonly category: 'user' | 'server';
}

/** The caller's fault. Thrown inside a job. */
export function userFailure(error: string): OperationFailure {
  return { error, category: 'user' };
}

/** What anything thrown inside a job becomes: a failure as it is, a bug or a bad length as the model words it. */
export function failureOf(thrown: unknown): OperationFailure {
  if (thrown instanceof RangeError) return userFailure(thrown.message);
  if (thrown instanceof Error) return { error: `${thrown.name}: ${thrown.message}`, category: 'server' };
  return thrown as OperationFailure;
}

/** Whether a value is an {@link OperationFailure}. */
export function isFailure(value: unknown): value is OperationFailure {
  return typeof value === 'object' && value !== null && 'error' in value && 'category' in value;
}
