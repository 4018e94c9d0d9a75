/** What flows, what waits, what fails, what the machine has left, and what is wrong: live. */
import { useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import { useLive } from '../api/live.ts';
import type { Alarm, Carrying, Failing, Overview } from '../api/overview-shapes.ts';
import { hasTag, session } from '../api/session.ts';
import { bytes, count, rate, shortCount } from '../format.ts';
import { href, hrefWith } from '../router.ts';
import { useStore } from '../store.ts';
import { Badge, Empty, Figure, PageHead, Section, Trouble, Waiting } from '../ui/basics.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Lately } from './overview-events.tsx';
import { Flow } from './overview-flow.tsx';
import '../style/overview.css';

/** The broker tells it each two seconds. */
const SILENT_MS = 10_000;

export default function OverviewPage() {
  const whole = hasTag(useStore(session), 'monitoring');
  const [now, setNow] = useState<Overview | undefined>();
  const { error, began } = useLive('/v1/overview/live', {
    withinMs: SILENT_MS,
    onEvent: ({ data }) => setNow(data as Overview),
  });
  return (
    <>
      <PageHead
        title="Overview"
        sub={
          error === undefined ? (
            <Badge tone="good" title="Figures come by themselves, each two seconds">
              live
            </Badge>
          ) : (
            <Badge tone="bad">away</Badge>
          )
        }
      />
      <div class="away" role="status">
        <Trouble error={error} />
      </div>
      {now === undefined ? (
        <Waiting lines={12} />
      ) : (
        <>
          <State alarms={now.alarms} />
          <Figures of={now} />
          <Flow now={now} began={began} whole={whole} />
          <div class="columns">
            {now.protocols !== undefined && <Protocols of={now.protocols} />}
            <Failures of={now.failing} />
            <Growing />
            {whole && <Lately />}
          </div>
        </>
      )}
    </>
  );
}

function State({ alarms }: { alarms: readonly Alarm[] }) {
  return (
    <section class="card state" aria-label="Alarms" aria-live="polite">
      {alarms.length === 0 ? (
        <p class="well">All is well: there is no alarm.</p>
      ) : (
        <ul class="alarms">
          {alarms.map(({ kind, vhost, severity, text, advice }) => (
            <li key={`${kind} ${vhost ?? ''} ${text}`} class={`notice ${severity === 'bad' ? 'alarm' : 'warn'}`}>
              <strong>{text}</strong> <span>{advice}</span>
              {kind === 'certificate' && <a href={href('listeners')}>All certificates</a>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Figures({ of }: { of: Overview }) {
  const { flow, waiting, disk, memory } = of;
  return (
    <div class="columns">
      <Section title="Flow">
        <div class="figure-row">
          <Figure label="in" value={rate(flow.in)} title="Messages from clients" />
          <Figure label="out" value={rate(flow.out)} title="Messages to clients" />
          <Figure label="acknowledged" value={rate(flow.accepted)} title="Deliveries that clients have accepted" />
        </div>
      </Section>
      <Section title="Waiting" aside={<a href={href('queues')}>Queues</a>}>
        <div class="figure-row">
          <Figure label="ready" value={shortCount(waiting.ready)} title={count(waiting.ready)} />
          <Figure label="unacknowledged" value={shortCount(waiting.unsettled)} title={count(waiting.unsettled)} />
          <Figure label="delayed" value={shortCount(waiting.delayed)} title="Not to be routed yet" />
          <Figure label="to be tried again" value={shortCount(waiting.retrying)} title="Failed, and wait for a while" />
          {waiting.undelivered > 0 && (
            <Figure label="dead letters without room" tone="warn" value={shortCount(waiting.undelivered)} />
          )}
        </div>
      </Section>
      {disk !== undefined && memory !== undefined && <Machine disk={disk} memory={memory} />}
      <Section title="What there is">
        <div class="figure-row">
          {(['connections', 'consumers', 'queues', 'exchanges', 'vhosts'] as const).map((name) => (
            <Figure key={name} label={name} value={shortCount(of[name])} title={count(of[name])} />
          ))}
        </div>
      </Section>
    </div>
  );
}

function Machine({ disk, memory }: Required<Pick<Overview, 'disk' | 'memory'>>) {
  const { usedBytes, freeBytes, freeMinBytes, syncMilliseconds } = disk;
  const low = freeBytes !== undefined && freeBytes < 2 * freeMinBytes;
  const full = memory.maxBytes > 0 && memory.residentBytes > 0.9 * memory.maxBytes;
  return (
    <Section title="Disk and memory">
      <div class="figure-row">
        <Figure label="disk used" value={bytes(usedBytes)} title="By logs, and by what does not fit into memory" />
        {freeBytes !== undefined && (
          <Figure
            label={freeMinBytes > 0 ? `free; publishers wait under ${bytes(freeMinBytes)}` : 'free'}
            value={bytes(freeBytes)}
            {...(low && { tone: 'warn' as const })}
          />
        )}
        <Figure
          label="a sync takes"
          value={syncMilliseconds === undefined ? '–' : `${syncMilliseconds.toFixed(1)} ms`}
          title="Over the last five seconds; –: nothing was synced"
        />
        <Figure
          label={memory.maxBytes > 0 ? `memory; publishers wait over ${bytes(memory.maxBytes)}` : 'memory'}
          value={bytes(memory.residentBytes)}
          {...(full && { tone: 'warn' as const })}
        />
      </div>
    </Section>
  );
}

const PROTOCOL_COLUMNS: readonly Column<Carrying>[] = [
  { key: 'protocol', title: 'Protocol', cell: ({ protocol }) => protocol },
  { key: 'connections', title: 'Connections', figures: true, cell: (one) => shortCount(one.connections) },
  { key: 'in', title: 'In', figures: true, cell: (one) => rate(one.in.messages) },
  { key: 'bytesIn', title: 'Bytes in', figures: true, cell: (one) => `${bytes(one.in.bytes)}/s` },
  { key: 'out', title: 'Out', figures: true, cell: (one) => rate(one.out.messages) },
  { key: 'bytesOut', title: 'Bytes out', figures: true, cell: (one) => `${bytes(one.out.bytes)}/s` },
];

function Protocols({ of }: { of: readonly Carrying[] }) {
  return (
    <Section title="By protocol" aside={<a href={href('connections')}>Connections</a>}>
      <Table
        caption="What flows by protocol"
        columns={PROTOCOL_COLUMNS}
        rows={of}
        id={({ protocol }) => protocol}
        empty="Nobody has come yet."
      />
    </Section>
  );
}

const KIND_TONES = { refused: 'warn', dropped: 'bad', 'dead-lettered': 'warn', redelivered: 'neutral' } as const;
const FAILURE_COLUMNS: readonly Column<Failing>[] = [
  { key: 'kind', title: 'What', cell: ({ kind }) => <Badge tone={KIND_TONES[kind]}>{kind}</Badge> },
  { key: 'text', title: 'Why', cell: ({ text }) => text },
  { key: 'rate', title: 'Now', figures: true, cell: (one) => rate(one.rate) },
  { key: 'total', title: 'Since the start', figures: true, cell: ({ total }) => shortCount(total) },
];

function Failures({ of }: { of: readonly Failing[] }) {
  return (
    <Section title="What fails">
      <Table
        caption="What fails"
        columns={FAILURE_COLUMNS}
        rows={of}
        id={({ kind, reason }) => `${kind} ${reason}`}
        empty="No message has failed since the broker was started."
      />
    </Section>
  );
}

interface GrowingRow {
  readonly vhost: string;
  readonly name: string;
  readonly messages: number;
  readonly rate: number;
}

const GROWING_COLUMNS: readonly Column<GrowingRow>[] = [
  { key: 'name', title: 'Queue', cell: ({ vhost, name }) => <a href={href('queues', vhost, name)}>{name}</a> },
  { key: 'messages', title: 'Messages', figures: true, cell: ({ messages }) => shortCount(messages) },
  { key: 'growth', title: 'Grows by', figures: true, cell: (one) => rate(one.rate) },
];

function Growing() {
  const { data, error } = useAnswer<{ readonly queues: readonly GrowingRow[] }>('/v1/overview/growing', {
    everyMs: 5_000,
    query: { limit: 5 },
  });
  const rows = data?.queues ?? [];
  const all = hrefWith(['queues'], { sort: 'messages', reverse: 'true' });
  return (
    <Section title="Queues that grow most" aside={<a href={all}>The longest</a>}>
      <Trouble error={error} />
      <div class="growing">
        {data === undefined ? (
          <Waiting lines={5} />
        ) : rows.length === 0 ? (
          <Empty>No queue grows.</Empty>
        ) : (
          <Table
            caption="Queues that grow most"
            columns={GROWING_COLUMNS}
            rows={rows}
            id={(row) => `${row.vhost}/${row.name}`}
          />
        )}
      </div>
    </Section>
  );
}
