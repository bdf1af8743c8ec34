export { type Chat, type ChatOptions, createChat, type PromptOptions } from './chat.ts';
export type { Conversation, ConversationSegment, SampledSpan } from './conversation.ts';
export {
  type ExplainFormat,
  type ExplainOptions,
  explain,
  type IdsToExplain,
  type TokensToExplain,
} from './explain-datum.ts';
export type { ChatMessage, TextPart, ToolCall } from './message.ts';
export type { RenderInput } from './render.ts';
export {
  type RlConversation,
  type RlDatum,
  type RlSample,
  type RlSegment,
  type RlSequence,
  rlDatum,
  type TokenMask,
} from './rl-datum.ts';
export type { SupervisedDatum, SupervisedOptions, TrainOn, WeightedTokens } from './supervised.ts';
