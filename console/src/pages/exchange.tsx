/** One exchange: what goes through it, what brings messages to it and where it brings them. */
import { useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import { ask, path } from '../api/request.ts';
import { inline, rate } from '../format.ts';
import { useAllowed, useMay } from '../messages/access.ts';
import { emptyDraft, SendDialog } from '../messages/send.tsx';
import { go, href } from '../router.ts';
import { Badge, Button, Facts, Figure, PageHead, Section, Trouble, Waiting } from '../ui/basics.tsx';
import { ActDialog } from '../ui/dialog.tsx';
import { SelectField, TextField } from '../ui/fields.tsx';
import { type Column, Pager, Table } from '../ui/table.tsx';
import { type Binding, type Exchange, inPath, nameOf, predeclared, shownName } from './exchange-parts.tsx';

const EVERY_MS = 5_000;
const ROWS = 50;

export function ExchangePage({ vhost, name: part }: { vhost: string; name: string }) {
  const name = nameOf(part);
  const target = path`/api/exchanges/${vhost}/${part}`;
  const { data, error } = useAnswer<Exchange>(target, { everyMs: EVERY_MS });
  const may = useMay(vhost, `exchange:${name}`, 'configure', 'write', 'read');
  const [asked, setAsked] = useState<'publish' | 'delete' | undefined>();
  return (
    <>
      <PageHead title={shownName(name)} sub={`Exchange in ${vhost}`}>
        {may?.write === true && <Button onClick={() => setAsked('publish')}>Publish</Button>}
        {may?.configure === true && !predeclared(name) && (
          <Button kind="danger" onClick={() => setAsked('delete')}>
            Delete
          </Button>
        )}
      </PageHead>
      <Trouble error={error} />
      {data === undefined ? error === undefined && <Waiting lines={8} /> : <About of={data} />}
      {data !== undefined && name === '' && (
        <p class="notice">Every queue is bound to the default exchange by its own name; nothing else can be.</p>
      )}
      {data !== undefined && name !== '' && (
        <>
          <Bindings {...{ vhost, name }} way="source" mayBind={may?.read === true} />
          <Bindings {...{ vhost, name }} way="destination" mayBind={false} />
        </>
      )}
      {asked === 'publish' && (
        <SendDialog
          vhost={vhost}
          title={`Publish to ${shownName(name)}`}
          initial={emptyDraft(name, '')}
          done={() => {}}
          onClose={() => setAsked(undefined)}
        />
      )}
      {asked === 'delete' && (
        <ActDialog
          title={`Delete ${name}`}
          word="Delete"
          danger
          typed={name}
          onClose={() => setAsked(undefined)}
          act={async () => {
            await ask(target, { method: 'DELETE' });
            go(href('exchanges'));
            return `${name} is deleted.`;
          }}
        >
          <p>It goes with all its bindings. What is published to it afterwards is refused.</p>
        </ActDialog>
      )}
    </>
  );
}

function About({ of }: { of: Exchange }) {
  const { message_stats: stats } = of;
  const given = Object.entries(of.arguments);
  return (
    <div class="columns">
      <Section title="Flow">
        <div class="figure-row">
          <Figure label="in" value={rate(stats?.publish_in_details?.rate ?? 0)} title="Messages published to it" />
          <Figure label="out" value={rate(stats?.publish_out_details?.rate ?? 0)} title="Copies that queues took" />
        </div>
      </Section>
      <Section title="Settings">
        <Facts
          of={[
            ['Type', of.type],
            ['Durable', of.durable ? 'yes: it outlives a restart' : 'no'],
            ['Auto-delete', of.auto_delete ? 'yes: it goes with its last binding' : 'no'],
            ['Internal', of.internal ? 'yes: clients cannot publish to it' : 'no'],
            [
              'Policy in force',
              of.policy != null && of.policy !== '' ? <Badge tone="info">{of.policy}</Badge> : 'none',
            ],
            ...given.map(([key, value]) => [key, inline(value)] as const),
          ]}
        />
      </Section>
    </div>
  );
}

const nameLink = (vhost: string, kind: 'queue' | 'exchange', name: string) => (
  <a href={kind === 'queue' ? href('queues', vhost, name) : href('exchanges', vhost, inPath(name))}>
    {shownName(name)}
  </a>
);

function Bindings(props: { vhost: string; name: string; way: 'source' | 'destination'; mayBind: boolean }) {
  const { vhost, name, way, mayBind } = props;
  const { data, error, refresh } = useAnswer<readonly Binding[]>(
    `${path`/api/exchanges/${vhost}/${name}/bindings/`}${way}`,
    { everyMs: EVERY_MS },
  );
  const [page, setPage] = useState(1);
  const [asked, setAsked] = useState<'bind' | Binding | undefined>();
  const all = data ?? [];
  const pages = Math.max(1, Math.ceil(all.length / ROWS));
  const rows = all.slice((page - 1) * ROWS, page * ROWS);
  const allowed = useAllowed(
    mayBind
      ? rows.map(({ destination, destination_type: kind }) => ({
          ...{ action: 'write', resource: `${kind}:${destination}`, vhost },
        }))
      : [],
  );
  const columns: readonly Column<Binding>[] = [
    way === 'source'
      ? {
          key: 'to',
          title: 'To',
          cell: ({ destination_type: kind, destination }) => (
            <>
              <Badge>{kind}</Badge> {nameLink(vhost, kind, destination)}
            </>
          ),
        }
      : { key: 'from', title: 'From', cell: ({ source }) => nameLink(vhost, 'exchange', source) },
    { key: 'key', title: 'Key', cell: ({ routing_key: key }) => <code>{key}</code> },
    {
      key: 'arguments',
      title: 'Arguments',
      cell: ({ arguments: given }) =>
        Object.entries(given)
          .map(([key, value]) => `${key}: ${inline(value)}`)
          .join(', '),
    },
    ...(mayBind
      ? [
          {
            key: 'act',
            title: '',
            deeds: true,
            cell: (one: Binding) =>
              allowed?.[rows.indexOf(one)] === true && (
                <Button
                  kind="quiet"
                  label={`Unbind ${one.destination} ${one.routing_key}`}
                  onClick={() => setAsked(one)}
                >
                  Unbind
                </Button>
              ),
          },
        ]
      : []),
  ];
  const title = way === 'source' ? 'Where it brings messages' : 'What brings messages here';
  return (
    <Section title={title} aside={mayBind && <Button onClick={() => setAsked('bind')}>Bind</Button>}>
      <Trouble error={error} />
      {data === undefined ? (
        error === undefined && <Waiting />
      ) : (
        <>
          <Table<Binding>
            caption={title}
            id={(one) => `${one.source} ${one.destination_type} ${one.destination} ${one.properties_key}`}
            rows={rows}
            columns={columns}
            empty={
              way === 'source'
                ? 'Nothing is bound to it: what is published to it is taken by nobody.'
                : 'No other exchange is bound to bring messages here; clients may publish to it.'
            }
          />
          <Pager page={page} pages={pages} total={all.length} found={all.length} onPage={setPage} />
        </>
      )}
      {asked === 'bind' && <BindDialog {...{ vhost, name }} done={refresh} onClose={() => setAsked(undefined)} />}
      {asked !== undefined && asked !== 'bind' && (
        <ActDialog
          title="Unbind"
          word="Unbind"
          danger
          onClose={() => setAsked(undefined)}
          act={async () => {
            const kind = asked.destination_type === 'queue' ? 'q' : 'e';
            const ends = path`/api/bindings/${vhost}/e/${name}/${kind}/${asked.destination}/${asked.properties_key}`;
            await ask(ends, { method: 'DELETE' });
            refresh();
            return 'The binding is gone.';
          }}
        >
          <p>
            {name} brings nothing more to {asked.destination} by the key <code>{asked.routing_key}</code>.
          </p>
        </ActDialog>
      )}
    </Section>
  );
}

function BindDialog(props: { vhost: string; name: string; done: () => void; onClose: () => void }) {
  const { vhost, name, done, onClose } = props;
  const [kind, setKind] = useState<'q' | 'e'>('q');
  const [to, setTo] = useState('');
  const [key, setKey] = useState('');
  const may = useMay(vhost, `${kind === 'q' ? 'queue' : 'exchange'}:${to || '-'}`, 'write')?.write !== false;
  return (
    <ActDialog
      title={`Bind to ${name}`}
      word="Bind"
      disabled={to === '' || !may}
      onClose={onClose}
      act={async () => {
        const body = { routing_key: key, arguments: {} };
        await ask(path`/api/bindings/${vhost}/e/${name}/${kind}/${to}`, { method: 'POST', body });
        done();
        return 'Bound.';
      }}
    >
      <div class="form">
        <SelectField
          label="What"
          value={kind}
          onInput={setKind}
          of={[
            ['q', 'a queue'],
            ['e', 'an exchange'],
          ]}
        />
        <TextField
          label="Its name"
          value={to}
          onInput={setTo}
          required
          hint={to === '' || may ? undefined : 'You may not write to it, and to bind it asks for that'}
        />
        <TextField label="Routing key" value={key} onInput={setKey} hint="Topic exchanges know * and #" />
      </div>
    </ActDialog>
  );
}
