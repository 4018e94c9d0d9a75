/** One message, opened: its body, its properties, what became of it so far. */
import { useMemo, useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import { path } from '../api/request.ts';
import { hasTag, session } from '../api/session.ts';
import { bytes, count, inline } from '../format.ts';
import { hrefWith } from '../router.ts';
import { useStore } from '../store.ts';
import { Badge, Button, Empty, Facts, Section, Time, Trouble, Waiting } from '../ui/basics.tsx';
import { Body } from './body.tsx';
import { DEATH_HEADER, deathsOf, inWords } from './deaths.ts';
import { fromBase64 } from './forms.ts';
import { draftOf, SendDialog } from './send.tsx';
import { BODY_BYTES_MAX, type Message, type Peeked } from './shapes.ts';

interface OpenedProps {
  readonly vhost: string;
  readonly queue: string;
  readonly position: number;
  readonly mayWrite: boolean;
  readonly onClose: () => void;
}

export function OpenedMessage({ vhost, queue, position, mayWrite, onClose }: OpenedProps) {
  const { data, error } = useAnswer<Peeked>(path`/v1/vhosts/${vhost}/queues/${queue}/messages`, {
    query: { from: `position:${position}`, limit: 1, body: 'base64', bodyBytes: BODY_BYTES_MAX },
  });
  const found = data?.messages[0];
  const message = found?.position === position ? found : undefined;
  return (
    <Section
      title={`Message ${position}`}
      aside={
        <Button kind="quiet" label="Close the message" onClick={onClose}>
          ✕
        </Button>
      }
    >
      <Trouble error={error} />
      {message !== undefined ? (
        <Shown vhost={vhost} queue={queue} message={message} mayWrite={mayWrite} />
      ) : data !== undefined ? (
        <Empty>It is not in this queue any more.</Empty>
      ) : (
        error === undefined && <Waiting lines={8} />
      )}
    </Section>
  );
}

function Shown({
  vhost,
  queue,
  message,
  mayWrite,
}: {
  vhost: string;
  queue: string;
  message: Message;
  mayWrite: boolean;
}) {
  const [sending, setSending] = useState(false);
  const login = useStore(session);
  const body = useMemo(() => fromBase64(String(message.body ?? '')), [message]);
  const { properties, headers } = message;
  const contentType = typeof properties['contentType'] === 'string' ? properties['contentType'] : undefined;
  const deaths = deathsOf(headers);
  const whole = body.length === message.bodyBytes;
  return (
    <div class="opened">
      <div class="actions">
        <Badge tone={message.state === 'ready' ? 'good' : 'warn'}>
          {message.state === 'ready' ? 'waits' : 'held by a consumer'}
        </Badge>
        {message.redelivered && <Badge title="It may have been handed out before">redelivered</Badge>}
        {message.persistent && <Badge>persistent</Badge>}
        <span class="grow" />
        {hasTag(login, 'monitoring') && (
          <a href={hrefWith(['trace', vhost], { tab: 'passport', position: String(message.position) })}>Its passport</a>
        )}
        {mayWrite && (
          <Button
            onClick={() => setSending(true)}
            disabled={!whole}
            title={whole ? 'As a new message' : 'It is too large to be edited here'}
          >
            Edit and send again
          </Button>
        )}
      </div>
      <Facts
        of={[
          ['Arrived', <Time key="arrived" atMs={Date.parse(message.arrivedAt)} />],
          ['Exchange', message.exchange === '' ? '(default)' : message.exchange],
          ['Routing key', message.routingKey],
          ['Size', bytes(message.bodyBytes)],
          ['Failed attempts', count(message.attempts)],
          ...(message.expiresAt === undefined
            ? []
            : [['Expires', <Time key="expires" atMs={Date.parse(message.expiresAt)} />] as const]),
          ...(message.priority === undefined ? [] : [['Priority', count(message.priority)] as const]),
          ...Object.entries(properties).map(([name, value]) => [inWordsOf(name), inline(value)] as const),
        ]}
      />
      {deaths.length > 0 && (
        <>
          <h3>How it died</h3>
          <ol class="deaths">
            {deaths.map((death, i) => (
              <li key={i}>
                It {inWords(death)}
                {death.atMs !== undefined && (
                  <>
                    {': '}
                    <Time atMs={death.atMs} />
                  </>
                )}
                . It had come by {death.exchange === '' ? 'the default exchange' : `the exchange ${death.exchange}`}{' '}
                with the key {death.keys.join(', ')}.
              </li>
            ))}
          </ol>
        </>
      )}
      <h3>Headers</h3>
      <Headers of={Object.entries(headers).filter(([name]) => !DEATH_HEADER.test(name))} />
      {deaths.length > 0 && (
        <details>
          <summary>Headers that the broker has added with its deaths</summary>
          <Headers of={Object.entries(headers).filter(([name]) => DEATH_HEADER.test(name))} />
        </details>
      )}
      <h3>Body</h3>
      <Body
        bytes={body}
        length={message.bodyBytes}
        contentType={contentType}
        name={`${queue}-${message.position}`}
        whole={path`/v1/vhosts/${vhost}/queues/${queue}/messages/${message.position}/body`}
      />
      {sending && (
        <SendDialog
          vhost={vhost}
          title="Edit and send again"
          initial={draftOf(message, body, queue)}
          done={() => {}}
          onClose={() => setSending(false)}
        />
      )}
    </div>
  );
}

/** `contentType`: «Content type» */
const inWordsOf = (name: string): string =>
  name
    .replace(/^[a-z]/, (first) => first.toUpperCase())
    .replace(/[A-Z]/g, (letter, at: number) => (at === 0 ? letter : ` ${letter.toLowerCase()}`));

function Headers({ of }: { of: readonly (readonly [string, unknown])[] }) {
  if (of.length === 0) return <p class="hint">It has none.</p>;
  return (
    <dl class="headers">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{inline(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
