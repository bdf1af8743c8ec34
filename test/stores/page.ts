import { answerCalls } from '../runtimes/answer-calls.ts';
import { withWorkers } from '../runtimes/workers-of-page.ts';
import { createContextFunctions } from './page-functions.ts';

// The script of every page: answers calls itself, or has its workers answer them.

const functions = withWorkers(createContextFunctions(), '/worker.js');

/** What can be called in a page. */
export type PageFunctions = typeof functions;

void answerCalls(functions);
