import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { runCommand } from '../support/command.ts';
import { type Consumer, ROOT } from './consumer.ts';
import { demand, demandNone, type Report } from './report.ts';
import { loadTool } from './tool.ts';

interface SourceMap {
  readonly sources: readonly (string | null)[];
  readonly sourcesContent?: readonly (string | null)[];
  readonly mappings: string;
}

interface Mapping {
  readonly source: string | null;
  readonly generatedLine: number;
  readonly generatedColumn: number;
  readonly originalLine: number | null;
  readonly originalColumn: number | null;
}

interface TraceMapping {
  readonly TraceMap: new (map: SourceMap) => object;
  eachMapping(map: object, each: (mapping: Mapping) => void): void;
}

/** Every position in what is published leads to a line of the sources, which the map carries. */
export async function checkSourceMaps({ installed, project }: Consumer, report: Report): Promise<void> {
  const { TraceMap, eachMapping } = await loadTool<TraceMapping>('@jridgewell/trace-mapping');
  const scripts = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.js'))
    .map((file) => join(installed, 'dist', file));

  await report.check('every script names its source map, which has the sources in it', () => {
    demand(scripts.length > 9, `there are ${scripts.length} scripts`);
    demandNone('wrong', scripts.flatMap(wrongContents));
  });
  await report.check('every mapping leads to a place in the sources', () => {
    let count = 0;
    const wrong = scripts.flatMap((script) => {
      const map = mapOf(script);
      const lost: string[] = [];
      const generated = readFileSync(script, 'utf8').split('\n');
      const originals = new Map(
        map.sources.map((source, s) => [source, (map.sourcesContent?.[s] ?? '').split('\n')]),
      );
      eachMapping(new TraceMap(map), (mapping) => {
        count += 1;
        const { source, generatedLine, generatedColumn, originalLine, originalColumn } = mapping;
        const here = generated[generatedLine - 1];
        const there = originals.get(source)?.[(originalLine ?? 0) - 1];
        if (
          here === undefined ||
          here.length < generatedColumn ||
          (there?.length ?? -1) < (originalColumn ?? 0)
        )
          lost.push(`${basename(script)}:${generatedLine}:${generatedColumn} to ${source}:${originalLine}`);
      });
      return lost;
    });
    demand(count > 10_000, `there are ${count} mappings`);
    demandNone('lost', wrong);
  });
  await report.check('a stack trace names the line of the sources', async () => {
    const program =
      "import { ModelInput } from 'isotinker';\nModelInput.tokens({ chunks: [{ type: 'image' }] });\n";
    writeFileSync(join(project, 'throws.mjs'), program);
    const { stderr } = await runCommand(process.execPath, ['--enable-source-maps', 'throws.mjs'], {
      cwd: project,
    });
    const [, file = '', line] = /at .*\/(src\/wire\/types\/model-input\.ts):(\d+)/.exec(stderr) ?? [];
    demand(file !== '', `it says ${stderr}`);
    const text = readFileSync(join(ROOT, file), 'utf8').split('\n')[Number(line) - 1] ?? '';
    demand(/throw new TinkerInputError|chunks\.map/.test(text), `line ${line} of ${file} is ${text}`);
  });
}

function mapOf(script: string): SourceMap {
  return JSON.parse(readFileSync(`${script}.map`, 'utf8')) as SourceMap;
}

/** What is wrong with a script's map, if anything. */
function wrongContents(script: string): string[] {
  const name = basename(script);
  const [, named] = /^\/\/# sourceMappingURL=(.*)$/m.exec(readFileSync(script, 'utf8')) ?? [];
  if (named !== `${name}.map` || !existsSync(`${script}.map`)) return [`${name} names ${named}`];
  const { sources, sourcesContent = [] } = mapOf(script);
  return sources.flatMap((source, s) => {
    const file = source?.replace(/^(\.\.\/)+/, '') ?? '';
    const content = sourcesContent[s];
    if (!file.startsWith('src/')) return [`${name} is made of ${source}`];
    if (typeof content !== 'string') return [`${name} is without ${source}`];
    return content === readFileSync(join(ROOT, file), 'utf8')
      ? []
      : [`${dirname(file)}: ${source} is another`];
  });
}
