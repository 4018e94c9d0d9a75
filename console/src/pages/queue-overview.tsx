/** How a queue goes, what it is, and where each of its settings comes from. */
import { useAnswer } from '../api/answer.ts';
import { path } from '../api/request.ts';
import { bytes, count, rate, shortCount } from '../format.ts';
import { href, hrefWith } from '../router.ts';
import { shown } from '../settings.ts';
import { Facts, Figure, Section } from '../ui/basics.tsx';
import { Chart } from '../ui/chart.tsx';
import { Table } from '../ui/table.tsx';
import type { Queue, Sampled } from './queue.tsx';

export function QueueOverview({ queue }: { queue: Queue }) {
  const { message_stats: stats } = queue;
  return (
    <>
      <div class="columns">
        <Section title="Waiting">
          <div class="figure-row">
            <Figure label="ready" value={shortCount(queue.messages_ready)} title={count(queue.messages_ready)} />
            <Figure
              label="held by consumers"
              value={shortCount(queue.messages_unacknowledged)}
              title={count(queue.messages_unacknowledged)}
            />
            {queue.message_bytes_ready !== undefined && (
              <Figure label="bytes ready" value={bytes(queue.message_bytes_ready)} />
            )}
          </div>
          <Chart
            label="Messages that wait and that consumers hold, over the last ten minutes"
            {...levels(queue.messages_ready_details, queue.messages_unacknowledged_details)}
            format={shortCount}
          />
        </Section>
        <Section
          title="Flow"
          aside={<a href={hrefWith(['tail', queue.vhost], { kind: 'queue', name: queue.name })}>Live tail</a>}
        >
          <div class="figure-row">
            <Figure label="in" value={rate(stats?.publish_details?.rate ?? 0)} />
            <Figure label="out" value={rate(stats?.deliver_get_details?.rate ?? 0)} />
            <Figure label="acknowledged" value={rate(stats?.ack_details?.rate ?? 0)} />
            <Figure label="again" value={rate(stats?.redeliver_details?.rate ?? 0)} />
          </div>
          <Chart
            label="Messages a second in, out and acknowledged, over the last ten minutes"
            {...rates(stats?.publish_details, stats?.deliver_get_details, stats?.ack_details)}
            format={rate}
          />
        </Section>
      </div>
      <Section title="What it is">
        <Facts
          of={[
            ['Type', queue.type],
            ['Durable', queue.durable ? 'yes' : 'no'],
            ['Consumers', count(queue.consumers)],
            [
              'Consumers could take',
              queue.consumer_capacity === undefined
                ? '–'
                : `${Math.round(queue.consumer_capacity * 100)} % of the time`,
            ],
            ['Policy', queue.policy ?? 'none'],
            ['Operators’ policy', queue.operator_policy ?? 'none'],
          ]}
        />
      </Section>
      <Settings queue={queue} />
    </>
  );
}

const CHART_MS = 600_000;

interface ChartData {
  readonly times: readonly number[];
  readonly lines: readonly { readonly label: string; readonly values: readonly (number | null)[] }[];
}

function series(labels: readonly string[], of: readonly (Sampled | undefined)[], value: Reading): ChartData {
  const known = of.map((one) => [...(one?.samples ?? [])].reverse());
  const told = new Set(known.flatMap((samples) => samples.map(({ timestamp }) => timestamp)));
  // Ten minutes are shown from the beginning on, so that the line grows into them.
  const newest = Math.max(...told);
  if (told.size > 0) told.add(Math.min(newest - CHART_MS, ...told));
  const times = [...told].sort((a, b) => a - b);
  return {
    times: times.map((ms) => ms / 1000),
    lines: labels.map((label, i) => {
      const at = new Map(known[i]!.map((sample, n, all) => [sample.timestamp, value(sample, all[n - 1])]));
      return { label, values: times.map((ms) => at.get(ms) ?? null) };
    }),
  };
}

