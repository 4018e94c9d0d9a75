/** A message's passport: where it is, and what happened to it as far as the broker knows. */
import { useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import { path } from '../api/request.ts';
import { bytes, exact } from '../format.ts';
import { go, href, hrefWith, usePlace } from '../router.ts';
import { Badge, Button, Empty, Facts, Section, Time, Trouble, Waiting } from '../ui/basics.tsx';
import { SelectField, TextField } from '../ui/fields.tsx';
import { VhostField } from '../ui/vhost.tsx';
import { REASONS } from './trace-dropped.tsx';

interface Party {
  readonly protocol?: string;
  readonly user: string;
  readonly client: string;
  readonly consumer?: string;
}

interface Passport {
  readonly positions: readonly number[];
  readonly message: {
    readonly arrivedAt: string;
    readonly exchange: string;
    readonly routingKey: string;
    readonly messageId?: string;
    readonly bodyBytes: number;
    readonly expiresAt?: string;
  } | null;
  readonly now: readonly {
    readonly queue: string;
    readonly position: number;
    readonly state: keyof typeof STATES;
    readonly attempts: number;
    readonly heldBy?: Party;
    readonly dueAt?: string;
  }[];
  readonly events: readonly Step[];
  readonly dropped: readonly {
    readonly at: string;
    readonly reason: string;
    readonly queue: string;
    readonly position: number;
    readonly by?: Party;
  }[];
  readonly eventsSince: string | null;
}

interface Step {
  readonly at: string;
  readonly event: string;
  readonly position: number;
  readonly queue: string | null;
  readonly by: Party | null;
  readonly attempts?: number;
  readonly dueAt?: string;
  readonly reason?: string;
  readonly continues?: number;
}

const STATES = {
  ready: 'waits',
  unsettled: 'is held by a consumer',
  retrying: 'waits to be tried again',
  dying: 'is on its way to the dead letters',
  'held-back': 'is held back',
} as const;

export function PassportOf({ vhost }: { vhost: string }) {
  const { query } = usePlace();
  const { position, id } = query;
  const [form, setForm] = useState<{ vhost: string; by: 'id' | 'position'; value: string }>({
    vhost,
    by: position === undefined ? 'id' : 'position',
    value: position ?? id ?? '',
  });
  return (
    <>
      <Section title="Which message">
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            go(hrefWith(['trace', form.vhost], { tab: 'passport', [form.by]: form.value }));
          }}
        >
          <VhostField value={form.vhost} onInput={(one) => setForm({ ...form, vhost: one })} />
          <SelectField
            label="By"
            value={form.by}
            onInput={(by) => setForm({ ...form, by })}
            of={[
              ['id', 'the id that its publisher gave it'],
              ['position', 'its number here'],
            ]}
          />
          <TextField
            label={form.by === 'id' ? 'Message id' : 'Number'}
            value={form.value}
            type={form.by === 'id' ? 'text' : 'number'}
            onInput={(value) => setForm({ ...form, value })}
            required
          />
          <div class="wide actions">
            <Button submit kind="primary" disabled={form.value === ''}>
              Show its passport
            </Button>
          </div>
        </form>
      </Section>
      {(position ?? id) !== undefined && (
        <Shown key={JSON.stringify(query)} vhost={vhost} position={position} id={id} />
      )}
    </>
  );
}

