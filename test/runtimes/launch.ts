/** A browser that runs, with a profile of its own. */
export interface Browser {
  /** Resolves when it ends by itself, with how. */
  readonly ended: Promise<string>;
  /** End it, and delete its profile. */
  close(): Promise<void>;
}

/** What starts a browser of one engine. */
export interface Launch {
  readonly program: string;
  /** Addresses of the pages to open, each in a tab; they share a profile, and none of them is slowed down when hidden. */
  readonly urls: readonly string[];
  /** An empty folder for the profile, and for all else it writes. */
  readonly profile: string;
  /** Ends it at once when aborted. */
  readonly signal: AbortSignal;
}
