/** What was used: a number of one kind. */
export type BillingEventInfo =
  | {
      /** Training. */
      readonly type: 'training';
      /** Tokens trained on. */
      readonly tokenCount: number;
    }
  | {
      /** Prompts of samples. */
      readonly type: 'sampling_prefill';
      /** Whether the server had them cached. */
      readonly cached: boolean;
      /** Tokens of prompts. */
      readonly tokenCount: number;
    }
  | {
      /** Samples. */
      readonly type: 'sampling_sample';
      /** Tokens generated. */
      readonly tokenCount: number;
    }
  | {
      /** Saving. */
      readonly type: 'checkpoint';
      /** Checkpoints saved. */
      readonly count: number;
    }
  | {
      /** Keeping what was saved. */
      readonly type: 'storage';
      /** Gigabytes times hours. */
      readonly gigabyteHours: number;
    }
  | {
      /** A kind that this version does not know. */
      readonly type: 'other';
      /** The server's name of the kind. */
      readonly name: string;
      /** All of it, as the server sent it. */
      readonly fields: Readonly<Record<string, unknown>>;
    };

/** Use of one kind, in one hour or more, by one session. */
export interface BillingEvent {
  /** Begin of the time it sums up, where the server tells. */
  readonly bucketStart: Date | undefined;
  /** End of that time. */
  readonly bucketEnd: Date | undefined;
  /** The model that was used. */
  readonly baseModel: string | undefined;
  /** Who used it. */
  readonly userId: string | undefined;
  /** Their name. */
  readonly userName: string | undefined;
  /** In which session; a key of {@link BillingUsage.sessions}. */
  readonly sessionId: string | undefined;
  /** For which project. */
  readonly projectId: string | undefined;
  /** What was used, and how much. */
  readonly eventInfo: BillingEventInfo;
}

/** Use of the service in a span of time. Amounts of use, not of money. */
export interface BillingUsage {
  /** In order of time, in each bucket by falling number of tokens. */
  readonly events: readonly BillingEvent[];
  /** What is known of the sessions among them, by their ids. */
  readonly sessions: Readonly<
    Record<
      string,
      {
        /** As the session was opened with. */
        readonly userMetadata: Readonly<Record<string, string>> | undefined;
      }
    >
  >;
}
