/** One queue: how it goes, what lies in it, what brings messages to it and who takes them. */
import { useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import { ask, askJson, path } from '../api/request.ts';
import type { MessageStats, QueueRow, Rated } from '../api/shapes.ts';
import { count } from '../format.ts';
import { useMay } from '../messages/access.ts';
import { RelocateDialog } from '../messages/relocate.tsx';
import { emptyDraft, SendDialog } from '../messages/send.tsx';
import { go, href, hrefWith, usePlace } from '../router.ts';
import '../style/messages.css';
import { Badge, Button, Empty, PageHead, Trouble, Waiting } from '../ui/basics.tsx';
import { ActDialog } from '../ui/dialog.tsx';
import { Messages } from './messages.tsx';
import { QueueConsumers } from './queue-consumers.tsx';
import { QueueOverview } from './queue-overview.tsx';
import { QueueRouting } from './queue-routing.tsx';

export interface Sampled extends Rated {
  readonly samples?: readonly { readonly sample: number; readonly timestamp: number }[];
}

export interface Queue extends QueueRow {
  readonly operator_policy?: string | null;
  readonly effective_policy_definition: Readonly<Record<string, unknown>>;
  readonly consumer_capacity?: number;
  readonly message_bytes_ready?: number;
  readonly messages_ready_details?: Sampled;
  readonly messages_unacknowledged_details?: Sampled;
  readonly message_stats?: MessageStats & {
    readonly publish_details?: Sampled;
    readonly deliver_get_details?: Sampled;
    readonly ack_details?: Sampled;
    readonly redeliver_details?: Sampled;
  };
}

const EVERY_MS = 2_000;
const CHART_SECONDS = 600;
const STEP_SECONDS = 5;
const TABS = [
  ['', 'Overview'],
  ['messages', 'Messages'],
  ['routing', 'Routing'],
  ['consumers', 'Consumers'],
] as const;

export default function QueuePage({ vhost, name }: { vhost: string; name: string }) {
  const { query } = usePlace();
  const tab = query['tab'] ?? '';
  const { data, error, refresh } = useAnswer<Queue>(path`/api/queues/${vhost}/${name}`, {
    everyMs: EVERY_MS,
    query:
      tab === ''
        ? {
            lengths_age: CHART_SECONDS,
            lengths_incr: STEP_SECONDS,
            msg_rates_age: CHART_SECONDS,
            msg_rates_incr: STEP_SECONDS,
          }
        : undefined,
  });
  const [last, setLast] = useState<Queue | undefined>(undefined);
  if (data !== undefined && data !== last) setLast(data);
  const queue = data ?? last;
  const may = useMay(vhost, `queue:${name}`, 'configure', 'write', 'read');
  const mayWrite = useMay(vhost, 'exchange:amq.default', 'write')?.write === true;
  const gone = error?.status === 404;
  return (
    <>
      <PageHead
        title={name}
        sub={
          <>
            Queue in the vhost {vhost} {queue !== undefined && <Features of={queue} />}
          </>
        }
      >
        {queue !== undefined && !gone && (
          <Actions
            queue={queue}
            mayConfigure={may?.configure === true}
            mayRead={may?.read === true}
            mayWrite={mayWrite}
            refresh={refresh}
          />
        )}
      </PageHead>
      {gone ? (
        <Empty>
          There is no such queue. <a href={href('queues')}>To all queues</a>
        </Empty>
      ) : (
        <Trouble error={error} />
      )}
      <nav class="tab-row" aria-label="Parts of the queue">
        {TABS.map(([key, title]) => (
          <a
            key={key}
            href={hrefWith(['queues', vhost, name], { tab: key })}
            aria-current={key === tab ? 'page' : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
      {queue === undefined ? (
        error === undefined && <Waiting lines={8} />
      ) : gone ? null : tab === 'messages' ? (
        may === undefined ? (
          <Waiting lines={8} />
        ) : !may.read ? (
          <Empty>To look at messages asks for the permission to read this queue, which you do not have.</Empty>
        ) : (
          <Messages vhost={vhost} queue={name} mayWrite={mayWrite} />
        )
      ) : tab === 'routing' ? (
        <QueueRouting
          vhost={vhost}
          name={name}
          mayWrite={may?.write === true}
          deadLetter={settingOf(queue, 'dead-letter-exchange')}
        />
      ) : tab === 'consumers' ? (
        <QueueConsumers queue={queue} mayRead={may?.read === true} />
      ) : (
        <QueueOverview queue={queue} />
      )}
    </>
  );
}

/** What holds, by its key in policies; an argument stands before a policy. */
export function settingOf(queue: Queue, key: string): unknown {
  return queue.arguments[`x-${key}`] ?? queue.effective_policy_definition[key];
}

function Features({ of }: { of: Queue }) {
  return (
    <>
      <Badge>{of.type}</Badge> {of.durable && <Badge title="Outlives a restart">durable</Badge>}{' '}
      {of.exclusive && <Badge title="For the connection that declared it">exclusive</Badge>}{' '}
      {of.auto_delete && <Badge title="Goes with its last consumer">auto-delete</Badge>}{' '}
      {of.state !== 'running' && <Badge tone="warn">{of.state}</Badge>}
    </>
  );
}

interface ActionsProps {
  readonly queue: Queue;
  readonly mayConfigure: boolean;
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
  readonly refresh: () => void;
}

function Actions({ queue, mayConfigure, mayRead, mayWrite, refresh }: ActionsProps) {
  const [asked, setAsked] = useState<'purge' | 'delete' | 'pause' | 'publish' | 'move' | undefined>(undefined);
  const close = (): void => setAsked(undefined);
  const { vhost, name } = queue;
  const paused = queue.state === 'paused';
  const target = path`/api/queues/${vhost}/${name}`;
  return (
    <>
      {mayWrite && <Button onClick={() => setAsked('publish')}>Publish</Button>}
      {mayConfigure && <Button onClick={() => setAsked('pause')}>{paused ? 'Resume' : 'Pause'}</Button>}
      {mayRead && <Button onClick={() => setAsked('move')}>Move all</Button>}
      {mayRead && <Button onClick={() => setAsked('purge')}>Purge</Button>}
      {mayConfigure && (
        <Button kind="danger" onClick={() => setAsked('delete')}>
          Delete
        </Button>
      )}
      {asked === 'purge' && (
        <ActDialog
          title={`Purge ${name}`}
          word="Purge"
          danger
          onClose={close}
          act={async () => {
            await ask(`${target}/contents`, { method: 'DELETE' });
            refresh();
            return 'The queue is empty but for what consumers hold.';
          }}
        >
          <p>{`The ${count(queue.messages_ready)} messages that wait are removed. Nothing becomes a dead letter.`}</p>
        </ActDialog>
      )}
      {asked === 'delete' && (
        <ActDialog
          title={`Delete ${name}`}
          word="Delete"
          danger
          typed={name}
          onClose={close}
          act={async () => {
            await ask(target, { method: 'DELETE' });
            go(href('queues'));
            return `${name} is deleted.`;
          }}
        >
          <p>{`The queue goes with its ${count(queue.messages)} messages and its bindings; its ${count(queue.consumers)} consumers are told.`}</p>
        </ActDialog>
      )}
      {asked === 'pause' && (
        <ActDialog
          title={`${paused ? 'Resume' : 'Pause'} ${name}`}
          word={paused ? 'Resume' : 'Pause'}
          onClose={close}
          act={async () => {
            await askJson(path`/v1/vhosts/${vhost}/queues/${name}/` + (paused ? 'resume' : 'pause'), {
              method: 'POST',
            });
            refresh();
            return paused ? `${name} hands out again.` : `${name} hands nothing out.`;
          }}
        >
          <p>
            {paused
              ? 'The queue hands out messages again.'
              : 'The queue hands out nothing until it is resumed. Publishing goes on; what consumers hold they may settle.'}
          </p>
        </ActDialog>
      )}
      {asked === 'publish' && (
        <SendDialog
          vhost={vhost}
          title={`Publish to ${name}`}
          initial={emptyDraft('', name)}
          done={refresh}
          onClose={close}
        />
      )}
      {asked === 'move' && (
        <RelocateDialog vhost={vhost} queue={name} deed="move" which={{}} done={refresh} onClose={close} />
      )}
    </>
  );
}
