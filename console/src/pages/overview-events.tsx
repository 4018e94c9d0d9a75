/** What has happened lately: a bounded list that begins when the page is opened. */
import { useRef, useState } from 'preact/hooks';
import type { ServerEvent } from '../api/events.ts';
import { useLive } from '../api/live.ts';
import { href } from '../router.ts';
import { Empty, Section, Time, Trouble } from '../ui/basics.tsx';

const KEPT_MAX = 50;

interface Happened {
  readonly id: number;
  readonly atMs: number;
  readonly kind: string;
  readonly about: Readonly<Record<string, unknown>>;
}

export function Lately() {
  const [shown, setShown] = useState<readonly Happened[]>([]);
  const last = useRef(0);
  const { error, began } = useLive('/v1/events', {
    onEvent: ({ kind, data }: ServerEvent) => {
      const { at, ...about } = data as Record<string, unknown>;
      const atMs = typeof at === 'string' ? Date.parse(at) : Date.now();
      const happened = { id: ++last.current, atMs, kind, about };
      setShown((before) => [happened, ...before.slice(0, KEPT_MAX - 1)]);
    },
  });
  return (
    <Section title="Lately">
      <Trouble error={error} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached */}
      <section class="lately" tabIndex={0} aria-label="What has happened lately">
        {began === 0 ? (
          <Empty>The broker is asked to tell …</Empty>
        ) : shown.length === 0 ? (
          <Empty>
            Nothing has happened since this page was opened: nobody came or went, nothing was made or deleted.
          </Empty>
        ) : (
          <ul>
            {shown.map(({ id, atMs, kind, about }) => (
              <li key={id}>
                <Words kind={kind} about={about} /> <Time atMs={atMs} />
              </li>
            ))}
          </ul>
        )}
      </section>
    </Section>
  );
}

function Words({ kind, about }: { kind: string; about: Happened['about'] }) {
  const text = (name: string): string => String(about[name] ?? '');
  const vhost = text('vhost');
  switch (kind) {
    case 'connection-opened':
    case 'connection-closed':
      return (
        <>
          {text('user')} {kind === 'connection-opened' ? 'came' : 'went'} ({text('protocol')}, {text('client')})
        </>
      );
    case 'queue-made':
      return (
        <>
          queue <a href={href('queues', vhost, text('queue'))}>{text('queue')}</a> made
        </>
      );
    case 'queue-deleted':
      return <>queue {text('queue')} deleted</>;
    case 'consumer-came':
    case 'consumer-left':
      return (
        <>
          a consumer {kind === 'consumer-came' ? 'came to' : 'left'}{' '}
          <a href={href('queues', vhost, text('queue'))}>{text('queue')}</a>, which has {text('consumers')}
        </>
      );
    case 'vhost-made':
    case 'vhost-deleted':
      return (
        <>
          vhost {vhost} {kind === 'vhost-made' ? 'made' : 'deleted'}
        </>
      );
    case 'policy-set':
    case 'policy-deleted':
      return (
        <>
          policy {text('policy')} {kind === 'policy-set' ? 'set' : 'deleted'} in {vhost}
        </>
      );
    case 'alarm-raised':
    case 'alarm-cleared':
      return (
        <>
          alarm of {text('resource')} {kind === 'alarm-raised' ? 'raised' : 'over'}
          {vhost === '' ? '' : ` in ${vhost}`}
        </>
      );
    case 'disk-slow':
      return (
        <>
          the disk took {text('ms')} ms for what {vhost} wrote
        </>
      );
    case 'rights-changed':
      return <>users or their permissions changed</>;
    case 'dropped':
      return <>{text('count')} more that this page was too slow for</>;
    default:
      return <>{kind}</>;
  }
}
