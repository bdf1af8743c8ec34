/** Format of an image by its first bytes, in lower case; `undefined` where they are of none of these. */
export function imageFormatOf(bytes: Uint8Array): 'png' | 'jpeg' | 'gif' | 'webp' | undefined {
  const starts = (signature: string, at = 0): boolean =>
    bytes.length >= at + signature.length &&
    Array.from(signature).every((char, i) => bytes[at + i] === char.charCodeAt(0));
  if (starts('\x89PNG\r\n\x1a\n')) return 'png';
  if (starts('\xff\xd8\xff')) return 'jpeg';
  if (starts('GIF8')) return 'gif';
  return starts('RIFF') && starts('WEBP', 8) ? 'webp' : undefined;
}
