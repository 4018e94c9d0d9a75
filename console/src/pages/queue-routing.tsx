/** What brings messages to a queue, and where its dead letters go. */
import { useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import { ask, path } from '../api/request.ts';
import { inline } from '../format.ts';
import { useAllowed, useMay } from '../messages/access.ts';
import { href } from '../router.ts';
import { Button, Section, Trouble, Waiting } from '../ui/basics.tsx';
import { ActDialog } from '../ui/dialog.tsx';
import { TextField } from '../ui/fields.tsx';
import { Pager, Table } from '../ui/table.tsx';

interface Binding {
  readonly source: string;
  readonly destination: string;
  readonly destination_type: string;
  readonly routing_key: string;
  readonly properties_key: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

const ROWS = 50;

interface RoutingProps {
  readonly vhost: string;
  readonly name: string;
  readonly mayWrite: boolean;
  readonly deadLetter: unknown;
}

export function QueueRouting({ vhost, name, mayWrite, deadLetter }: RoutingProps) {
  const { data, error, refresh } = useAnswer<readonly Binding[]>(path`/api/queues/${vhost}/${name}/bindings`, {
    everyMs: 5_000,
  });
  const [asked, setAsked] = useState<'bind' | Binding | undefined>(undefined);
  const [page, setPage] = useState(1);
  const all = data ?? [];
  const pages = Math.max(1, Math.ceil(all.length / ROWS));
  const rows = all.slice((page - 1) * ROWS, page * ROWS);
  const allowed = useAllowed(
    mayWrite ? rows.map(({ source }) => ({ action: 'read', resource: `exchange:${source}`, vhost })) : [],
  );
  const columns = [
    {
      key: 'source',
      title: 'From the exchange',
      cell: ({ source }: Binding) =>
        source === '' ? '(default)' : <a href={href('exchanges', vhost, source)}>{source}</a>,
    },
    { key: 'key', title: 'Key', cell: ({ routing_key }: Binding) => <code>{routing_key}</code> },
    {
      key: 'arguments',
      title: 'Arguments',
      cell: ({ arguments: given }: Binding) =>
        Object.entries(given)
          .map(([key, value]) => `${key}: ${inline(value)}`)
          .join(', '),
    },
    ...(mayWrite
      ? [
          {
            key: 'act',
            title: '',
            deeds: true,
            cell: (one: Binding) =>
              one.source !== '' &&
              allowed?.[rows.indexOf(one)] === true && (
                <Button kind="quiet" label={`Unbind ${one.source} ${one.routing_key}`} onClick={() => setAsked(one)}>
                  Unbind
                </Button>
              ),
          },
        ]
      : []),
  ];
  return (
    <>
      <Section
        title="What brings messages here"
        aside={mayWrite && <Button onClick={() => setAsked('bind')}>Bind</Button>}
      >
        <Trouble error={error} />
        {data === undefined ? (
          error === undefined && <Waiting />
        ) : (
          <>
            <Table<Binding>
              caption="Bindings of the queue"
              id={(one) => `${one.source} ${one.properties_key}`}
              rows={rows}
              columns={columns}
            />
            <Pager page={page} pages={pages} total={all.length} found={all.length} onPage={setPage} />
          </>
        )}
      </Section>
      <Section title="Where its dead letters go">
        {typeof deadLetter === 'string' ? (
          <p>
            To{' '}
            {deadLetter === '' ? (
              'the default exchange'
            ) : (
              <a href={href('exchanges', vhost, deadLetter)}>{deadLetter}</a>
            )}
            .
          </p>
        ) : (
          <p class="hint">
            Nowhere: what dies here is dropped, and counted. The argument x-dead-letter-exchange or a policy would keep
            it.
          </p>
        )}
      </Section>
      {asked === 'bind' && <BindDialog vhost={vhost} name={name} done={refresh} onClose={() => setAsked(undefined)} />}
      {asked !== undefined && asked !== 'bind' && (
        <ActDialog
          title="Unbind"
          word="Unbind"
          danger
          onClose={() => setAsked(undefined)}
          act={async () => {
            await ask(path`/api/bindings/${vhost}/e/${asked.source}/q/${name}/${asked.properties_key}`, {
              method: 'DELETE',
            });
            refresh();
            return 'The binding is gone.';
          }}
        >
          <p>
            {asked.source} brings nothing more here by the key <code>{asked.routing_key}</code>.
          </p>
        </ActDialog>
      )}
    </>
  );
}

function BindDialog({
  vhost,
  name,
  done,
  onClose,
}: {
  vhost: string;
  name: string;
  done: () => void;
  onClose: () => void;
}) {
  const [exchange, setExchange] = useState('');
  const [key, setKey] = useState('');
  const may = useMay(vhost, `exchange:${exchange}`, 'read')?.read !== false;
  return (
    <ActDialog
      title={`Bind ${name}`}
      word="Bind"
      disabled={exchange === '' || !may}
      onClose={onClose}
      act={async () => {
        const body = { routing_key: key, arguments: {} };
        await ask(path`/api/bindings/${vhost}/e/${exchange}/q/${name}`, { method: 'POST', body });
        done();
        return 'Bound.';
      }}
    >
      <div class="form">
        <TextField
          label="Exchange"
          value={exchange}
          onInput={setExchange}
          required
          hint={exchange === '' || may ? undefined : 'You may not read from it, and to bind to it asks for that'}
        />
        <TextField label="Routing key" value={key} onInput={setKey} hint="Topic exchanges know * and #" />
      </div>
    </ActDialog>
  );
}
