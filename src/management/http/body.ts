/** A request's body, as far as one may be long. */

/** As text; undefined: it is longer than that. */
export async function bodyText({ body }: Request, bytesMax: number): Promise<string | undefined> {
  if (body === null) return '';
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > bytesMax) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
