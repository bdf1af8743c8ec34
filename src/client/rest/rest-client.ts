import type { Runtime } from '../../operations/runtime.ts';
import type { CallOptions } from '../../operations/scope.ts';
import type { Credential } from '../../transport/credential.ts';
import type { BillingUsage } from '../../wire/types/billing.ts';
import type { AuditLogEntry, CheckpointArchive, SamplerInfo, SessionInfo } from '../../wire/types/rest.ts';
import type { Checkpoint, TrainingRun, WeightsInfo } from '../../wire/types/training-run.ts';
import type { CheckpointDownload, DownloadOptions, DownloadParts } from '../archive/checkpoint-download.ts';
import type { CheckpointRef } from './checkpoint-ref.ts';
import type { PagePosition, Pages, WholeList } from './pages.ts';
import { type AuditLogQuery, accountCalls } from './rest-account.ts';
import { checkpointCalls } from './rest-checkpoints.ts';
import type { AccessOptions } from './rest-routes.ts';
import { runCalls } from './rest-runs.ts';
import type { UsageWindow } from './usage-window.ts';
import type { Identity } from './who-am-i.ts';

/** Which training runs to list. */
export interface TrainingRunQuery extends PagePosition, AccessOptions {
  /** Only those of this project. @default those of all */
  readonly projectId?: string | undefined;
}

/** Which sessions to list. */
export interface SessionQuery extends PagePosition, AccessOptions {}

/**
 * What the server keeps: training runs, checkpoints, sessions, usage (protocol 7). Opens no session.
 *
 * Requests are sent again as those of training are, and safely: each asks, or sets what may be set twice. Where the
 * server lacks a route the call rejects with an `unsupported_by_server` error; for an argument that cannot be right with
 * `input_invalid`, before anything is sent, and the lists throw that at once. Times of the server are `Date`s; one it
 * does not give is `undefined`, one that cannot be read is a `response_invalid` error.
 */
export interface RestClient {
  /** One training run. */
  getTrainingRun(runId: string, access?: AccessOptions, options?: CallOptions): Promise<TrainingRun>;
  /** The training run that a checkpoint is of. */
  getTrainingRunByTinkerPath(
    path: string,
    access?: AccessOptions,
    options?: CallOptions,
  ): Promise<TrainingRun>;
  /** What saved weights are weights of; also of others' public ones. The path is the server's to read. */
  getWeightsInfo(path: string, options?: CallOptions): Promise<WeightsInfo>;
  /** Training runs, newest use first. Pages of 20. */
  listTrainingRuns(query?: TrainingRunQuery, options?: CallOptions): Pages<TrainingRun>;
  /** The checkpoints of one training run. */
  listCheckpoints(runId: string, options?: CallOptions): WholeList<Checkpoint>;
  /** All one's checkpoints, newest first. Pages of 100. */
  listUserCheckpoints(position?: PagePosition, options?: CallOptions): Pages<Checkpoint>;

  /**
   * Where a checkpoint can be downloaded, for a while. The server may have to build the archive: it is asked six times,
   * half a minute apart. A checkpoint that has expired is a `result_expired` error. In a page a server that answers with
   * a redirect keeps its target hidden, and the error says so (status 0).
   */
  getCheckpointArchiveUrl(checkpoint: CheckpointRef, options?: CallOptions): Promise<CheckpointArchive>;
  /**
   * Download a checkpoint's archive. Resolves when it begins; {@link CheckpointDownload} goes on over cut connections
   * and expired addresses. The request for the archive itself carries no key, and takes no connection of the client's.
   */
  downloadCheckpoint(checkpoint: CheckpointRef, options?: DownloadOptions): Promise<CheckpointDownload>;
  /** Delete one checkpoint, for good. */
  deleteCheckpoint(checkpoint: CheckpointRef, options?: CallOptions): Promise<void>;
  /**
   * Delete many. Those that fail do not stop the others: a `partly_failed` error names them in the end.
   */
  deleteCheckpoints(checkpoints: readonly CheckpointRef[], options?: CallOptions): Promise<void>;
  /** Make a checkpoint readable for everyone. One that is public already is an `http_status` error of 409. */
  publishCheckpoint(checkpoint: CheckpointRef, options?: CallOptions): Promise<void>;
  /** Take that back. One that is private already is an `http_status` error of 409. */
  unpublishCheckpoint(checkpoint: CheckpointRef, options?: CallOptions): Promise<void>;
  /** Let a checkpoint expire so many seconds from now, from 1 on, or with `null` never. */
  setCheckpointTtl(checkpoint: CheckpointRef, seconds: number | null, options?: CallOptions): Promise<void>;

  /** What runs in a session. */
  getSession(sessionId: string, access?: AccessOptions, options?: CallOptions): Promise<SessionInfo>;
  /** Ids of sessions. Pages of 20; the server gives no cursor, so a short page is the last one. */
  listSessions(query?: SessionQuery, options?: CallOptions): Pages<string>;
  /** Move a session into a project. It cannot be taken out of projects again. */
  assignSessionProject(sessionId: string, projectId: string, options?: CallOptions): Promise<void>;
  /**
   * Have the trace of a session written, and get its address, which works for about an hour and without a key. Asks
   * every 5 s until it is there; bound it with `timeoutMs`. A trace that cannot be had is an `operation_failed` error.
   */
  exportSessionTrace(sessionId: string, options?: CallOptions): Promise<string>;
  /** What happened on one day, in order of time. Takes an administrator's key. */
  getAuditLog(query?: AuditLogQuery, options?: CallOptions): Promise<readonly AuditLogEntry[]>;
  /** What was used between two hours. */
  getBillingUsage(window: UsageWindow, options?: CallOptions): Promise<BillingUsage>;
  /** What a sampling session samples from. */
  getSampler(samplerId: string, options?: CallOptions): Promise<SamplerInfo>;
  /** Whom the server takes the caller for, by the token in use. Sends nothing, but for the token where there is none yet. */
  whoami(options?: CallOptions): Promise<Identity>;
}

/** What a {@link RestClient} needs beside the runtime. */
export interface RestParts extends Omit<DownloadParts, 'runtime'> {
  /** What the requests are sent with: its claims say who one is. */
  readonly credential: Credential;
}

/** A client for what the server keeps. Does no I/O, and keeps no state. */
export function createRestClient(runtime: Runtime, parts: RestParts): RestClient {
  return {
    ...runCalls(runtime),
    ...checkpointCalls({ runtime, baseUrl: parts.baseUrl, fetch: parts.fetch }),
    ...accountCalls(runtime, parts.credential),
  };
}
