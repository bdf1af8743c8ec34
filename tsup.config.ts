import { defineConfig } from 'tsup';

/**
 * Stands at the top of every declaration file, in front of the platform's names there. A program has the platform's own
 * types where it knows them, from lib.dom, lib.webworker or the types of Node or Workers; where it does not, it has what
 * is used here of them, and the declarations compile all the same. Before TypeScript 5.7 arrays did not tell what memory
 * they are in.
 */
const PLATFORM_TYPES = `
type Known<T, Else> = 0 extends 1 & T ? Else : T;
// @ts-ignore
type AbortSignal = Known<globalThis.AbortSignal, {
    readonly aborted: boolean;
    readonly reason: any;
    throwIfAborted(): void;
    addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
    removeEventListener(type: 'abort', listener: () => void): void;
}>;
// @ts-ignore
type Headers = Known<globalThis.Headers, {
    get(name: string): string | null;
    has(name: string): boolean;
    forEach(callback: (value: string, name: string) => void): void;
}>;
type Body = {
    readonly headers: Headers;
    readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
    arrayBuffer(): Promise<ArrayBuffer>;
    json(): Promise<any>;
    text(): Promise<string>;
};
// @ts-ignore
type Request = Known<globalThis.Request, Body & { readonly url: string; readonly method: string; readonly signal: AbortSignal }>;
// @ts-ignore
type Response = Known<globalThis.Response, Body & { readonly ok: boolean; readonly status: number }>;
// @ts-ignore
type ReadableStream<Chunk> = Known<globalThis.ReadableStream<Chunk>, {
    cancel(reason?: unknown): Promise<void>;
    getReader(): {
        read(): Promise<{ done: false; value: Chunk } | { done: true; value?: Chunk | undefined }>;
        cancel(reason?: unknown): Promise<void>;
        releaseLock(): void;
    };
}>;
type AsyncDisposable = SymbolConstructor extends { readonly asyncDispose: infer Dispose extends symbol } ? { [K in Dispose]: () => Promise<void> } : {};
type In<Memory, Own, Any> = [Memory] extends [ArrayBuffer] ? Own : Any;
type Uint8Array<Memory = ArrayBufferLike> = In<Memory, ReturnType<typeof globalThis.Uint8Array.of>, globalThis.Uint8Array>;
type Int32Array<Memory = ArrayBufferLike> = In<Memory, ReturnType<typeof globalThis.Int32Array.of>, globalThis.Int32Array>;
type BigInt64Array<Memory = ArrayBufferLike> = In<Memory, ReturnType<typeof globalThis.BigInt64Array.of>, globalThis.BigInt64Array>;
type Float32Array<Memory = ArrayBufferLike> = In<Memory, ReturnType<typeof globalThis.Float32Array.of>, globalThis.Float32Array>;
`;

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    env: 'src/env.ts',
    'chat/index': 'src/chat/index.ts',
    'emulator/index': 'src/emulator/index.ts',
    'storage/indexeddb': 'src/storage/indexeddb.ts',
    'storage/kv': 'src/storage/kv.ts',
    'testing/index': 'src/testing/index.ts',
    'tokenizer/index': 'src/tokenizer/index.ts',
    'tokenizer/tiktoken': 'src/tokenizer/tiktoken.ts',
  },
  format: ['esm'],
  platform: 'neutral',
  target: 'es2022',
  splitting: true,
  sourcemap: true,
  dts: { banner: PLATFORM_TYPES.trim() },
  clean: true,
  plugins: [
    {
      name: 'no-bare-imports',
      // Chunks import each other for effects that none of them has, and esbuild warns of it in programs that link this
      // package. The line stays, for the source map.
      renderChunk: (code, { map = null }) => ({ code: code.replace(/^import "\.[^"]*";$/gm, ''), map }),
    },
  ],
  // A rewritten `node:` specifier would hide from the test that looks for one.
  removeNodeProtocol: false,
});
