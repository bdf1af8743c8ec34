import { existsSync, readdirSync } from 'node:fs';

/** Browsers by their engines. */
export type BrowserEngine = 'chromium' | 'firefox' | 'webkit';

/** Every engine there is. */
export const BROWSER_ENGINES: readonly BrowserEngine[] = ['chromium', 'firefox', 'webkit'];

/** Its program, or one line that says what is missing and how to get it. */
export type FoundBrowser = { readonly program: string } | { readonly missing: string };

/** Debian's package of each, and where it may put the program. */
const DEBIAN: Readonly<Record<BrowserEngine, { package: string; programs: () => string[] }>> = {
  chromium: { package: 'chromium', programs: () => ['/usr/bin/chromium'] },
  firefox: { package: 'firefox-esr', programs: () => ['/usr/bin/firefox-esr', '/usr/bin/firefox'] },
  webkit: { package: 'webkit2gtk-driver xvfb', programs: () => miniBrowsers() },
};

/** Find a browser as Debian installs it. */
export function findBrowser(engine: BrowserEngine): FoundBrowser {
  const { package: names, programs } = DEBIAN[engine];
  const program = programs().find((path) => existsSync(path));
  const how = `apt-get install -y ${names}`;
  if (program === undefined) return { missing: `${engine} is missing: ${how}` };
  if (engine === 'webkit' && !existsSync(XVFB))
    return { missing: `Xvfb, which webkit is shown on, is missing: ${how}` };
  return { program };
}

/** The display without a screen that WebKit's browser is shown on. */
export const XVFB = '/usr/bin/Xvfb';

/** WebKit's own small browser, newest first; it lies beside the library, in a folder named after the architecture. */
function miniBrowsers(): string[] {
  const libraries = '/usr/lib';
  const folders = existsSync(libraries)
    ? readdirSync(libraries).filter((name) => name.includes('linux'))
    : [];
  return folders.flatMap((folder) =>
    ['webkit2gtk-4.1', 'webkit2gtk-4.0'].map((version) => `${libraries}/${folder}/${version}/MiniBrowser`),
  );
}
