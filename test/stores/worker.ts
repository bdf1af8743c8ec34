import { answerPage } from '../runtimes/worker-calls.ts';
import { createContextFunctions } from './page-functions.ts';

// The script of dedicated workers and of the service worker.

answerPage(createContextFunctions());
