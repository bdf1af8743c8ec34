import { isoTime } from '../../kernel/clock.ts';
import { DAY_MS, HOUR_MS, isDay, isoDay, parseIsoTime } from '../calendar.ts';
import { json, problem, type Routes } from '../http/http.ts';
import type { EmulatorState } from '../state.ts';
import type { UsageEntry } from './usage.ts';

/** The longest time that usage is told for. */
const MAX_WINDOW_DAYS = 14;

/** Routes that tell an account what it did and what it used (protocol 2.9). Every account is its own administrator. */
export function accountRoutes({ audit, usage, clock, model }: EmulatorState): Routes {
  return {
    'GET audit': ({ query, account }) => {
      const type = query.get('event_type') ?? 'all';
      if (type !== 'all' && type !== 'checkpoints')
        throw problem(422, `query.event_type must be "all" or "checkpoints", got "${type}"`);
      const day = query.get('day') ?? isoDay(clock.now());
      if (!isDay(day)) throw problem(422, `query.day must be a day, YYYY-MM-DD, got "${day}"`);
      const entries = audit.of(account.id, day).map(({ at, event, modelId, path, purpose }) => ({
        timestamp: isoTime(at),
        event,
        model_id: modelId,
        tinker_path: path,
        purpose,
      }));
      return json({ entries });
    },
    'GET billing/usage/events': ({ query, account }) => {
      const from = readHour(query, 'starting_on');
      const to = readHour(query, 'ending_before');
      if (to <= from) throw problem(400, 'ending_before must be after starting_on');
      if (to - from > MAX_WINDOW_DAYS * DAY_MS)
        throw problem(400, `The window must be at most ${MAX_WINDOW_DAYS} days long`);
      if (from > clock.now()) throw problem(400, 'starting_on must not be in the future');
      const used = usage
        .between(from, to)
        .filter(({ session }) => session.owner === account.id)
        .sort((one, other) => one.hour - other.hour || tokensOf(other) - tokensOf(one));
      const data = used.map((entry) => ({
        bucket_start: isoTime(entry.hour),
        bucket_end: isoTime(entry.hour + HOUR_MS),
        base_model: model.name,
        user_id: account.id,
        user_name: account.email,
        session_id: entry.session.id,
        project_id: entry.projectId,
        event_info: infoOf(entry),
      }));
      const sessions = used.map(
        ({ session }) => [session.id, { user_metadata: session.userMetadata }] as const,
      );
      return json({ data, sessions: Object.fromEntries(sessions) });
    },
  };
}

/** A bound of the window: it must be a full hour in UTC. */
function readHour(query: URLSearchParams, name: string): number {
  const text = query.get(name);
  if (text === null) throw problem(422, `query.${name} is missing`);
  const at = parseIsoTime(text);
  if (at === undefined)
    throw problem(422, `query.${name} must be a time as ISO 8601 words it, got "${text}"`);
  if (at % HOUR_MS !== 0) throw problem(400, `${name} must be a full hour in UTC, got "${text}"`);
  return at;
}

/** Closed types: a client refuses fields that it does not know. */
function infoOf({ kind, amount }: UsageEntry): object {
  if (kind === 'checkpoint') return { type: kind, count: amount };
  if (kind === 'storage') return { type: kind, gigabyte_hours: amount };
  if (kind === 'sampling_prefill') return { type: kind, cached: false, token_count: amount };
  if (kind === 'sampling_prefill_cached')
    return { type: 'sampling_prefill', cached: true, token_count: amount };
  return { type: kind, token_count: amount };
}

/** What is not counted in tokens comes last. */
function tokensOf({ kind, amount }: UsageEntry): number {
  return kind === 'checkpoint' || kind === 'storage' ? 0 : amount;
}
