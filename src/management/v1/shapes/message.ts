/** A message as this API shows it. */
import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { SLASH } from '../../../message/message.ts';
import { textOf } from '../../../message/text.ts';
import { valueToJson } from '../../../message/values.ts';
import type { PeekedMessage } from '../../../operator/messages/peek.ts';

/** How bodies are written: `auto` is text where the bytes are UTF-8, else base64; `json` is the value where it is JSON and whole, else as `auto`. */
export const BODY_FORMS = ['auto', 'text', 'base64', 'json', 'none'] as const;
export type BodyForm = (typeof BODY_FORMS)[number];

export const BODY_FORM = z
  .enum(BODY_FORMS)
  .default('auto')
  .describe(
    'How bodies are written; `auto`: as text where they are UTF-8, else base64. `json`: as a value where they are JSON and whole.',
  );
export const BODY_BYTES = z.coerce
  .number()
  .int()
  .min(0)
  .max(1024 * 1024)
  .default(4096)
  .describe('So much of each body.');

export const MESSAGE = z.object({
  position: z.number().int().describe('Where it is in the order of arrival; `from=position:N` begins with it.'),
  state: z.enum(['ready', 'unsettled']).describe('It waits, or a consumer holds it.'),
  redelivered: z.boolean(),
  attempts: z.number().int().describe('Failed attempts to deal with it.'),
  acquired: z
    .number()
    .int()
    .optional()
    .describe('How often it has come back, failed or not; of queues of the quorum type.'),
  deferralToken: z.string().optional().describe('It was parked under this, and asked for by it.'),
  deaths: z.number().int().describe('How often it has been dead-lettered.'),
  exchange: z.string(),
  routingKey: z.string().describe('As it was sent.'),
  spelling: z.enum(['dots', 'slashes']).describe('How `routingKey` parts its levels.'),
  persistent: z.boolean(),
  priority: z.number().int().optional(),
  arrivedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().optional(),
  properties: z.record(z.string(), z.unknown()),
  headers: z.record(z.string(), z.unknown()),
  bodyBytes: z.number().int().describe('Of the whole body.'),
  body: z.unknown().optional(),
  bodyForm: z.enum(['text', 'base64', 'json']).optional(),
  cut: z.boolean().optional().describe('`body` is not the whole of it.'),
});

export function messageShape(message: PeekedMessage, form: BodyForm): z.output<typeof MESSAGE> {
  const { headers, lost: _lost, replyTo, priority: _priority, expiryMs: _expiry, ...properties } = message.properties;
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (name === 'timestampS') shown['timestamp'] = new Date(Number(value) * 1000).toJSON() ?? String(value);
    else shown[name] = Buffer.isBuffer(value) ? textOf(value) : value;
  }
  if (replyTo !== undefined) shown['replyTo'] = replyTo;
  const priority = message.priority >= 0 ? message.priority : message.properties.priority;
  return {
    position: message.position,
    state: message.state,
    redelivered: message.redelivered,
    attempts: message.attempts,
    ...(message.acquired !== undefined && { acquired: message.acquired }),
    ...(message.deferralToken !== undefined && { deferralToken: message.deferralToken }),
    deaths: message.deaths,
    exchange: message.exchange,
    routingKey: message.routingKey,
    spelling: message.spelling === SLASH ? 'slashes' : 'dots',
    persistent: message.persistent,
    ...(priority !== undefined && { priority }),
    arrivedAt: new Date(message.arrivedAtMs).toISOString(),
    ...(message.expiresAtMs > 0 && { expiresAt: new Date(message.expiresAtMs).toISOString() }),
    properties: shown,
    headers: valueToJson({ type: 'map', value: headers }) as Record<string, unknown>,
    bodyBytes: message.bodyBytes,
    ...bodyShape(message, form),
  };
}

function bodyShape({ body, bodyBytes }: PeekedMessage, form: BodyForm): object {
  if (form === 'none') return {};
  const cut = body.length < bodyBytes;
  if (form === 'json' && !cut) {
    try {
      return { body: JSON.parse(body.toString('utf8')) as unknown, bodyForm: 'json', cut };
    } catch {
      // It is shown as what it is.
    }
  }
  if (form !== 'base64') {
    const whole = cut ? body.subarray(0, characterEnd(body)) : body;
    if (form === 'text' || isUtf8(whole)) return { body: whole.toString('utf8'), bodyForm: 'text', cut };
  }
  return { body: body.toString('base64'), bodyForm: 'base64', cut };
}

/** Where the last whole character of cut UTF-8 ends. */
function characterEnd(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue; // inside of one
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needs > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
