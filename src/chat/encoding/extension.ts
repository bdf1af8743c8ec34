import { ASSISTANT, type ChatMessage } from '../message.ts';
import { knownPart, type MessageEncoder } from './encoding.ts';

/** Whether a template writes earlier answers as it wrote them when they were the last: tried with and without thoughts. */
export function growsByExtension(encoder: MessageEncoder): boolean {
  const asked: ChatMessage = { role: 'user', content: 'x' };
  const answers: readonly ChatMessage[] = [
    { role: ASSISTANT, content: 'y' },
    { role: ASSISTANT, content: 'y', reasoning_content: 'z' },
    { role: ASSISTANT, content: '<think>\nz\n</think>\n\ny' },
  ];
  return answers.every((answer) => extends_(encoder, [asked, answer], asked));
}

function extends_(encoder: MessageEncoder, before: readonly ChatMessage[], next: ChatMessage): boolean {
  const prompt = encoder.render(before.slice(0, 1), {}, true).text;
  const { rendering, parts } = encoder.encode(before, {}, false);
  const answered = rendering.text.slice(0, knownPart(parts, 1).end);
  const later = encoder.render([...before, next], {}, true).text;
  return answered.startsWith(prompt) && later.startsWith(answered);
}
