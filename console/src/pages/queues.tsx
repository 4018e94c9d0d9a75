/** All queues of all vhosts that the user may see. */
import { useState } from 'preact/hooks';
import { ApiError, ask, path } from '../api/request.ts';
import type { QueueRow } from '../api/shapes.ts';
import { bytes, rate, shortCount } from '../format.ts';
import { useAllowed } from '../messages/access.ts';
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
    title: 'Bytes ready',
    figures: true,
    optional: true,
    // Counted where a limit asks for it.
    cell: ({ message_bytes_ready: ready }) => (ready === undefined ? '–' : bytes(ready)),
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

interface Deed {
  readonly word: string;
  /** Of what is said afterwards: «3 queues purged». */
  readonly done: string;
  /** What becomes of them. */
  readonly means: string;
  readonly danger?: boolean;
  /** Which permission of the queue. */
  readonly needs: 'configure' | 'read';
  /** Of one queue. */
  readonly act: (vhost: string, name: string) => Promise<Response>;
}

const DEEDS: readonly Deed[] = [
  {
    word: 'Purge',
    done: 'purged',
    means: 'All messages that are ready are removed',
    danger: true,
    needs: 'read',
    act: (vhost, name) => ask(path`/api/queues/${vhost}/${name}/contents`, { method: 'DELETE' }),
  },
  {
    word: 'Pause',
    done: 'paused',
    means: 'Nothing is handed out any more; publishing goes on',
    needs: 'configure',
    act: (vhost, name) => ask(path`/v1/vhosts/${vhost}/queues/${name}/pause`, { method: 'POST' }),
  },
  {
    word: 'Resume',
    done: 'resumed',
    means: 'Messages are handed out again',
    needs: 'configure',
    act: (vhost, name) => ask(path`/v1/vhosts/${vhost}/queues/${name}/resume`, { method: 'POST' }),
  },
  {
    word: 'Delete',
    done: 'deleted',
    means: 'The queues are deleted with all their messages',
    danger: true,
    needs: 'configure',
    act: (vhost, name) => ask(path`/api/queues/${vhost}/${name}`, { method: 'DELETE' }),
  },
];

const NEEDS = ['configure', 'read'] as const;

/** Asked for at a time: one by one, a hundred take long from far away. */
const TOGETHER = 8;
/** Failures that are told one by one. */
const TOLD_MAX = 5;

interface Asked {
  readonly deed: Deed;
  readonly rows: readonly QueueRow[];
  readonly done: () => void;
}

export default function QueuesPage() {
  const [asked, setAsked] = useState<Asked | undefined>();
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
        several={(rows, done) => <Deeds rows={rows} onAsk={(deed) => setAsked({ deed, rows, done })} />}
      />
      {asked !== undefined && <SeveralDialog {...asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

/** What she may do to one of them at least; which ones the broker refuses is told then. */
function Deeds({ rows, onAsk }: { rows: readonly QueueRow[]; onAsk: (deed: Deed) => void }) {
  const allowed = useAllowed(
    rows.flatMap(({ vhost, name }) => NEEDS.map((action) => ({ action, resource: `queue:${name}`, vhost }))),
  );
  const may = (needs: Deed['needs']): boolean =>
    allowed?.some((one, i) => one && NEEDS[i % NEEDS.length] === needs) === true;
  return (
    <>
      {DEEDS.filter(({ needs }) => may(needs)).map((deed) => (
        <Button key={deed.word} kind={deed.danger === true ? 'danger' : 'plain'} onClick={() => onAsk(deed)}>
          {deed.word}
        </Button>
      ))}
      {allowed !== undefined && !allowed.includes(true) && <span class="hint">You may not change them.</span>}
    </>
  );
}

const queues = (number: number): string => (number === 1 ? 'one queue' : `${number === 0 ? 'no' : number} queues`);

function SeveralDialog({ deed, rows, done, onClose }: Asked & { onClose: () => void }) {
  const { word, means, danger = false } = deed;
  const act = async (): Promise<string> => {
    const failures: string[] = [];
    for (let from = 0; from < rows.length; from += TOGETHER) {
      const some = rows.slice(from, from + TOGETHER);
      const outcomes = await Promise.allSettled(some.map(({ vhost, name }) => deed.act(vhost, name)));
      for (const [i, outcome] of outcomes.entries()) {
        if (outcome.status === 'rejected') failures.push(`${some[i]!.name}: ${(outcome.reason as Error).message}`);
      }
    }
    const succeeded = rows.length - failures.length;
    // What was done stays done, whatever the others met.
    if (succeeded > 0) done();
    if (failures.length === 0) return `${queues(succeeded)} ${deed.done}`;
    const more = failures.length > TOLD_MAX ? `; and ${failures.length - TOLD_MAX} more` : '';
    throw new ApiError(
      0,
      `${queues(succeeded)} ${deed.done}. Not done: ${failures.slice(0, TOLD_MAX).join('; ')}${more}`,
    );
  };
  return (
    <ActDialog title={`${word} ${queues(rows.length)}`} word={word} danger={danger} act={act} onClose={onClose}>
      <p>{`${means}: ${shortCount(rows.reduce((sum, { messages }) => sum + messages, 0))} messages.`}</p>
      <ul>
        {rows.slice(0, 10).map(({ vhost, name }) => (
          <li key={`${vhost}/${name}`}>{name}</li>
        ))}
        {rows.length > 10 && <li>and {rows.length - 10} more</li>}
      </ul>
    </ActDialog>
  );
}
