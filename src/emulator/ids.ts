/** What a server calls what it makes (protocol 0.3). */
export interface EmulatorIds {
  /** Id of a model, given its session, its number there, and the future that makes it. */
  model(sessionId: string, number: number, requestId: string): string;
  /** Id of a sampling session, given its session and its number there. */
  sampler(sessionId: string, number: number): string;
}

/** Ids as the hosted service has them. */
export const HOSTED_IDS: EmulatorIds = {
  model: (sessionId, number) => `${sessionId}:train:${number}`,
  sampler: (sessionId, number) => `${sessionId}:sample:${number}`,
};

/** Ids of futures, which are counted from 1. */
export interface RequestIds {
  of(number: number): string;
  /** The number in an id; anything but a positive integer for one that was never given. */
  numberOf(requestId: string): number;
}

/** Ids of futures as this emulator's hosted service has them. */
export const HOSTED_REQUEST_IDS: RequestIds = {
  of: (number) => `request-${number}`,
  numberOf: (requestId) => Number(/^request-(\d+)$/.exec(requestId)?.[1]),
};
