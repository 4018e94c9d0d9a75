/** What flows, what waits, what there is. */
import { useAnswer } from '../api/answer.ts';
import type { Overview } from '../api/shapes.ts';
import { rate, shortCount } from '../format.ts';
import { href } from '../router.ts';
import { Figure, PageHead, Section, Trouble, Waiting } from '../ui/basics.tsx';

const EVERY_MS = 2_000;

export default function OverviewPage() {
  const { data, error } = useAnswer<Overview>('/api/overview', { everyMs: EVERY_MS });
  return (
    <>
      <PageHead title="Overview" sub={data?.cluster_name} />
      <Trouble error={error} />
      {data === undefined ? <Waiting lines={6} /> : <Totals of={data} />}
    </>
  );
}

function Totals({ of }: { of: Overview }) {
  const { message_stats: stats = {}, queue_totals: waiting, object_totals: things } = of;
  return (
    <div class="columns">
      <Section title="Flow">
        <div class="figure-row">
          <Figure label="in" value={rate(stats.publish_details?.rate ?? 0)} />
          <Figure label="out" value={rate(stats.deliver_get_details?.rate ?? 0)} />
          <Figure label="acknowledged" value={rate(stats.ack_details?.rate ?? 0)} />
          <Figure label="again" value={rate(stats.redeliver_details?.rate ?? 0)} />
        </div>
      </Section>
      <Section title="Waiting" aside={<a href={href('queues')}>Queues</a>}>
        <div class="figure-row">
          <Figure label="ready" value={shortCount(waiting.messages_ready)} />
          <Figure label="not acknowledged" value={shortCount(waiting.messages_unacknowledged)} />
        </div>
      </Section>
      <Section title="What there is">
        <div class="figure-row">
          {Object.entries(things).map(([name, number]) => (
            <Figure key={name} label={name} value={shortCount(number)} />
          ))}
        </div>
      </Section>
    </div>
  );
}
