/** Who takes messages from a queue, and what is held. */
import { useAnswer } from '../api/answer.ts';
import { path } from '../api/request.ts';
import { count, duration } from '../format.ts';
import type { Message, Peeked } from '../messages/shapes.ts';
import { href, hrefWith } from '../router.ts';
import { Badge, Section, Time, Trouble } from '../ui/basics.tsx';
import { Table } from '../ui/table.tsx';
import type { Consumer, Queue } from './queue.tsx';

const ACTIVITY: Readonly<Record<string, string>> = {
  up: 'takes messages',
  single_active: 'the one that takes messages',
  waiting: 'waits for its turn',
};
const HELD_SHOWN = 50;
const CONSUMERS_SHOWN = 200;

export function QueueConsumers({ queue, mayRead }: { queue: Queue; mayRead: boolean }) {
  const all = queue.consumer_details;
  return (
    <>
      <Section title="Consumers">
        <Table<Consumer>
          caption="Consumers of the queue"
          id={(one) => `${one.channel_details.name} ${one.consumer_tag}`}
          rows={all.slice(0, CONSUMERS_SHOWN)}
          empty="Nobody takes messages from this queue."
          columns={[
            { key: 'tag', title: 'Tag', cell: ({ consumer_tag: tag }) => tag },
            {
              key: 'connection',
              title: 'Connection',
              cell: ({ channel_details: { connection_name: name } }) => <a href={href('connections', name)}>{name}</a>,
            },
            { key: 'user', title: 'User', cell: ({ channel_details: { user } }) => user },
            {
              key: 'activity',
              title: 'State',
              cell: ({ activity_status: status }) => (
                <Badge tone={status === 'waiting' ? 'neutral' : 'good'}>{ACTIVITY[status] ?? status}</Badge>
              ),
            },
            {
              key: 'ack',
              title: 'Settles',
              cell: (one) => (one.ack_required ? 'by acknowledging' : 'when it is sent'),
            },
            {
              key: 'prefetch',
              title: 'Holds at most',
              figures: true,
              cell: ({ prefetch_count: prefetch }) => (prefetch === 0 ? 'any number' : count(prefetch)),
            },
            {
              key: 'timeout',
              title: 'May hold for',
              figures: true,
              cell: ({ consumer_timeout: ms }) => (ms === undefined ? '–' : duration(ms)),
            },
          ]}
        />
        {all.length > CONSUMERS_SHOWN && <p class="hint">{`And ${count(all.length - CONSUMERS_SHOWN)} more.`}</p>}
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
