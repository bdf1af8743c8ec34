import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must } from './report.ts';

/** The repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What of a package.json is read here. */
export interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/** The tarball, and a fresh project that has installed it as a user would. */
export interface Consumer {
  /** A folder for what else is made; all of it is deleted in the end. */
  readonly folder: string;
  readonly tarball: string;
  /** Where programs run. */
  readonly project: string;
  /** Where the package is in it. */
  readonly installed: string;
  readonly manifest: Manifest;
  /** Entry points by specifier, e.g. `isotinker/chat`. */
  readonly entries: ReadonlyMap<string, EntryFiles>;
}

/** The files of an entry point. */
export interface EntryFiles {
  readonly script: string;
  readonly declarations: string;
}

/** Build, pack, and install into a fresh project. */
export async function packAndInstall(folder: string): Promise<Consumer> {
  await must('npm', ['pack', '--pack-destination', folder], ROOT);
  const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  const tarball = join(folder, file);
  const project = makeProject(join(folder, 'project'));
  await npmInstall(project, tarball);
  const installed = join(project, 'node_modules/isotinker');
  const manifest = readManifest(installed);
  return { folder, tarball, project, installed, manifest, entries: entriesOf(installed, manifest) };
}

/** A folder with an empty package in it, of modules. */
export function makeProject(path: string): string {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }\n');
  return path;
}

/** A project that has the installed package and nothing that it depends on. */
export function copyInto(project: string, { installed }: Consumer): string {
  const copy = join(makeProject(project), 'node_modules/isotinker');
  cpSync(installed, copy, { recursive: true });
  return copy;
}

/** Add packages to a project. @returns what npm said. */
export async function npmInstall(project: string, ...packages: readonly string[]): Promise<string> {
  const { stdout, stderr } = await must('npm', ['install', '--no-audit', '--no-fund', ...packages], project);
  return stdout + stderr;
}

/** The package.json of a folder. */
export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** The entry points of a package that is in `folder`. */
export function entriesOf(folder: string, { exports }: Manifest): Map<string, EntryFiles> {
  const entries = new Map<string, EntryFiles>();
  for (const [path, entry] of Object.entries(exports)) {
    if (typeof entry === 'string') continue;
    const { default: script = '', types = '' } = entry;
    const declarations = join(folder, types);
    entries.set(path.replace('.', 'isotinker'), { script: join(folder, script), declarations });
  }
  return entries;
}
