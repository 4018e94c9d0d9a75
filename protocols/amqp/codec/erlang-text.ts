/**
 * Bytes as RabbitMQ's error texts show them. Its clients log these texts and people search for them, so they read the same
 * here: `<<"abc">>` for what can be printed, `<<0,20>>` for the rest.
 */

/** `~p` of a binary. */
export function binaryText(buffer: Buffer, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = buffer[i]!;
    if (byte < 0x20 || byte > 0x7e) return octets(buffer, start, end);
    const character = String.fromCharCode(byte);
    text += byte === 0x22 || byte === 0x5c ? `\\${character}` : character;
  }
  return text === '' ? '<<>>' : `<<"${text}">>`;
}

/** `~w` of a binary: always numbers. At most as many as a reply text can hold are worth the effort. */
export function octets(buffer: Buffer, start: number, end: number): string {
  return `<<${buffer.subarray(start, Math.min(end, start + OCTETS_MAX)).join(',')}>>`;
}

const OCTETS_MAX = 128;
const SNIPPET_BYTES = 16;

/** How a frame that cannot be used is described: `type 9, all octets = <<"abc">>`. */
export function frameText(type: number, buffer: Buffer, start: number, end: number): string {
  const whole = end - start <= SNIPPET_BYTES;
  const shown = binaryText(buffer, start, whole ? end : start + SNIPPET_BYTES);
  return `type ${type}, ${whole ? 'all' : 'first 16'} octets = ${shown}`;
}
