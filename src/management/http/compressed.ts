/**
 * Answers compressed for whoever takes gzip. Not by Hono's own: what it is made of (`pipeThrough`) makes Node build a whole context of
 * JavaScript when it is used for the first time, and every client of the broker waits for that, some 70 ms.
 */
import { createGzip } from 'node:zlib';
import type { MiddlewareHandler } from 'hono';
import { parseAccept } from 'hono/utils/accept';

/** What gzip is worth the time for, of a length that is not known or some. Events are no such thing: each goes out as it comes. */
const TYPES = /^(application\/(problem\+)?json|text\/(plain|html))\b/;
const LENGTH_MIN = 1024;

export const compressed: MiddlewareHandler = async (context, next) => {
  await next();
  const { status, headers } = context.res;
  const length = headers.get('content-length');
  if (status === 206 || context.req.method === 'HEAD') return;
  if (length !== null && Number(length) < LENGTH_MIN) return;
  if (headers.has('content-encoding') || !TYPES.test(headers.get('content-type') ?? '')) return;
  const vary = headers.get('vary');
  if (!/(^|,)\s*accept-encoding\s*(,|$)/i.test(vary ?? '')) {
    headers.set('vary', vary === null ? 'accept-encoding' : `${vary}, accept-encoding`);
  }
  if (!takesGzip(context.req.header('accept-encoding'))) return;
  const { body } = context.res;
  if (body === null) return;
  context.res = new Response(gzipped(body), context.res);
  context.res.headers.delete('content-length');
  context.res.headers.set('content-encoding', 'gzip');
};

function takesGzip(header: string | undefined): boolean {
  if (header === undefined) return false;
  const accepted = parseAccept(header);
  const named = accepted.find(({ type }) => type.toLowerCase() === 'gzip') ?? accepted.find(({ type }) => type === '*');
  return named !== undefined && named.q > 0;
}

/** As its reader asks for it. */
function gzipped(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const source = body.getReader();
  const gzip = createGzip();
  let made: Uint8Array[] = [];
  gzip.on('data', (piece: Uint8Array) => made.push(piece));
  const write = (piece: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => gzip.write(piece, (error) => (error ? reject(error) : resolve())));
  const end = (): Promise<void> =>
    new Promise((resolve, reject) => gzip.once('end', resolve).once('error', reject).end());
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        let ended = false;
        try {
          while (made.length === 0 && !ended) {
            const { done, value } = await source.read();
            ended = done;
            await (value === undefined ? end() : write(value));
          }
        } catch (error) {
          gzip.destroy();
          throw error;
        }
        for (const piece of made) controller.enqueue(piece);
        made = [];
        if (ended) controller.close();
      },
      async cancel(reason) {
        gzip.destroy();
        await source.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
