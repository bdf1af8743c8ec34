import type { ServiceClient, ServiceClientOptions, TrainingClient } from '../../../src/index.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import type { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { scriptedService } from '../service.ts';

/** A mistake, or a failure, as a user meets it. */
export interface ErrorFixture {
  /** What went wrong, in the user's words. */
  readonly name: string;
  /** Make it happen. @returns what was thrown, or rejected with. */
  readonly provoke: () => Promise<unknown>;
}

/** Fixtures that belong together. */
export interface ErrorFixtures {
  readonly title: string;
  readonly fixtures: readonly ErrorFixture[];
}

/** A key that must show in no message. */
export const SECRET_KEY = 'tml-key-of-the-user-0123456789';

/** What `work` throws, or rejects with, on a virtual clock. */
export async function failureOf(work: () => unknown, clock?: VirtualClock): Promise<unknown> {
  try {
    const made = work();
    const settled = Promise.resolve(made);
    await (clock === undefined ? settled : clock.drive(settled));
  } catch (error) {
    return error;
  }
  throw new Error('It should have failed');
}

/** What happens without a server. */
export function local(name: string, work: () => unknown): ErrorFixture {
  return { name, provoke: () => failureOf(work) };
}

/** A service in the middle of its work. */
export interface Scene {
  readonly service: ServiceClient;
  readonly clock: VirtualClock;
}

/** How a fixture's server and client are. */
export interface Setting {
  /** What the server answers; healthy where it says nothing. */
  readonly script?: Readonly<Record<string, readonly Answer[]>>;
  readonly options?: Partial<ServiceClientOptions>;
}

/** What happens with a service. */
export function served(
  name: string,
  { script = {}, options = {} }: Setting,
  act: (scene: Scene) => unknown,
): ErrorFixture {
  return {
    name,
    async provoke() {
      const { service, clock } = scriptedService(script, {
        apiKey: SECRET_KEY,
        baseUrl: 'https://tinker.test',
        ...options,
      });
      const error = await failureOf(() => act({ service, clock }), clock);
      await clock.drive(service.close());
      return error;
    },
  };
}

/** What happens to a training client. */
export function trained(
  name: string,
  setting: Setting,
  act: (training: TrainingClient, scene: Scene) => unknown,
): ErrorFixture {
  return served(name, setting, async (scene) =>
    act(await scene.service.createLoraTrainingClient({ baseModel: 'm' }), scene),
  );
}

/** An answer of JSON. */
export const json = (status: number, body: unknown): Answer => ({ status, body });

/** An answer of anything else. */
export const page = (status: number, text: string, type = 'text/html'): Answer => ({
  status,
  text,
  headers: { 'content-type': type },
});
