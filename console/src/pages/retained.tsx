/** Retained messages: the last of each topic, as who subscribes later gets it. */
import { useMemo, useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import { ask, path } from '../api/request.ts';
import { bytes } from '../format.ts';
import { useAllowed } from '../messages/access.ts';
import { Body } from '../messages/body.tsx';
import { fromBase64 } from '../messages/forms.ts';
import { BODY_BYTES_MAX, type Message } from '../messages/shapes.ts';
import type { PageProps } from '../pages.ts';
import { go, href } from '../router.ts';
import { Button, Facts, PageHead, Section, Time, Trouble, Waiting } from '../ui/basics.tsx';
import { ActDialog } from '../ui/dialog.tsx';
import { List } from '../ui/list.tsx';
import type { Column } from '../ui/table.tsx';
import { useVhost, VhostChoice } from '../ui/vhost.tsx';
import '../style/messages.css';

interface Retained {
  readonly key: string;
  readonly bytes: number;
  readonly expiresAt?: string;
}

/** Slashes and dots trade places in keys. */
const topicOf = (key: string): string => key.replaceAll(/[./]/g, (sign) => (sign === '.' ? '/' : '.'));

export default function RetainedPage({ rest: [vhost, key] }: PageProps) {
  return vhost !== undefined && key !== undefined ? <OneRetained {...{ vhost, topic: key }} /> : <RetainedList />;
}

function RetainedList() {
  const vhost = useVhost();
  const [asked, setAsked] = useState<{ rows: readonly Retained[]; done: () => void } | undefined>();
  const columns: readonly Column<Retained>[] = [
    { key: 'key', title: 'Topic', cell: ({ key }) => <a href={href('retained', vhost[0], key)}>{topicOf(key)}</a> },
    { key: 'bytes', title: 'Size', figures: true, cell: (one) => bytes(one.bytes) },
    {
      key: 'expires',
      title: 'Expires',
      cell: ({ expiresAt }) => (expiresAt === undefined ? 'never' : <Time atMs={Date.parse(expiresAt)} />),
    },
  ];
  return (
    <>
      <PageHead title="Retained messages" sub="The last of each topic, for who subscribes later" />
      <List<Retained>
        name="retained"
        target={path`/v1/vhosts/${vhost[0]}/retained`}
        rows="retained"
        columns={columns}
        id={({ key }) => key}
        searchLabel="Search topics, levels parted by dots"
        tools={<VhostChoice of={vhost} />}
        empty="Nothing is retained here."
        several={(rows, done) => <RemoveButton vhost={vhost[0]} rows={rows} onClick={() => setAsked({ rows, done })} />}
      />
      {asked !== undefined && <RemoveDialog vhost={vhost[0]} {...asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

/** To remove one asks for the permission to publish to its topic. */
function RemoveButton(props: { vhost: string; rows: readonly Pick<Retained, 'key'>[]; onClick: () => void }) {
  const { vhost, rows, onClick } = props;
  const allowed = useAllowed(
    rows.map(({ key }) => ({ action: 'write', resource: 'exchange:amq.topic', topic: key, vhost })),
  );
  if (allowed?.includes(true) !== true) return null;
  return (
    <Button kind="danger" onClick={onClick}>
      Remove
    </Button>
  );
}

function RemoveDialog(props: {
  vhost: string;
  rows: readonly Pick<Retained, 'key'>[];
  done: () => void;
  onClose: () => void;
}) {
  const { vhost, rows, done, onClose } = props;
  const number = rows.length === 1 ? 'a retained message' : `${rows.length} retained messages`;
  return (
    <ActDialog
      title={`Remove ${number}`}
      word="Remove"
      danger
      onClose={onClose}
      act={async () => {
        for (const { key } of rows) await ask(path`/v1/vhosts/${vhost}/retained/${key}`, { method: 'DELETE' });
        done();
        return rows.length === 1 ? 'Removed.' : `${number} removed.`;
      }}
    >
      <p>
        Who subscribes later gets nothing of these topics until somebody publishes there. Subscribers hear nothing of
        it.
      </p>
      <ul>
        {rows.slice(0, 10).map(({ key }) => (
          <li key={key}>{topicOf(key)}</li>
        ))}
        {rows.length > 10 && <li>and {rows.length - 10} more</li>}
      </ul>
    </ActDialog>
  );
}

function OneRetained({ vhost, topic: key }: { vhost: string; topic: string }) {
  const { data, error } = useAnswer<Message>(path`/v1/vhosts/${vhost}/retained/${key}`, {
    query: { body: 'base64', bodyBytes: BODY_BYTES_MAX },
  });
  const [removing, setRemoving] = useState(false);
  const body = useMemo(() => fromBase64(String(data?.body ?? '')), [data]);
  return (
    <>
      <PageHead title={topicOf(key)} sub={`Retained message in ${vhost}`}>
        {data !== undefined && <RemoveButton vhost={vhost} rows={[{ key }]} onClick={() => setRemoving(true)} />}
      </PageHead>
      <Trouble error={error} />
      {data === undefined ? (
        error === undefined && <Waiting lines={6} />
      ) : (
        <Section title="The message">
          <Facts
            of={[
              ['Came', <Time atMs={Date.parse(data.arrivedAt)} />],
              ['Expires', data.expiresAt === undefined ? 'never' : <Time atMs={Date.parse(data.expiresAt)} />],
              ...Object.entries({ ...data.properties, ...data.headers }).map(
                ([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const,
              ),
            ]}
          />
          <Body
            bytes={body}
            length={data.bodyBytes}
            contentType={data.properties['contentType'] as string | undefined}
            name={`${key}.bin`}
          />
        </Section>
      )}
      {removing && (
        <RemoveDialog
          vhost={vhost}
          rows={[{ key }]}
          done={() => go(href('retained'))}
          onClose={() => setRemoving(false)}
        />
      )}
    </>
  );
}
