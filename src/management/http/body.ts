/** A request's body, as far as one may be long. */
import type { Pace } from '../../operator/listing/pace.ts';

/** From so many bytes on, making text of it waits for a slice of a turn: twenty that are long may be complete at once. */
const PACED_BYTES = 64 * 1024;

/** As text; undefined: it is longer than that. */
export async function bodyText({ body }: Request, bytesMax: number, pace: Pace): Promise<string | undefined> {
  if (body === null) return '';
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > bytesMax) return undefined;
    pieces.push(piece);
  }
  if (bytes > PACED_BYTES) await pace.next();
  return Buffer.concat(pieces).toString('utf8');
}
