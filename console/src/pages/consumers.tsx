/** Who takes messages from queues, over all protocols. */
import { count } from '../format.ts';
import { href } from '../router.ts';
import { Badge, PageHead } from '../ui/basics.tsx';
import { List } from '../ui/list.tsx';
import { type Oldest, OldestHeld } from '../ui/oldest-held.tsx';
import type { Column } from '../ui/table.tsx';

interface Consumer {
  readonly vhost: string;
  readonly queue: string;
  readonly tag: string;
  readonly user: string;
  readonly protocol: string;
  readonly connection: string;
  readonly channel: number;
  readonly activity: 'up' | 'single-active' | 'waiting';
  readonly settles: boolean;
  readonly held: number;
  readonly prefetch: number;
  readonly oldest?: Oldest;
}

const ACTIVITY = { up: 'takes messages', 'single-active': 'the active one', waiting: 'waits for its turn' } as const;

const COLUMNS: readonly Column<Consumer>[] = [
  { key: 'queue', title: 'Queue', cell: ({ vhost, queue }) => <a href={href('queues', vhost, queue)}>{queue}</a> },
  { key: 'vhost', title: 'Vhost', cell: ({ vhost }) => vhost },
  { key: 'tag', title: 'Tag', cell: ({ tag }) => tag },
  { key: 'user', title: 'User', cell: ({ user }) => user },
  {
    key: 'connection',
    title: 'Connection',
    cell: ({ connection }) => <a href={href('connections', connection)}>{connection.split(' -> ')[0]}</a>,
  },
  { key: 'protocol', title: 'Protocol', cell: ({ protocol }) => <span class="whole">{protocol}</span> },
  {
    key: 'activity',
    title: 'State',
    cell: ({ activity }) => (
      <Badge tone={activity === 'waiting' ? 'neutral' : 'good'}>{ACTIVITY[activity] ?? activity}</Badge>
    ),
  },
  {
    key: 'settles',
    title: 'Settles',
    optional: true,
    cell: ({ settles }) => (settles ? 'by acknowledging' : 'when it is sent'),
  },
  { key: 'held', title: 'Holds', figures: true, cell: ({ held }) => count(held) },
  {
    key: 'oldest',
    title: 'The oldest for',
    figures: true,
    cell: ({ vhost, queue, oldest }) => <OldestHeld vhost={vhost} queue={queue} of={oldest} />,
  },
  {
    key: 'prefetch',
    title: 'At most',
    figures: true,
    cell: ({ prefetch }) => (prefetch === 0 ? 'any number' : count(prefetch)),
  },
];

export default function ConsumersPage() {
  return (
    <>
      <PageHead title="Consumers" />
      <List<Consumer>
        name="consumers"
        target="/v1/consumers"
        rows="consumers"
        columns={COLUMNS}
        id={(one) => `${one.connection} ${one.channel} ${one.tag} ${one.queue}`}
        searchLabel="Search queues"
        empty="Nobody takes messages from a queue."
      />
    </>
  );
}