type Sample = NonNullable<Sampled['samples']>[number];
type Reading = (now: Sample, before: Sample | undefined) => number | null;

const levels = (...of: readonly (Sampled | undefined)[]): ChartData =>
  series(['ready', 'held'], of, ({ sample }) => sample);

/** Counters rise; what is shown is how fast. One that began anew has no rate there. */
const rates = (...of: readonly (Sampled | undefined)[]): ChartData =>
  series(['in', 'out', 'acknowledged'], of, (now, before) => {
    const seconds = before === undefined ? 0 : (now.timestamp - before.timestamp) / 1000;
    return seconds > 0 && now.sample >= before!.sample ? (now.sample - before!.sample) / seconds : null;
  });

interface Policy {
  readonly name: string;
  readonly kind: 'policy' | 'operator';
  readonly definition: Readonly<Record<string, unknown>>;
}

interface Setting {
  readonly key: string;
  readonly argument: unknown;
  readonly policy: unknown;
  readonly operator: unknown;
}

/** Of numbers that bound something the smallest holds; else what the client said, then the policy. */
function inForce({ argument, policy, operator }: Setting): { value: unknown; from: string } {
  const given = [
    { value: argument, from: 'argument' },
    { value: policy, from: 'policy' },
    { value: operator, from: 'operators’ policy' },
  ].filter(({ value }) => value !== undefined);
  if (given.every(({ value }) => typeof value === 'number')) {
    return given.reduce((least, one) => ((one.value as number) < (least.value as number) ? one : least));
  }
  return given[0]!;
}

function Settings({ queue }: { queue: Queue }) {
  const { data } = useAnswer<{ policies: readonly Policy[] }>(path`/v1/vhosts/${queue.vhost}/policies`, {
    everyMs: 30_000,
  });
  const definitionOf = (kind: Policy['kind'], name: string | null | undefined) =>
    data?.policies.find((one) => one.kind === kind && one.name === name)?.definition ?? {};
  const policy = definitionOf('policy', queue.policy);
  const operator = definitionOf('operator', queue.operator_policy);
  const keys = new Set([
    ...Object.keys(queue.arguments).map((name) => name.replace(/^x-/, '')),
    ...Object.keys(queue.effective_policy_definition),
    ...Object.keys(policy),
    ...Object.keys(operator),
  ]);
  const settings = [...keys].sort().map(
    (key): Setting => ({
      key,
      argument: queue.arguments[`x-${key}`] ?? queue.arguments[key],
      policy: policy[key] ?? (key in operator ? undefined : queue.effective_policy_definition[key]),
      operator: operator[key],
    }),
  );
  return (
    <Section title="Settings, and where each comes from" aside={<a href={href('policies')}>Policies</a>}>
      <Table<Setting>
        caption="Settings of the queue"
        id={({ key }) => key}
        rows={settings}
        empty="Nothing is set: neither by arguments nor by a policy."
        columns={[
          { key: 'key', title: 'Setting', cell: ({ key }) => <code>{key}</code> },
          { key: 'value', title: 'In force', cell: (one) => shown(one.key, inForce(one).value) },
          {
            key: 'from',
            title: 'From',
            cell: (one) => {
              const { from } = inForce(one);
              const name = from === 'policy' ? queue.policy : from === 'argument' ? undefined : queue.operator_policy;
              return name == null ? from : `${from} ${name}`;
            },
          },
          {
            key: 'others',
            title: 'Others say',
            cell: (one) => {
              const { from } = inForce(one);
              return [
                from !== 'argument' && one.argument !== undefined && `argument: ${shown(one.key, one.argument)}`,
                from !== 'policy' && one.policy !== undefined && `policy: ${shown(one.key, one.policy)}`,
                from !== 'operators’ policy' &&
                  one.operator !== undefined &&
                  `operators’: ${shown(one.key, one.operator)}`,
              ]
                .filter(Boolean)
                .join(', ');
            },
          },
        ]}
      />
    </Section>
  );
}
