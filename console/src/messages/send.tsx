/** A message written here, or one that is there edited and sent again. */
import { useState } from 'preact/hooks';
import { ApiError, askJson, path } from '../api/request.ts';
import { ActDialog } from '../ui/dialog.tsx';
import { AreaField, CheckField, TextField } from '../ui/fields.tsx';
import { DEATH_HEADER } from './deaths.ts';
import { toBase64 } from './forms.ts';
import { isUtf8, utf8 } from './reader.ts';
import type { Message } from './shapes.ts';

interface Draft {
  readonly exchange: string;
  readonly key: string;
  readonly body: string;
  /** The body is written as base64: its bytes are no text. */
  readonly base64: boolean;
  readonly properties: string;
  readonly headers: string;
  readonly persistent: boolean;
}

/** This API's names and RabbitMQ's. */
const PROPERTIES: Readonly<Record<string, string>> = {
  contentType: 'content_type',
  contentEncoding: 'content_encoding',
  correlationId: 'correlation_id',
  messageId: 'message_id',
  type: 'type',
  appId: 'app_id',
};

export function emptyDraft(exchange: string, key: string): Draft {
  return { exchange, key, body: '', base64: false, properties: '{}', headers: '{}', persistent: true };
}

/** The same message again, as if it had not died. Where it goes: back into the queue where it lies, unless one says otherwise. */
export function draftOf(message: Message, bytes: Uint8Array, queue: string): Draft {
  const properties: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(message.properties)) {
    const known = PROPERTIES[name];
    if (known !== undefined) properties[known] = value;
  }
  if (typeof message.properties['replyTo'] === 'string') properties['reply_to'] = message.properties['replyTo'];
  if (message.priority !== undefined) properties['priority'] = message.priority;
  const headers = Object.fromEntries(Object.entries(message.headers).filter(([name]) => !DEATH_HEADER.test(name)));
  const text = isUtf8(bytes);
  return {
    exchange: '',
    key: queue,
    body: text ? utf8(bytes) : toBase64(bytes),
    base64: !text,
    properties: JSON.stringify(properties, null, 2),
    headers: JSON.stringify(headers, null, 2),
    persistent: message.persistent,
  };
}

interface SendProps {
  readonly vhost: string;
  readonly initial: Draft;
  readonly title: string;
  readonly done: () => void;
  readonly onClose: () => void;
}

export function SendDialog({ vhost, initial, title, done, onClose }: SendProps) {
  const [draft, setDraft] = useState(initial);
  const change = (part: Partial<Draft>): void => setDraft({ ...draft, ...part });
  const act = async (): Promise<string> => {
    const properties = {
      ...objectOf(draft.properties, 'properties'),
      headers: objectOf(draft.headers, 'headers'),
      delivery_mode: draft.persistent ? 2 : 1,
    };
    const { routed } = await askJson<{ routed: boolean }>(
      path`/api/exchanges/${vhost}/${draft.exchange === '' ? 'amq.default' : draft.exchange}/publish`,
      {
        method: 'POST',
        body: {
          properties,
          routing_key: draft.key,
          payload: draft.body,
          payload_encoding: draft.base64 ? 'base64' : 'string',
        },
      },
    );
    if (!routed) throw new ApiError(0, 'The broker took it, and no queue did: nothing is bound to this address.');
    done();
    return 'Sent, and taken by a queue.';
  };
  return (
    <ActDialog title={title} word="Send" act={act} onClose={onClose}>
      <div class="form">
        <TextField
          label="Exchange"
          value={draft.exchange}
          onInput={(exchange) => change({ exchange })}
          hint="Empty: the key is a queue’s name"
        />
        <TextField label="Routing key" value={draft.key} onInput={(key) => change({ key })} />
      </div>
      <AreaField
        label="Body"
        rows={8}
        value={draft.body}
        onInput={(body) => change({ body })}
        hint={draft.base64 ? 'Its bytes are no text: they are written in base64.' : undefined}
      />
      <AreaField
        label="Properties"
        rows={4}
        value={draft.properties}
        onInput={(text) => change({ properties: text })}
        hint="JSON: content_type, message_id, correlation_id, reply_to, expiration, priority …"
      />
      <AreaField
        label="Headers"
        rows={4}
        value={draft.headers}
        onInput={(headers) => change({ headers })}
        hint="JSON"
      />
      <CheckField label="Persistent" value={draft.persistent} onInput={(persistent) => change({ persistent })} />
    </ActDialog>
  );
}

/** @throws ApiError in words */
function objectOf(text: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text === '' ? '{}' : text);
  } catch {
    throw new ApiError(0, `The ${what} are no JSON.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ApiError(0, `The ${what} are no JSON object.`);
  }
  return value as Record<string, unknown>;
}
