import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Launch } from './launch.ts';
import { startProcess } from './own-process.ts';

const PREFERENCES: Readonly<Record<string, unknown>> = {
  'app.normandy.enabled': false,
  'app.update.disabledForTesting': true,
  'browser.aboutwelcome.enabled': false,
  'browser.sessionstore.resume_from_crash': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'network.proxy.type': 0,
  'services.settings.server': 'data:,',
  'toolkit.telemetry.enabled': false,
  // Hidden tabs keep their timers.
  'dom.min_background_timeout_value': 4,
  'dom.min_background_timeout_value_without_budget_throttling': 4,
  'dom.timeout.enable_budget_timer_throttling': false,
};

/** Start Firefox. */
export async function launchFirefox({ program, urls, profile, signal }: Launch): Promise<Browser> {
  const lines = Object.entries(PREFERENCES).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
  );
  writeFileSync(join(profile, 'user.js'), lines.join(''));
  const firefox = startProcess(program, ['--headless', '--no-remote', '--profile', profile, ...urls], {
    env: { HOME: profile },
    signal,
  });
  return { ended: firefox.ended, close: () => firefox.end() };
}
