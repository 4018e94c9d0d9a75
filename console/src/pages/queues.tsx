/** All queues of all vhosts that the user may see. */
import { useState } from 'preact/hooks';
import { ask, path } from '../api/request.ts';
import type { QueueRow } from '../api/shapes.ts';
import { bytes, rate, shortCount } from '../format.ts';
import { href } from '../router.ts';
import { Badge, Button, PageHead } from '../ui/basics.tsx';
import { ActDialog } from '../ui/dialog.tsx';
import { List } from '../ui/list.tsx';
import type { Column } from '../ui/table.tsx';

const COLUMNS: readonly Column<QueueRow>[] = [
  {
    key: 'name',
    title: 'Name',
    sort: 'name',
    cell: (queue) => <a href={href('queues', queue.vhost, queue.name)}>{queue.name}</a>,
  },
  { key: 'vhost', title: 'Vhost', sort: 'vhost', cell: ({ vhost }) => vhost },
  { key: 'features', title: 'Features', cell: (queue) => <Features of={queue} /> },
  {
    key: 'ready',
    title: 'Ready',
    sort: 'messages_ready',
    figures: true,
    cell: (queue) => shortCount(queue.messages_ready),
  },
  {
    key: 'unacknowledged',
    title: 'Unacknowledged',
    sort: 'messages_unacknowledged',
    figures: true,
    cell: (queue) => shortCount(queue.messages_unacknowledged),
  },
  {
    key: 'bytes',
    title: 'Bytes',
    sort: 'message_bytes',
    figures: true,
    optional: true,
    cell: (queue) => bytes(queue.message_bytes),
  },
  {
    key: 'in',
    title: 'In',
    sort: 'message_stats.publish_details.rate',
    figures: true,
    cell: ({ message_stats: stats }) => rate(stats?.publish_details?.rate ?? 0),
  },
  {
    key: 'out',
    title: 'Out',
    sort: 'message_stats.deliver_get_details.rate',
    figures: true,
    cell: ({ message_stats: stats }) => rate(stats?.deliver_get_details?.rate ?? 0),
  },
  {
    key: 'consumers',
    title: 'Consumers',
    sort: 'consumers',
    figures: true,
    cell: (queue) => shortCount(queue.consumers),
  },
];

function Features({ of }: { of: QueueRow }) {
  return (
    <>
      {of.durable && <Badge title="Outlives a restart">durable</Badge>} {of.exclusive && <Badge>exclusive</Badge>}{' '}
      {of.auto_delete && <Badge title="Goes with its last consumer">auto-delete</Badge>}{' '}
      {of.policy != null && of.policy !== '' && (
        <Badge tone="info" title="Policy in force">
          {of.policy}
        </Badge>
      )}{' '}
      {of.state !== 'running' && <Badge tone="warn">{of.state}</Badge>}
    </>
  );
}

type Deed = 'purge' | 'delete';

export default function QueuesPage() {
  const [asked, setAsked] = useState<{ deed: Deed; rows: readonly QueueRow[]; done: () => void } | undefined>();
  return (
    <>
      <PageHead title="Queues" />
      <List<QueueRow>
        name="queues"
        target="/api/queues"
        columns={COLUMNS}
        id={({ vhost, name }) => `${vhost}/${name}`}
        searchLabel="Search queues"
        empty="There is no queue yet. The first client that declares one makes it."
        several={(rows, done) => (
          <>
            <Button onClick={() => setAsked({ deed: 'purge', rows, done })}>Purge</Button>
            <Button kind="danger" onClick={() => setAsked({ deed: 'delete', rows, done })}>
              Delete
            </Button>
          </>
        )}
      />
      {asked !== undefined && <SeveralDialog {...asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

function SeveralDialog({
  deed,
  rows,
  done,
  onClose,
}: {
  deed: Deed;
  rows: readonly QueueRow[];
  done: () => void;
  onClose: () => void;
}) {
  const number = rows.length === 1 ? 'one queue' : `${rows.length} queues`;
  const act = async (): Promise<string> => {
    for (const { vhost, name } of rows) {
      const queue = path`/api/queues/${vhost}/${name}`;
      await ask(deed === 'purge' ? `${queue}/contents` : queue, { method: 'DELETE' });
    }
    done();
    return deed === 'purge' ? `${number} purged` : `${number} deleted`;
  };
  return (
    <ActDialog
      title={deed === 'purge' ? `Purge ${number}` : `Delete ${number}`}
      word={deed === 'purge' ? 'Purge' : 'Delete'}
      danger
      act={act}
      onClose={onClose}
    >
      <p>
        {deed === 'purge'
          ? 'All messages that are ready are removed'
          : 'The queues are deleted with all their messages'}
        {`: ${shortCount(rows.reduce((sum, { messages }) => sum + messages, 0))} messages.`}
      </p>
      <ul>
        {rows.slice(0, 10).map(({ vhost, name }) => (
          <li key={`${vhost}/${name}`}>{name}</li>
        ))}
        {rows.length > 10 && <li>and {rows.length - 10} more</li>}
      </ul>
    </ActDialog>
  );
}
