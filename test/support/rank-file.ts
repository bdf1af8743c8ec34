const line = (bytes: Uint8Array, rank: number): string =>
  `${Buffer.from(bytes).toString('base64')} ${rank}\n`;

/** Lines of a `.tiktoken` file for the 256 bytes, each under its own number. */
export const bytesFile: string = Array.from({ length: 256 }, (_, byte) =>
  line(Uint8Array.of(byte), byte),
).join('');

/** A `.tiktoken` file of the bytes, and after them of these tokens. */
export function rankFile(tokens: readonly (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const lines = tokens.map((token, i) =>
    line(typeof token === 'string' ? encoder.encode(token) : token, 256 + i),
  );
  return encoder.encode(bytesFile + lines.join(''));
}
