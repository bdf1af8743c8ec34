import { answerCalls } from '../runtimes/answer-calls.ts';
import { withWorkers } from '../runtimes/workers-of-page.ts';
import { createSuiteFunctions } from './suite-functions.ts';

// The script of the page: runs the suite itself, or has one of its workers run it.

const functions = withWorkers(createSuiteFunctions(), '/worker.js');

/** What can be called in the page. */
export type PageFunctions = typeof functions;

void answerCalls(functions);
