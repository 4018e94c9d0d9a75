/** An address in any protocol's words: which bindings match, which queues get it, or what a subscription to it would get; who may. */
import { useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import { ApiError, askJson } from '../api/request.ts';
import { hasTag, session } from '../api/session.ts';
import { count } from '../format.ts';
import { go, hrefWith, usePlace } from '../router.ts';
import { useStore } from '../store.ts';
import { Badge, Button, Facts, Section, Trouble, Waiting } from '../ui/basics.tsx';
import { SelectField, TextField } from '../ui/fields.tsx';
import { Table } from '../ui/table.tsx';
import { VhostField } from '../ui/vhost.tsx';
import { type Binding, BindingsTable, type Decision, Decisions, QueuesTable, type Target } from './trace-parts.tsx';
import { type Subscribed, Subscription, wayIn } from './trace-subscription.tsx';

interface Explained {
  readonly as: 'publish';
  readonly exchange: string;
  readonly type: string | null;
  readonly key: string;
  readonly user: string;
  readonly declares?: string;
  readonly delayMs?: number;
  readonly bindings: readonly Binding[];
  readonly alternates: readonly { readonly exchange: string; readonly alternate: string }[];
  readonly withheld?: readonly { readonly exchange: string; readonly key: string }[];
  readonly queues: readonly Target[];
  readonly cut: boolean;
  readonly perMessage: boolean;
  readonly permissions: readonly Decision[];
  readonly delivered: boolean;
}

const PROTOCOLS = {
  amqp: ['AMQP', 'Exchange', 'Empty: the key is a queue’s name'],
  amqp10: ['AMQP 1.0', 'Address', '/queues/orders, /topic/a.b, /exchanges/x/key'],
  mqtt: ['MQTT', 'Topic', 'plant/line1/temperature'],
  stomp: ['STOMP', 'Destination', '/topic/a.b, /queue/orders, /exchange/x/key'],
  redis: ['Redis', 'Channel or list', 'As PUBLISH or LPUSH names it'],
} as const;
type Protocol = keyof typeof PROTOCOLS;

const READING = {
  amqp: ['Queue, or exchange with a key', 'orders'],
  amqp10: ['Address', '/queues/orders, /topic/a.*'],
  mqtt: ['Filter', 'plant/+/#, $share/workers/jobs/#'],
  stomp: ['Destination', '/topic/a.*, /queue/orders'],
  redis: ['Channel or pattern', 'news.*'],
} as const satisfies Record<Protocol, readonly [title: string, hint: string]>;

const USES = [
  ['publish', 'Publish there'],
  ['subscribe', 'Subscribe to it'],
] as const;

export function RouteOf({ vhost }: { vhost: string }) {
  const { query } = usePlace();
  const login = useStore(session);
  const named = query['protocol'] ?? '';
  const protocol = Object.hasOwn(PROTOCOLS, named) ? (named as Protocol) : 'amqp';
  const address = query['address'];
  const [form, setForm] = useState({
    ...{ protocol, address: address ?? '', key: query['key'] ?? '', user: query['user'] ?? '' },
    headers: query['headers'] ?? '',
    ...{ vhost, as: query['as'] === 'subscribe' ? ('subscribe' as const) : ('publish' as const) },
  });
  const change = (part: Partial<typeof form>): void => setForm({ ...form, ...part });
  const [, title, hint] = PROTOCOLS[form.protocol];
  const reads = form.as === 'subscribe';
  const [shownTitle, shownHint] = reads ? READING[form.protocol] : [title, hint];
  return (
    <>
      <Section title="An address, as its clients would write it">
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            const { vhost: where, key, ...asked } = form;
            // An empty one is asked of as well: the default exchange; to subscribe, an empty key is none, and the address a queue.
            const isKeyed = asked.protocol === 'amqp' && !(reads && key === '');
            const to = hrefWith(['trace', where], { ...asked, key: isKeyed ? key : undefined });
            go(asked.address === '' ? `${to}&address=` : to);
          }}
        >
          <VhostField value={form.vhost} onInput={(one) => change({ vhost: one })} />
          <SelectField
            label="Protocol"
            value={form.protocol}
            onInput={(one) => change({ protocol: one })}
            of={(Object.keys(PROTOCOLS) as Protocol[]).map((one) => [one, PROTOCOLS[one][0]] as const)}
          />
          <SelectField label="To" value={form.as} onInput={(one) => change({ as: one })} of={USES} />
          <TextField
            label={shownTitle}
            hint={shownHint}
            value={form.address}
            onInput={(one) => change({ address: one })}
          />
          {form.protocol === 'amqp' && (
            <TextField label="Routing key" value={form.key} onInput={(one) => change({ key: one })} />
          )}
          {!reads && (
            <TextField
              label="Headers"
              hint="An object of JSON, for exchanges that go by them"
              placeholder={'{"colour": "red"}'}
              value={form.headers}
              onInput={(one) => change({ headers: one })}
            />
          )}
          {hasTag(login) && (
            <TextField
              label={reads ? 'Subscribed by' : 'Published by'}
              hint="Empty: you"
              value={form.user}
              onInput={(one) => change({ user: one })}
            />
          )}
          <div class="wide actions">
            <Button submit kind="primary">
              {reads ? 'Show what comes' : 'Show the way'}
            </Button>
          </div>
        </form>
      </Section>
      {address !== undefined && (
        <Way
          key={JSON.stringify(query)}
          asked={{
            ...{ protocol, address, vhost, as: query['as'] === 'subscribe' ? 'subscribe' : 'publish' },
            key: protocol !== 'amqp' ? undefined : query['as'] === 'subscribe' ? query['key'] : (query['key'] ?? ''),
            user: query['user'] || undefined,
            headers: query['as'] === 'subscribe' ? undefined : query['headers'] || undefined,
          }}
        />
      )}
    </>
  );
}

