import { writeFileSync } from 'node:fs';
import { assemble, BYTES_MODULE, bytesModule, readProgram } from './assemble.ts';

const bytes = await assemble(readProgram());
writeFileSync(BYTES_MODULE, bytesModule(bytes));
console.log(`${BYTES_MODULE}: ${bytes.length} bytes`);
