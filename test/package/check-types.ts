import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type ts from 'typescript';
import { toolPath } from './tool.ts';
import { type Combination, combinationsOf } from './type-matrix.ts';

// Compiles the consumers' programs with the versions of TypeScript that it is given, in a process of its own. Prints one
// JSON object for each combination.

const TYPE_ROOTS = ['../../node_modules/@types', 'tools/node_modules'].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url)),
);

/** How a combination went. */
export interface TypeResult {
  readonly name: string;
  /** Files of the package's declarations that were checked. */
  readonly declarations: number;
  readonly errors: readonly string[];
}

interface Compiler {
  readonly typescript: typeof ts;
  /** The consumer's folder. */
  readonly project: string;
  /** Files that were read, for the programs after the first. */
  readonly files: Map<string, ts.SourceFile | undefined>;
}

const formatHost: ts.FormatDiagnosticsHost = {
  getCanonicalFileName: (file) => file,
  getCurrentDirectory: () => '/',
  getNewLine: () => '\n',
};

function optionsOf({ typescript }: Compiler, given: Combination['options']): ts.CompilerOptions {
  const json = {
    target: 'ES2022',
    typeRoots: TYPE_ROOTS,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    skipLibCheck: false,
    declaration: true,
    ...given,
  };
  const { options, errors } = typescript.convertCompilerOptionsFromJson(json, '/');
  if (errors.length > 0) throw new Error(typescript.formatDiagnostics(errors, formatHost));
  return options;
}

/** Files are parsed once for all programs, as an editor does. */
function hostOf({ typescript, files }: Compiler, options: ts.CompilerOptions): ts.CompilerHost {
  const host = typescript.createCompilerHost(options);
  const { getSourceFile } = host;
  host.jsDocParsingMode = typescript.JSDocParsingMode.ParseForTypeErrors;
  host.getSourceFile = (file, languageVersion, ...rest) => {
    const key = `${file} ${JSON.stringify(languageVersion)}`;
    if (!files.has(key)) files.set(key, getSourceFile.call(host, file, languageVersion, ...rest));
    return files.get(key);
  };
  return host;
}

/** The program's own files and the package's declarations; those of the platform are not ours to check. */
function check(compiler: Compiler, { name, options: given, programs }: Combination): TypeResult {
  const { typescript, project } = compiler;
  const options = optionsOf(compiler, given);
  const rootNames = programs.map((file) => join(project, file));
  const program = typescript.createProgram({ rootNames, options, host: hostOf(compiler, options) });
  const own = program
    .getSourceFiles()
    .filter(({ fileName }) => fileName.startsWith(project) && !fileName.includes('/@cloudflare/'));
  const found = [
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...own.flatMap((file) => [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
      ...(file.isDeclarationFile ? [] : program.getDeclarationDiagnostics(file)),
    ]),
  ];
  return {
    name,
    declarations: own.filter((file) => file.isDeclarationFile).length,
    errors: found.map((diagnostic) => typescript.formatDiagnostic(diagnostic, formatHost).trim()),
  };
}

const parent = process.ppid;
const [project = '', ...versions] = process.argv.slice(2);
for (const version of versions) {
  const typescript = createRequire(import.meta.url)(toolPath(`typescript-${version}`)) as typeof ts;
  const compiler: Compiler = { typescript, project, files: new Map() };
  for (const combination of combinationsOf(version)) {
    // However that ended, nobody reads on.
    if (process.ppid !== parent) process.exit(1);
    console.log(JSON.stringify(check(compiler, combination)));
  }
}
