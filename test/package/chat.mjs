// What `isotinker/chat` makes of a conversation: the same on every runtime. Run inside a project with the packed library.
import { createChat, explain, rlDatum } from 'isotinker/chat';
import { byteTokenizer } from 'isotinker/emulator';
import { huggingFaceTokenizer } from 'isotinker/tokenizer';
import { tiktokenTokenizer } from 'isotinker/tokenizer/tiktoken';

const messages = [
  { role: 'user', content: 'What is 2+2? 🤔' },
  { role: 'assistant', content: 'It is 4.' },
];
const chat = createChat(byteTokenizer);
const datum = chat.supervisedDatum(messages);
console.log(explain(datum, { tokenizer: byteTokenizer }));

const conversation = chat.start(messages.slice(0, 1));
conversation.addSampled({
  tokens: Int32Array.of(52, 46, 10),
  logprobs: Float32Array.of(-1, -2, -3),
  stopReason: 'stop',
});
conversation.add({ role: 'user', content: 'Sure?' });
console.log(conversation.prompt.join(' '));
const reward = rlDatum({ segments: conversation.segments, advantage: 0.5 });
console.log(explain(reward, { tokenizer: byteTokenizer }));

const vocab = Object.fromEntries(['a', 'b', 'ab', '<', 'e', '>'].map((token, id) => [token, id]));
const file = {
  model: { type: 'BPE', vocab, merges: [['a', 'b']] },
  added_tokens: [{ id: 6, content: '<e>', special: true }],
};
const words = huggingFaceTokenizer(file, {});
console.log(words.encode('abba<e>').join(' '), words.encode('ab<e>', { addedTokens: 'all' }).join(' '));

const ranks = Array.from({ length: 256 }, (_, byte) => `${btoa(String.fromCharCode(byte))} ${byte}\n`).join(
  '',
);
const ranked = tiktokenTokenizer({
  file: new TextEncoder().encode(`${ranks}dGg= 256\ndGhl 257\n`),
  pattern: String.raw`[^\r\n\p{L}\p{N}]?+\p{L}++|\s+`,
  specialTokens: { '<|end|>': 258 },
});
console.log(ranked.encode('the<|end|>', { addedTokens: 'all' }).join(' '));
