/** Who takes messages from a queue, and what is held. */
import { useAnswer } from '../api/answer.ts';
import { path } from '../api/request.ts';
import { count, duration } from '../format.ts';
import type { Message, Peeked } from '../messages/shapes.ts';
import { href, hrefWith } from '../router.ts';
import { Badge, Section, Time, Trouble, Waiting } from '../ui/basics.tsx';
import { type Oldest, OldestHeld } from '../ui/oldest-held.tsx';
import { Table } from '../ui/table.tsx';
import type { Queue } from './queue.tsx';

interface Consumer {
  readonly tag: string;
  readonly client: string;
  readonly listener: string;
  readonly channel: number;
  readonly user: string;
  readonly activity: keyof typeof ACTIVITY;
  readonly settles: boolean;
  readonly prefetch: number;
  readonly held: number;
  readonly holdMs: number;
  readonly oldest?: Oldest;
}

const ACTIVITY = {
  up: 'takes messages',
  'single-active': 'the one that takes messages',
  waiting: 'waits for its turn',
} as const;
const HELD_SHOWN = 50;
const CONSUMERS_SHOWN = 100;

export function QueueConsumers({ queue, mayRead }: { queue: Queue; mayRead: boolean }) {
  const { data, error } = useAnswer<{ consumers: readonly Consumer[]; total: number }>(
    path`/v1/vhosts/${queue.vhost}/queues/${queue.name}/consumers`,
    { everyMs: 2_000, query: { limit: CONSUMERS_SHOWN } },
  );
  return (
    <>
      <Section title="Consumers">
        <Trouble error={error} />
        {data === undefined ? (
          error === undefined && <Waiting />
        ) : (
          <Table<Consumer>
            caption="Consumers of the queue, those that hold most first"
            id={(one) => `${one.client} ${one.channel} ${one.tag}`}
            rows={data.consumers}
            empty="Nobody takes messages from this queue."
            columns={[
              { key: 'tag', title: 'Tag', cell: ({ tag }) => tag },
              {
                key: 'connection',
                title: 'Connection',
                cell: ({ client, listener }) => <a href={href('connections', `${client} -> ${listener}`)}>{client}</a>,
              },
              { key: 'user', title: 'User', cell: ({ user }) => user },
              {
                key: 'activity',
                title: 'State',
                cell: ({ activity }) => (
                  <Badge tone={activity === 'waiting' ? 'neutral' : 'good'}>{ACTIVITY[activity]}</Badge>
                ),
              },
              {
                key: 'settles',
                title: 'Settles',
                cell: ({ settles }) => (settles ? 'by acknowledging' : 'when it is sent'),
              },
              { key: 'held', title: 'Holds', figures: true, cell: ({ held }) => count(held) },
              {
                key: 'oldest',
                title: 'The oldest for',
                figures: true,
                cell: ({ oldest }) => <OldestHeld vhost={queue.vhost} queue={queue.name} of={oldest} />,
              },
              {
                key: 'prefetch',
                title: 'At most',
                figures: true,
                cell: ({ prefetch }) => (prefetch === 0 ? 'any number' : count(prefetch)),
              },
              {
                key: 'timeout',
                title: 'For at most',
                figures: true,
                cell: ({ holdMs }) => (holdMs === 0 ? 'ever' : duration(holdMs)),
              },
            ]}
          />
        )}
        {data !== undefined && data.total > CONSUMERS_SHOWN && (
          <p class="hint">{`And ${count(data.total - CONSUMERS_SHOWN)} more.`}</p>
        )}
      </Section>
      {mayRead && <Held queue={queue} />}
    </>
  );
}

function Held({ queue }: { queue: Queue }) {
  const { vhost, name } = queue;
  const { data, error } = useAnswer<Peeked>(path`/v1/vhosts/${vhost}/queues/${name}/messages`, {
    everyMs: 5_000,
    query: { state: 'unsettled', limit: HELD_SHOWN, body: 'none' },
  });
  return (
    <Section title={`What they hold: ${count(queue.messages_unacknowledged)}`}>
      <Trouble error={error} />
      <Table<Message>
        caption="Messages that consumers hold, the oldest first"
        id={({ position }) => String(position)}
        rows={data?.messages ?? []}
        empty="Nothing is held."
        columns={[
          {
            key: 'position',
            title: 'Message',
            cell: ({ position }) => (
              <a href={hrefWith(['queues', vhost, name], { tab: 'messages', message: String(position) })}>{position}</a>
            ),
          },
          { key: 'key', title: 'Routing key', cell: ({ routingKey }) => routingKey },
          { key: 'age', title: 'Arrived', cell: ({ arrivedAt }) => <Time atMs={Date.parse(arrivedAt)} /> },
          { key: 'attempts', title: 'Failed attempts', figures: true, cell: ({ attempts }) => count(attempts) },
        ]}
      />
      {queue.messages_unacknowledged > HELD_SHOWN && <p class="hint">{`The oldest ${HELD_SHOWN}.`}</p>}
    </Section>
  );
}