interface Asked {
  readonly protocol: string;
  readonly address: string;
  readonly vhost: string;
  readonly as: 'publish' | 'subscribe';
  readonly key: string | undefined;
  readonly user: string | undefined;
  readonly headers: string | undefined;
}

function Way({ asked }: { asked: Asked }) {
  const { data, error } = useAnswer<Explained | Subscribed>('/v1/explain', { query: { ...asked } });
  if (error !== undefined) return <Trouble error={error} />;
  if (data === undefined) return <Waiting lines={6} />;
  const { vhost } = asked;
  if (data.as === 'subscribe') {
    return (
      <>
        <p class={`notice ${data.granted ? '' : 'warn'}`} role="status">
          {wayIn(data)}
        </p>
        <Subscription told={data} vhost={vhost} />
        <WhoMay asked={asked} />
      </>
    );
  }
  return (
    <>
      <p class={`notice ${data.delivered ? '' : 'warn'}`} role="status">
        {verdict(data)}
      </p>
      <Section title="The address here">
        <Facts
          of={[
            ['Exchange', data.exchange === '' ? '(default)' : data.exchange],
            ['Type', data.type ?? 'there is no such exchange'],
            ['Key', data.key === '' ? '(empty)' : data.key],
            ...(data.declares === undefined ? [] : [['Declares first', data.declares] as const]),
            ...(data.delayMs === undefined ? [] : [['Delayed by', `${count(data.delayMs)} ms`] as const]),
          ]}
        />
      </Section>
      <Section title="Bindings that match">
        <BindingsTable
          title="Bindings that match"
          bindings={data.bindings}
          vhost={vhost}
          empty={data.exchange === '' ? 'The default exchange needs none.' : 'None matches.'}
        />
        {data.alternates.map(({ exchange, alternate }) => (
          <p key={exchange}>{`Nothing of ${exchange} matches: its alternate exchange ${alternate} gets it.`}</p>
        ))}
        {(data.withheld ?? []).map(({ exchange, key }) => (
          <p key={`${exchange} ${key}`}>{`${key} of ${exchange} is the broker’s own: nothing goes on there.`}</p>
        ))}
      </Section>
      <Section title="Queues and subscriptions that get it">
        <QueuesTable title="Queues and subscriptions that get it" queues={data.queues} vhost={vhost} />
        {data.cut && <p class="hint">There are more than are listed.</p>}
      </Section>
      <Decisions user={data.user} permissions={data.permissions} />
      <WhoMay asked={asked} />
    </>
  );
}

function verdict({ permissions, queues, perMessage, user, delivered, type, exchange }: Explained): string {
  if (permissions.some(({ allowed }) => !allowed)) return `${user} may not send it: the broker refuses.`;
  if (type === null) return `There is no exchange ${exchange}: the broker refuses.`;
  if (perMessage) return 'It depends on the message’s headers: those below are all that could get it.';
  if (!delivered) return 'Nobody would get it: the broker takes it, and drops it or gives it back.';
  return queues.length === 1 ? 'One queue would get it.' : `${count(queues.length)} queues would get it.`;
}

const USERS_MAX = 100;

/** The same question for each user, for who may ask of others. */
function WhoMay({ asked }: { asked: Asked }) {
  const login = useStore(session);
  const [rows, setRows] = useState<readonly { user: string; allowed: boolean }[] | undefined>(undefined);
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const [working, setWorking] = useState(false);
  if (!hasTag(login)) return null;
  const run = async (): Promise<void> => {
    setWorking(true);
    setError(undefined);
    try {
      const users = await askJson<readonly { name: string }[]>('/api/users');
      const found: { user: string; allowed: boolean }[] = [];
      for (const { name: user } of users.slice(0, USERS_MAX)) {
        const { permissions } = await askJson<Explained>('/v1/explain', { query: { ...asked, user } });
        found.push({ user, allowed: permissions.every(({ allowed }) => allowed) });
      }
      setRows(found);
    } catch (thrown) {
      setError(thrown instanceof ApiError ? thrown : new ApiError(0, String(thrown)));
    }
    setWorking(false);
  };
  return (
    <Section
      title={asked.as === 'subscribe' ? 'Who may subscribe' : 'Who may send it'}
      aside={
        <Button onClick={() => void run()} disabled={working}>
          Ask of every user
        </Button>
      }
    >
      <Trouble error={error} />
      {rows === undefined ? (
        <p class="hint">{`Of the first ${USERS_MAX} users.`}</p>
      ) : (
        <Table<{ user: string; allowed: boolean }>
          caption={asked.as === 'subscribe' ? 'Who may subscribe' : 'Who may send it'}
          rows={rows}
          id={({ user }) => user}
          columns={[
            { key: 'user', title: 'User', cell: ({ user }) => user },
            {
              key: 'allowed',
              title: asked.as === 'subscribe' ? 'May subscribe' : 'May send it',
              cell: ({ allowed }) => <Badge tone={allowed ? 'good' : 'bad'}>{allowed ? 'may' : 'may not'}</Badge>,
            },
          ]}
        />
      )}
    </Section>
  );
}
