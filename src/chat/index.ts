/**
 * From messages to tokens with weights, and from samples to data of a policy gradient.
 *
 * @module isotinker/chat
 */

export { type Chat, type ChatOptions, createChat, type PromptOptions } from './chat.ts';
export type { Conversation, ConversationSegment, SampledSpan } from './conversation/conversation.ts';
export {
  type ExplainFormat,
  type ExplainOptions,
  explain,
  type IdsToExplain,
  type TokensToExplain,
} from './explain/explain.ts';
export type { RenderInput } from './jinja/render.ts';
export type { ChatMessage, TextPart, ToolCall } from './message.ts';
export {
  type RlConversation,
  type RlDatum,
  type RlSample,
  type RlSegment,
  type RlSequence,
  rlDatum,
  type TokenMask,
} from './rl/rl-datum.ts';
export type { SupervisedDatum, SupervisedOptions, TrainOn, WeightedTokens } from './supervised/supervised.ts';
