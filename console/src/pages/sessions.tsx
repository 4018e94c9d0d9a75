/** Sessions that outlive their connections: who left something behind, and how much waits for them. */
import { useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import { ask, path } from '../api/request.ts';
import { hasTag, session } from '../api/session.ts';
import { count, duration } from '../format.ts';
import type { PageProps } from '../pages.ts';
import { go, href } from '../router.ts';
import { useStore } from '../store.ts';
import { Badge, Button, Facts, Figure, PageHead, Section, Time, Trouble, Waiting } from '../ui/basics.tsx';
import { ActDialog } from '../ui/dialog.tsx';
import { List } from '../ui/list.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { useVhost, VhostChoice } from '../ui/vhost.tsx';

interface Session {
  readonly vhost: string;
  readonly protocol: string;
  readonly clientId: string;
  readonly user: string;
  readonly connected: boolean;
  readonly queue?: string;
  readonly expirySeconds: number | null;
  readonly endsAt?: string;
}

interface Subscription {
  readonly exchange: string;
  readonly key: string;
  readonly slashed: boolean;
  readonly assurance: number;
}

interface Whole extends Session {
  readonly ready: number;
  readonly unsettled: number;
  readonly subscriptions: readonly Subscription[];
}

const COLUMNS: readonly Column<Session>[] = [
  {
    key: 'client',
    title: 'Client',
    cell: ({ vhost, protocol, clientId }) => <a href={href('sessions', vhost, protocol, clientId)}>{clientId}</a>,
  },
  { key: 'protocol', title: 'Protocol', cell: ({ protocol }) => protocol },
  { key: 'user', title: 'User', cell: ({ user }) => user },
  { key: 'state', title: 'State', cell: ({ connected }) => <Connected of={connected} /> },
  { key: 'kept', title: 'Kept', cell: (one) => <Kept of={one} /> },
];

const Connected = ({ of }: { of: boolean }) => (
  <Badge tone={of ? 'good' : 'neutral'}>{of ? 'connected' : 'away'}</Badge>
);

function Kept({ of: { endsAt, expirySeconds } }: { of: Session }) {
  if (endsAt !== undefined) {
    return (
      <>
        ends <Time atMs={Date.parse(endsAt)} />
      </>
    );
  }
  return <>{expirySeconds === null ? 'for good' : `for ${duration(expirySeconds * 1000)} after it goes`}</>;
}

export default function SessionsPage({ rest: [vhost, protocol, clientId] }: PageProps) {
  if (vhost !== undefined && protocol !== undefined && clientId !== undefined) {
    return <SessionPage {...{ vhost, protocol, clientId }} />;
  }
  return <Sessions />;
}

function Sessions() {
  const mayEnd = hasTag(useStore(session), 'administrator');
  const vhost = useVhost();
  const [asked, setAsked] = useState<{ rows: readonly Session[]; done: () => void } | undefined>();
  return (
    <>
      <PageHead title="Sessions" sub="Those that are kept while their clients are away" />
      <List<Session>
        name="sessions"
        target={path`/v1/vhosts/${vhost[0]}/sessions`}
        rows="sessions"
        columns={COLUMNS}
        id={({ protocol, clientId }) => `${protocol}/${clientId}`}
        searchLabel="Search clients"
        tools={<VhostChoice of={vhost} />}
        empty="No session is kept here."
        {...(mayEnd && {
          several: (rows: readonly Session[], done: () => void) => (
            <Button kind="danger" onClick={() => setAsked({ rows, done })}>
              End
            </Button>
          ),
        })}
      />
      {asked !== undefined && <EndDialog {...asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

function EndDialog({ rows, done, onClose }: { rows: readonly Session[]; done: () => void; onClose: () => void }) {
  const number = rows.length === 1 ? 'a session' : `${rows.length} sessions`;
  return (
    <ActDialog
      title={`End ${number}`}
      word="End"
      danger
      onClose={onClose}
      act={async () => {
        for (const { vhost, protocol, clientId } of rows) {
          await ask(path`/v1/vhosts/${vhost}/sessions/${protocol}/${clientId}`, { method: 'DELETE' });
        }
        done();
        return rows.length === 1 ? 'The session has ended.' : `${number} have ended.`;
      }}
    >
      <p>All that waits in it is dropped, and its subscriptions end. A client that is connected is disconnected.</p>
      <ul>
        {rows.slice(0, 10).map(({ protocol, clientId }) => (
          <li key={`${protocol}/${clientId}`}>{clientId}</li>
        ))}
        {rows.length > 10 && <li>and {rows.length - 10} more</li>}
      </ul>
    </ActDialog>
  );
}

const SUBSCRIPTIONS: readonly Column<Subscription>[] = [
  { key: 'key', title: 'Topic', cell: ({ key }) => <code>{key}</code> },
  { key: 'exchange', title: 'Exchange', cell: ({ exchange }) => exchange },
  {
    key: 'assurance',
    title: 'Assurance',
    cell: ({ assurance }) => ['at most once', 'at least once', 'exactly once'][assurance] ?? String(assurance),
  },
];

function SessionPage({ vhost, protocol, clientId }: { vhost: string; protocol: string; clientId: string }) {
  const mayEnd = hasTag(useStore(session), 'administrator');
  const target = path`/v1/vhosts/${vhost}/sessions/${protocol}/${clientId}`;
  const { data, error } = useAnswer<Whole>(target, { everyMs: 5_000 });
  const [ending, setEnding] = useState(false);
  return (
    <>
      <PageHead title={clientId} sub={`Session of ${protocol} in ${vhost}`}>
        {mayEnd && data !== undefined && (
          <Button kind="danger" onClick={() => setEnding(true)}>
            End
          </Button>
        )}
      </PageHead>
      <Trouble error={error} />
      {data === undefined ? (
        error === undefined && <Waiting lines={8} />
      ) : (
        <>
          <Section
            title="Now"
            aside={data.queue !== undefined && <a href={href('queues', vhost, data.queue)}>Its queue</a>}
          >
            <div class="figure-row">
              <Figure label="wait for it" value={count(data.ready)} />
              <Figure label="unacknowledged" value={count(data.unsettled)} />
            </div>
            <Facts
              of={[
                ['State', <Connected of={data.connected} />],
                ['User', data.user],
                ['Kept', <Kept of={data} />],
              ]}
            />
          </Section>
          <Section title="Subscriptions">
            <Table<Subscription>
              caption="Subscriptions of the session"
              id={({ exchange, key }) => `${exchange} ${key}`}
              rows={data.subscriptions.slice(0, 500)}
              columns={SUBSCRIPTIONS}
              empty="It has subscribed to nothing."
            />
          </Section>
        </>
      )}
      {ending && data !== undefined && (
        <EndDialog rows={[data]} done={() => go(href('sessions'))} onClose={() => setEnding(false)} />
      )}
    </>
  );
}
