import { parseArgs } from 'node:util';
import { formatTable } from './bench.ts';
import { codec } from './codec.ts';
import { concurrency } from './concurrency.ts';
import { emulator } from './emulator.ts';
import { latency } from './latency.ts';
import { limits } from './limits.ts';
import { outage } from './outage.ts';
import { requests } from './requests.ts';
import { startup } from './startup.ts';
import { tokenizers } from './tokenizers.ts';

// `npm run bench [-- --json] [-- --only NAME]`: figures as ratios within one run, each beside what it is compared with.

const BENCHES = [requests, concurrency, codec, latency, outage, startup, emulator, limits, tokenizers];

const { values } = parseArgs({ options: { json: { type: 'boolean' }, only: { type: 'string' } } });
const chosen = BENCHES.filter(({ name }) => values.only === undefined || name === values.only);
if (chosen.length === 0) {
  console.error(
    `There is no bench "${values.only}"; there are ${BENCHES.map(({ name }) => name).join(', ')}`,
  );
  process.exitCode = 2;
}
const results: Record<string, unknown> = {};
for (const { name, title, run } of chosen) {
  const rows = await run();
  results[name] = rows;
  if (values.json !== true) console.log(`\n${name}\n${title}\n\n${formatTable(rows)}`);
}
if (values.json === true) console.log(JSON.stringify(results));