function Shown({ vhost, position, id }: { vhost: string; position: string | undefined; id: string | undefined }) {
  const { data, error, refresh } = useAnswer<Passport>(path`/v1/vhosts/${vhost}/passport`, {
    query: position === undefined ? { messageId: id } : { position },
  });
  if (error !== undefined) return <Trouble error={error} />;
  if (data === undefined) return <Waiting lines={6} />;
  const { message, now, events, dropped } = data;
  const known = message !== null || now.length > 0 || events.length > 0 || dropped.length > 0;
  return (
    <>
      <Section
        title={`Message ${data.positions.join(', then ')}`}
        aside={
          <Button kind="quiet" onClick={refresh}>
            Look again
          </Button>
        }
      >
        {!known && (
          <Empty>
            Nothing is known of it. Events are noted in queues with the argument x-passport or the policy key passport.
          </Empty>
        )}
        {message !== null && (
          <Facts
            of={[
              ['Arrived', <Time key="arrived" atMs={Date.parse(message.arrivedAt)} />],
              ['Exchange', message.exchange === '' ? '(default)' : message.exchange],
              ['Routing key', message.routingKey],
              ['Message id', message.messageId ?? 'none'],
              ['Size', bytes(message.bodyBytes)],
              ...(message.expiresAt === undefined
                ? []
                : [['Expires', <Time key="expires" atMs={Date.parse(message.expiresAt)} />] as const]),
            ]}
          />
        )}
        {known && now.length === 0 && <p>It is in no queue any more that you may see.</p>}
        {now.length > 0 && (
          <ul>
            {now.map((one) => (
              <li key={`${one.queue} ${one.position}`}>
                It {STATES[one.state]} in{' '}
                <a href={hrefWith(['queues', vhost, one.queue], { tab: 'messages', message: String(one.position) })}>
                  {one.queue}
                </a>
                {one.heldBy !== undefined && `: ${party(one.heldBy)}`}
                {one.dueAt !== undefined && (
                  <>
                    {', '}
                    <Time atMs={Date.parse(one.dueAt)} />
                  </>
                )}
                {one.attempts > 0 && `, after ${one.attempts} failed attempts`}
              </li>
            ))}
          </ul>
        )}
      </Section>
      {known && (
        <Section title="What happened to it">
          <ol class="timeline">
            {[...events.map(stepOf), ...dropped.map(droppedOf)]
              .sort((a, b) => a.atMs - b.atMs)
              .map(({ atMs, event, text, queue }, i) => (
                <li key={i}>
                  <time dateTime={new Date(atMs).toISOString()}>{exact(atMs)}</time>
                  <Badge tone={TONES[event] ?? 'neutral'}>{event}</Badge>
                  <span>
                    {text}
                    {queue !== '' && (
                      <>
                        {' '}
                        in <a href={href('queues', vhost, queue)}>{queue}</a>
                      </>
                    )}
                  </span>
                </li>
              ))}
          </ol>
          {events.length + dropped.length === 0 && <Empty>Nothing that happened to it was noted.</Empty>}
          <p class="hint">
            {data.eventsSince === null ? 'No queue has events noted.' : 'What happened is known since '}
            {data.eventsSince !== null && <Time atMs={Date.parse(data.eventsSince)} />}
          </p>
        </Section>
      )}
    </>
  );
}

const TONES: Readonly<Record<string, 'good' | 'bad' | 'warn' | 'info'>> = {
  published: 'info',
  delivered: 'info',
  accepted: 'good',
  rejected: 'warn',
  failed: 'warn',
  withheld: 'bad',
  died: 'bad',
  dropped: 'bad',
};

interface Told {
  readonly atMs: number;
  readonly event: string;
  readonly text: string;
  readonly queue: string;
}

function party({ protocol, user, client, consumer }: Party): string {
  const tag = consumer === undefined ? '' : `, consumer ${consumer}`;
  return `${user} from ${client}${protocol === undefined ? '' : ` over ${protocol.toUpperCase()}`}${tag}`;
}

function stepOf({ at, event, by, queue, reason, attempts, dueAt, continues, position }: Step): Told {
  const parts = [
    by === null ? 'by the broker' : `by ${party(by)}`,
    reason !== undefined && `because: ${REASONS[reason] ?? reason}`,
    attempts !== undefined && attempts > 0 && `after ${attempts} failed attempts`,
    dueAt !== undefined && `due ${exact(Date.parse(dueAt))}`,
    continues !== undefined && `as number ${position}, no longer ${continues}`,
    queue === null && 'in a queue that is gone',
  ].filter(Boolean);
  return { atMs: Date.parse(at), event, text: parts.join(', '), queue: queue ?? '' };
}

function droppedOf({ at, reason, queue, by }: Passport['dropped'][number]): Told {
  const who = by === undefined ? '' : `, of ${party(by)}`;
  return { atMs: Date.parse(at), event: 'dropped', text: `${REASONS[reason] ?? reason}${who}`, queue };
}
