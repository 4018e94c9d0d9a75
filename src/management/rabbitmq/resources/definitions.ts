/**
 * Definitions, exported and imported whole or of one vhost.
 *
 *     POST …?dry_run=true   200 with what would become of each entry; nothing is done
 *     POST …?report=true    200 with what has become of each entry, behind one that fails too
 */

import { pacedJson } from '../../http/paced-json.ts';
import { exportDefinitions } from '../definitions/export.ts';
import { type ImportOptions, importDefinitions, parsedDefinitions } from '../definitions/import.ts';
import { badRequest, Failure } from '../http/errors.ts';
import { JSON_HEADERS, jsonText, noContent } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource } from '../http/resource.ts';

const IMPORT_BYTES_MAX = 256 * 1024 * 1024;
/** Characters that are written at a time. */
const PIECE = 64 * 1024;

function exported(request: ApiRequest, vhost: string | undefined): Response {
  const text = exportDefinitions(request.operator, vhost);
  const encoder = new TextEncoder();
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        let piece = '';
        while (piece.length < PIECE) {
          const { done, value } = await text.next();
          if (done === true) {
            if (piece !== '') controller.enqueue(encoder.encode(piece));
            controller.close();
            return;
          }
          piece += value;
        }
        controller.enqueue(encoder.encode(piece));
      },
      async cancel() {
        await text.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
  const name = request.query.get('download');
  const named = name === null ? {} : { 'content-disposition': `attachment; filename=${name.replace(/[^\w.-]/g, '_')}` };
  return new Response(stream, { headers: { ...JSON_HEADERS, ...named } });
}

async function imported(request: ApiRequest, vhost: string | undefined): Promise<Response> {
  const { pace } = request.operator;
  const given = await parsedDefinitions(await definitionsText(request), (text) => pacedJson(text, pace));
  const dryRun = request.query.get('dry_run') === 'true';
  const report = dryRun || request.query.get('report') === 'true';
  const options: ImportOptions = {
    ...{ user: request.identity.user, dryRun, goOn: report },
    ...(vhost !== undefined && { vhost }),
  };
  // As text, entry by entry: a hundred thousand are long to write in one go.
  const items: string[] = [];
  for await (const item of importDefinitions(request.operator, given, options)) {
    if (report) items.push(JSON.stringify(item));
    // Nobody reads an empty answer: what he does not get is in the log.
    else if (item.outcome === 'left-out') request.operator.reportLeftOut(item, item.reason ?? '');
  }
  return report ? jsonText(`{"dry_run":${dryRun},"items":[${items.join(',')}]}`) : noContent();
}

/** As it is, whatever it says that it is, or as the part `file` of a form. @throws Failure 400, 413 */
async function definitionsText(request: ApiRequest): Promise<string> {
  const type = request.header('content-type') ?? '';
  const text = await request.text(IMPORT_BYTES_MAX);
  const boundary = /^multipart\/form-data\s*;.*boundary="?([^";]{1,200})"?/i.exec(type)?.[1];
  if (boundary === undefined) {
    if (/^multipart/i.test(type)) throw badRequest('the form does not say what parts it');
    return text;
  }
  for (const part of text.split(`--${boundary}`)) {
    const end = part.indexOf('\r\n\r\n');
    if (end >= 0 && /name="file"/i.test(part.slice(0, end))) return part.slice(end + 4).replace(/\r\n$/, '');
  }
  throw badRequest('there is no part "file" in the form');
}

const ALL: Resource['verbs'] = {
  GET: { tag: 'administrator', handle: (request) => exported(request, undefined) },
  POST: { tag: 'administrator', handle: (request) => imported(request, undefined) },
};

/** @throws Failure where there is no such vhost */
function vhostName(request: ApiRequest, missing: Failure): string {
  const name = request.param('vhost');
  if (request.operator.vhosts.find(name) === undefined) throw missing;
  return name;
}

const OF_VHOST: Resource['verbs'] = {
  GET: {
    tag: 'administrator',
    handle: (request) => exported(request, vhostName(request, badRequest('vhost_not_found'))),
  },
  POST: {
    tag: 'administrator',
    handle: (request) => imported(request, vhostName(request, new Failure(404, 'not_found', 'vhost_not_found'))),
  },
};

export const DEFINITIONS: readonly Resource[] = [
  { path: '/definitions', verbs: ALL },
  { path: '/definitions/:vhost', verbs: OF_VHOST },
  // As it was called before 3.0, and is still answered.
  { path: '/all-configuration', verbs: ALL },
];
