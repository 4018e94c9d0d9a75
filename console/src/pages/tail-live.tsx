/** The messages of a tail: so many a second are shown, the last of them are kept, the others are a number. */
import { useEffect, useReducer, useRef, useState } from 'preact/hooks';
import { listen } from '../api/events.ts';
import { ApiError, ask, askJson, path } from '../api/request.ts';
import type { QueueRow } from '../api/shapes.ts';
import { bytes, count, exact } from '../format.ts';
import { Ring } from '../messages/ring.ts';
import type { Message, Peeked } from '../messages/shapes.ts';
import { Badge, Button, Section, Trouble } from '../ui/basics.tsx';
import { Table } from '../ui/table.tsx';

export type Source =
  | { readonly kind: 'queue'; readonly queue: string }
  | {
      readonly kind: 'exchange';
      readonly exchange: string;
      readonly key: string;
      readonly spelling: 'dots' | 'slashes';
    };

/** Rows that the page holds, and that it asks for in a second. */
const KEPT = 200;
const A_SECOND = 20;
const BODY_BYTES = 256;
const DRAWN_EVERY_MS = 250;
const LOOK_EVERY_MS = 1_000;

interface TailProps {
  readonly vhost: string;
  readonly source: Source;
  readonly selector: string;
}

export function Tail({ vhost, source, selector }: TailProps) {
  const ring = useRef(new Ring<Message>(KEPT, 2 * A_SECOND));
  const [paused, setPaused] = useState(false);
  const [stopped, setStopped] = useState(false);
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const [, draw] = useReducer<number, void>((n) => n + 1, 0);
  const held = useRef(false);
  held.current = paused;

  useEffect(() => {
    if (stopped) return;
    setError(undefined);
    const take = (message: Message): void => ring.current.take(message, performance.now(), held.current);
    const timer = setInterval(() => {
      if (!document.hidden) draw();
    }, DRAWN_EVERY_MS);
    const failed = (thrown: ApiError | undefined): void => {
      setError(thrown);
      setStopped(true);
    };
    const end =
      source.kind === 'queue'
        ? watchQueue(vhost, source.queue, selector, ring.current, take, failed)
        : subscribe(vhost, source, selector, ring.current, take, failed);
    return () => {
      clearInterval(timer);
      end();
    };
  }, [stopped]);

  const { rows, shown, passed } = ring.current;
  return (
    <Section
      title={
        source.kind === 'queue' ? `What comes to ${source.queue}` : `What comes to ${source.exchange} by ${source.key}`
      }
      aside={
        <>
          <Button pressed={paused} disabled={stopped} onClick={() => setPaused(!paused)}>
            {paused ? 'Go on' : 'Pause'}
          </Button>
          <Button onClick={() => setStopped(!stopped)}>{stopped ? 'Start again' : 'Stop'}</Button>
        </>
      }
    >
      <Trouble error={error} />
      <p class="list-tools">
        <Badge tone={stopped ? 'warn' : paused ? 'info' : 'good'}>
          {stopped ? 'stopped' : paused ? 'paused' : 'live'}
        </Badge>
        <span>{`${count(shown)} shown`}</span>
        <span title={`${A_SECOND} a second are shown at most`}>{`${count(passed)} not shown`}</span>
      </p>
      {source.kind === 'queue' && (
        <p class="hint">Looked at once a second: what a consumer has taken before that is among those not shown.</p>
      )}
      <div class="tail">
        <Table<Message>
          caption="The latest messages"
          rows={[...rows].reverse()}
          id={({ position, routingKey }) => `${position} ${routingKey}`}
          empty={stopped ? 'Nothing has come.' : 'Nothing has come yet.'}
          columns={[
            { key: 'at', title: 'Arrived', cell: ({ arrivedAt }) => exact(Date.parse(arrivedAt)).slice(11) },
            { key: 'key', title: 'Key', cell: ({ routingKey }) => routingKey },
            {
              key: 'body',
              title: 'Body',
              cell: ({ body, bodyForm }) => (
                <span class="preview">{bodyForm === 'base64' ? '(binary)' : String(body ?? '')}</span>
              ),
            },
            { key: 'size', title: 'Size', figures: true, cell: ({ bodyBytes }) => bytes(bodyBytes) },
          ]}
        />
      </div>
    </Section>
  );
}

type Failed = (error: ApiError | undefined) => void;

/**
 * By a queue of its own at the exchange, which keeps but the newest: a second's worth is asked for each second, and the others go there.
 */
function subscribe(
  vhost: string,
  source: Extract<Source, { kind: 'exchange' }>,
  selector: string,
  ring: Ring<Message>,
  take: (message: Message) => void,
  failed: Failed,
): () => void {
  const { exchange, key, spelling } = source;
  let subscription: string | undefined;
  let received = 0;
  let reported = 0;
  const timer = setInterval(() => {
    if (subscription === undefined || reported === received) return;
    reported = received;
    const target = path`/v1/subscriptions/${subscription}/received`;
    ask(target, { method: 'POST', body: { upTo: received } }).catch(() => {
      // The stream tells of its end by itself.
    });
  }, LOOK_EVERY_MS);
  const end = listen(path`/v1/vhosts/${vhost}/subscription`, {
    query: {
      ...{ exchange, key, spelling, bodyBytes: BODY_BYTES, selector: selector || undefined },
      ...{ window: A_SECOND, ack: false, keep: A_SECOND },
    },
    onEvent: ({ kind, data }) => {
      if (kind === 'subscribed') subscription = (data as { subscription: string }).subscription;
      else if (kind === 'message') {
        received++;
        take(data as Message);
      } else if (kind === 'dropped') ring.pass((data as { count: number }).count);
      else if (kind === 'ended') failed(new ApiError(0, `It has ended: ${(data as { reason: string }).reason}.`));
    },
    onEnd: failed,
  });
  return () => {
    clearInterval(timer);
    end();
  };
}

/** By looks at what has come since the last one: nothing is taken from its consumers. */
function watchQueue(
  vhost: string,
  queue: string,
  selector: string,
  ring: Ring<Message>,
  take: (message: Message) => void,
  failed: Failed,
): () => void {
  const request = new AbortController();
  const { signal } = request;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let newest: number | undefined;
  let published: number | undefined;
  const messages = path`/v1/vhosts/${vhost}/queues/${queue}/messages`;
  const look = async (): Promise<void> => {
    const found = await askJson<Peeked>(messages, {
      query: { from: 'newest', limit: A_SECOND, bodyBytes: BODY_BYTES, selector: selector || undefined },
      signal,
    });
    const row = await askJson<QueueRow & { message_stats?: { publish?: number } }>(
      path`/api/queues/${vhost}/${queue}`,
      { query: { columns: 'message_stats.publish' }, signal },
    );
    const now = row.message_stats?.publish ?? 0;
    if (newest !== undefined) {
      const since = newest;
      const fresh = found.messages.filter(({ position }) => position > since).reverse();
      for (const one of fresh) take(one);
      if (selector === '' && published !== undefined) ring.pass(Math.max(0, now - published - fresh.length));
    }
    published = now;
    newest = Math.max(newest ?? 0, found.messages[0]?.position ?? 0);
    timer = setTimeout(() => void run(), LOOK_EVERY_MS);
  };
  const run = (): Promise<void> =>
    look().catch((thrown: unknown) => {
      if (!signal.aborted) failed(thrown instanceof ApiError ? thrown : new ApiError(0, String(thrown)));
    });
  void run();
  return () => {
    clearTimeout(timer);
    request.abort();
  };
}
