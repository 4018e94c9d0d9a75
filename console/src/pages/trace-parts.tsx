/** What explanations of routes and of subscriptions share: bindings, queues, and what a user may. */
import { count } from '../format.ts';
import { href } from '../router.ts';
import { Badge, Section } from '../ui/basics.tsx';
import { Table } from '../ui/table.tsx';

export interface Decision {
  readonly action: string;
  readonly resource: string;
  readonly name: string;
  readonly routingKey?: string;
  readonly allowed: boolean;
  readonly decidedBy?: string;
  readonly pattern?: string;
}

export interface Binding {
  readonly exchange: string;
  readonly key: string;
  readonly to: { readonly queue: string } | { readonly exchange: string };
}

export interface Target {
  readonly name: string;
  readonly durable: boolean;
  readonly direct?: boolean;
  readonly consumers: number;
  readonly messages: number;
}

const RULES: Readonly<Record<string, string>> = {
  permission: 'the permission',
  'no-permissions': 'no permissions in this vhost',
  roles: 'roles',
  'topic-permission': 'the topic permission',
  'no-topic-permission': 'no topic permission bounds it',
};

export function BindingsTable({
  title,
  bindings,
  vhost,
  empty,
}: {
  title: string;
  bindings: readonly Binding[];
  vhost: string;
  empty: string;
}) {
  return (
    <Table<Binding>
      caption={title}
      rows={bindings}
      id={(one) => JSON.stringify(one)}
      empty={empty}
      columns={[
        { key: 'exchange', title: 'Exchange', cell: ({ exchange }) => exchange },
        { key: 'key', title: 'Key', cell: ({ key }) => <code>{key}</code> },
        {
          key: 'to',
          title: 'To',
          cell: ({ to }) =>
            'queue' in to ? <a href={href('queues', vhost, to.queue)}>{to.queue}</a> : <>the exchange {to.exchange}</>,
        },
      ]}
    />
  );
}

export function QueuesTable({ title, queues, vhost }: { title: string; queues: readonly Target[]; vhost: string }) {
  return (
    <Table<Target>
      caption={title}
      rows={queues}
      id={({ name }) => name}
      empty="None."
      columns={[
        { key: 'name', title: 'Name', cell: ({ name }) => <a href={href('queues', vhost, name)}>{name}</a> },
        {
          key: 'kind',
          title: 'Kind',
          cell: (one) =>
            one.direct === undefined ? (
              one.durable && <Badge>durable</Badge>
            ) : (
              <Badge tone={one.direct ? 'good' : 'warn'}>
                {one.direct ? 'a subscriber is there' : 'the subscriber is away'}
              </Badge>
            ),
        },
        { key: 'consumers', title: 'Consumers', figures: true, cell: (one) => count(one.consumers) },
        { key: 'messages', title: 'Messages', figures: true, cell: (one) => count(one.messages) },
      ]}
    />
  );
}

export function Decisions({ user, permissions }: { user: string; permissions: readonly Decision[] }) {
  const title = `What ${user} may`;
  return (
    <Section title={title}>
      <Table<Decision>
        caption={title}
        rows={permissions}
        id={(one) => JSON.stringify(one)}
        empty="Nothing had to be asked."
        columns={[
          {
            key: 'what',
            title: 'Asked for',
            cell: ({ action, resource, name, routingKey }) =>
              `${action} ${resource} ${name}${routingKey === undefined ? '' : `, key ${routingKey}`}`,
          },
          {
            key: 'allowed',
            title: 'Answer',
            cell: ({ allowed }) => <Badge tone={allowed ? 'good' : 'bad'}>{allowed ? 'allowed' : 'refused'}</Badge>,
          },
          {
            key: 'rule',
            title: 'Decided by',
            cell: ({ decidedBy, pattern }) => (
              <>
                {decidedBy === undefined ? 'somebody else than the broker' : (RULES[decidedBy] ?? decidedBy)}{' '}
                {pattern !== undefined && <code>{pattern === '' ? '(empty: nothing)' : pattern}</code>}
              </>
            ),
          },
        ]}
      />
    </Section>
  );
}
