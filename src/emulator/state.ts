import type { Clock } from '../kernel/clock.ts';
import type { RandomSource } from '../kernel/random.ts';
import type { Accounts } from './accounts/accounts.ts';
import type { AuditLog } from './accounts/audit-log.ts';
import type { Usage } from './accounts/usage.ts';
import type { Checkpoints } from './checkpoints/checkpoints.ts';
import type { SignedLinks } from './checkpoints/signed-links.ts';
import type { Device } from './device.ts';
import type { Futures } from './futures/futures.ts';
import type { NumberedRequests } from './futures/numbered-requests.ts';
import type { OperationGate } from './futures/operation-gate.ts';
import type { EmulatorIds } from './ids.ts';
import type { SampleAdmission } from './sampling/sample-admission.ts';
import type { SamplerRecords } from './sampling/sampler-records.ts';
import type { Samplers } from './sampling/samplers.ts';
import type { Sessions } from './sessions/sessions.ts';
import type { TelemetryLog } from './sessions/telemetry-routes.ts';
import type { TinyModel } from './tiny-model.ts';
import type { TrainingRuns } from './training/training-runs.ts';

/** All that an emulator knows; its routes share it. */
export interface EmulatorState {
  readonly clock: Clock;
  readonly model: TinyModel;
  readonly device: Device;
  readonly random: RandomSource;
  /** What new models and sampling sessions are called. */
  readonly ids: EmulatorIds;
  readonly accounts: Accounts;
  /** What operations wait for before they start. */
  readonly gate: OperationGate;
  readonly admission: SampleAdmission;
  readonly futures: Futures;
  readonly sessions: Sessions;
  readonly runs: TrainingRuns;
  readonly samplers: Samplers;
  readonly samplerRecords: SamplerRecords;
  readonly checkpoints: Checkpoints;
  readonly links: SignedLinks;
  readonly usage: Usage;
  readonly audit: AuditLog;
  readonly telemetry: TelemetryLog;
  /** What the server asks of clients, by the names of protocol 5.2. */
  readonly clientConfig: Readonly<Record<string, unknown>>;
  /** `create_model` requests, by session. */
  modelRequests(sessionId: string): NumberedRequests;
}
