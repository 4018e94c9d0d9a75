/** One connection: who it is, what flows, its channels and consumers. */
import { useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import { path } from '../api/request.ts';
import { session } from '../api/session.ts';
import type { MessageStats, Rated } from '../api/shapes.ts';
import { bytes, count, inline, rate } from '../format.ts';
import { go, href } from '../router.ts';
import { useStore } from '../store.ts';
import { Badge, Button, Facts, Figure, PageHead, Section, Time, Trouble, Waiting } from '../ui/basics.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { CloseDialog, mayClose } from './connections.tsx';

export interface Connection {
  readonly name: string;
  readonly user: string;
  readonly vhost: string;
  readonly protocol: string;
  readonly state: string;
  readonly ssl: boolean;
  readonly channels: number;
  readonly peer_host: string;
  readonly peer_port: number;
  readonly connected_at: number;
  readonly timeout?: number;
  readonly auth_mechanism?: string;
  readonly user_provided_name?: string;
  readonly client_properties: Readonly<Record<string, unknown>>;
  readonly variable_map?: { readonly client_id?: string };
  readonly recv_oct?: number;
  readonly send_oct?: number;
  readonly recv_oct_details?: Rated;
  readonly send_oct_details?: Rated;
}

interface Channel {
  readonly name: string;
  readonly number: number;
  readonly state: string;
  readonly consumer_count: number;
  readonly prefetch_count: number;
  readonly messages_unacknowledged: number;
  readonly messages_unconfirmed: number;
  readonly confirm: boolean;
  readonly transactional: boolean;
  readonly message_stats?: MessageStats;
}

/** What the client calls itself. */
export const calledOf = (one: Connection): string =>
  one.user_provided_name ?? one.variable_map?.client_id ?? inlineText(one.client_properties['client_id']);

const inlineText = (value: unknown): string => (typeof value === 'string' ? value : '');

const CHANNELS: readonly Column<Channel>[] = [
  { key: 'number', title: 'Channel', cell: ({ number }) => number },
  {
    key: 'state',
    title: 'State',
    cell: ({ state, confirm, transactional }) => (
      <>
        <Badge tone={state === 'running' ? 'good' : 'neutral'}>{state}</Badge> {confirm && <Badge>confirms</Badge>}{' '}
        {transactional && <Badge>transactions</Badge>}
      </>
    ),
  },
  { key: 'consumers', title: 'Consumers', figures: true, cell: (one) => count(one.consumer_count) },
  {
    key: 'prefetch',
    title: 'Holds at most',
    figures: true,
    cell: ({ prefetch_count: most }) => (most === 0 ? 'any number' : count(most)),
  },
  { key: 'held', title: 'Unacknowledged', figures: true, cell: (one) => count(one.messages_unacknowledged) },
  { key: 'unconfirmed', title: 'Unconfirmed', figures: true, cell: (one) => count(one.messages_unconfirmed) },
  {
    key: 'in',
    title: 'Publishes',
    figures: true,
    cell: ({ message_stats: stats }) => rate(stats?.publish_details?.rate ?? 0),
  },
  {
    key: 'out',
    title: 'Gets',
    figures: true,
    cell: ({ message_stats: stats }) => rate(stats?.deliver_get_details?.rate ?? 0),
  },
];

export function ConnectionPage({ name }: { name: string }) {
  const target = path`/api/connections/${name}`;
  const { data, error } = useAnswer<Connection>(target, { everyMs: 5_000 });
  const channels = useAnswer<readonly Channel[]>(`${target}/channels`, { everyMs: 5_000 });
  const login = useStore(session);
  const [closing, setClosing] = useState(false);
  const gone = error?.status === 404;
  return (
    <>
      <PageHead title={data === undefined ? name : calledOf(data) || name} sub={name}>
        {data !== undefined && !gone && mayClose(data.user, login) && (
          <Button kind="danger" onClick={() => setClosing(true)}>
            Close
          </Button>
        )}
      </PageHead>
      {gone ? <p class="notice warn">This client has gone.</p> : <Trouble error={error} />}
      {data === undefined ? error === undefined && <Waiting lines={8} /> : <About of={data} />}
      {data !== undefined && (
        <Section
          title="Channels"
          aside={
            <a href={href('consumers')} title="Of all connections">
              Consumers
            </a>
          }
        >
          <Table<Channel>
            caption="Channels of the connection"
            id={(one) => one.name}
            rows={(channels.data ?? []).slice(0, 200)}
            columns={CHANNELS}
            empty="It has opened no channel."
          />
        </Section>
      )}
      {closing && data !== undefined && (
        <CloseDialog rows={[data]} done={() => go(href('connections'))} onClose={() => setClosing(false)} />
      )}
    </>
  );
}

function About({ of }: { of: Connection }) {
  const given = Object.entries(of.client_properties).filter(([, value]) => typeof value !== 'object');
  return (
    <div class="columns">
      <Section title="Flow">
        <div class="figure-row">
          <Figure
            label="from it"
            value={`${bytes(of.recv_oct_details?.rate ?? 0)}/s`}
            title={`${count(of.recv_oct ?? 0)} bytes in all`}
          />
          <Figure
            label="to it"
            value={`${bytes(of.send_oct_details?.rate ?? 0)}/s`}
            title={`${count(of.send_oct ?? 0)} bytes in all`}
          />
        </div>
        <Facts
          of={[
            ['State', <Badge tone={of.state === 'running' ? 'good' : 'warn'}>{of.state}</Badge>],
            ['Since', <Time atMs={of.connected_at} />],
          ]}
        />
      </Section>
      <Section title="Who it is">
        <Facts
          of={[
            ['User', of.user],
            ['Vhost', of.vhost],
            ['Protocol', of.protocol],
            ['Address', `${of.peer_host}:${of.peer_port}`],
            ['TLS', of.ssl ? 'yes' : 'no'],
            ['Signed in by', of.auth_mechanism ?? '–'],
            ...(of.timeout === undefined
              ? []
              : [['Heartbeat', of.timeout === 0 ? 'none' : `${of.timeout} s`] as const]),
            ...given.map(([key, value]) => [key, inline(value)] as const),
          ]}
        />
      </Section>
    </div>
  );
}
