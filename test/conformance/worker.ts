import { answerPage } from '../runtimes/worker-calls.ts';
import { createSuiteFunctions } from './suite-functions.ts';

// The script of the dedicated worker and of the service worker.

answerPage(createSuiteFunctions());
