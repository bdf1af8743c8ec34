import { measureInstalled } from '../size/bundle.ts';
import { type Feature, MARKS, PARTS } from '../size/parts.ts';
import type { Consumer } from './consumer.ts';
import { demand, demandNone, type Report } from './report.ts';

/**
 * What a bundle of the published files may have above the ceiling, which is for the sources. Modules share chunks in it,
 * so gzip meets them in another order (of the emulator it makes 0.3 % more, of the client 0.8 % less), and constants have
 * names where the sources' are inlined (15 bytes in `denoKvStorage`, the most).
 */
const MORE = { share: 0.005, bytes: 5 };

/** A part is as large when it is published as the README says, and has nothing of others. */
export async function checkSizes({ project }: Consumer, report: Report): Promise<void> {
  for (const { name, code, ceiling, without } of PARTS) {
    await report.check(`what is published of ${name} is as small as its sources`, async () => {
      const { text, gzipBytes } = await measureInstalled(code, project);
      const most = Math.floor(ceiling * (1 + MORE.share) + MORE.bytes);
      demand(gzipBytes <= most, `it has ${gzipBytes} bytes with gzip, more than ${most}`);
      demandNone(
        'it has something of',
        without.filter((feature: Feature) => text.includes(MARKS[feature])),
      );
    });
  }
}
