/** What flowed, by protocol, and what waited: charts of the last minutes, or of the hour. */
import { useEffect, useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import type { Overview, Past } from '../api/overview-shapes.ts';
import { bytes, rate, shortCount } from '../format.ts';
import { Button, Section, Trouble } from '../ui/basics.tsx';
import { Chart, type Line } from '../ui/chart.tsx';
import { extended } from './overview-past.ts';

type Span = 'minutes' | 'hour';
type Unit = 'messages' | 'bytes';

const bytesRate = (value: number): string => `${bytes(value)}/s`;

/** @param began asked again each time that it changes */
export function Flow({ now, began, whole }: { now: Overview; began: number; whole: boolean }) {
  const [span, setSpan] = useState<Span>('minutes');
  const [unit, setUnit] = useState<Unit>('messages');
  const { data, error, refresh } = useAnswer<Past>('/v1/overview/history', { query: { span } });
  const [past, setPast] = useState<Past | undefined>();
  useEffect(() => setPast(data), [data]);
  useEffect(() => {
    if (began > 1) refresh();
  }, [began]);
  useEffect(() => setPast((last) => last && extended(last, now)), [now.sampledAt]);

  const aside = whole && (
    <>
      <fieldset class="tabs" aria-label="What is counted">
        {(['messages', 'bytes'] as const).map((one) => (
          <Button key={one} kind="quiet" pressed={unit === one} onClick={() => setUnit(one)}>
            {one}
          </Button>
        ))}
      </fieldset>
      <fieldset class="tabs" aria-label="How far back">
        <Button kind="quiet" pressed={span === 'minutes'} onClick={() => setSpan('minutes')}>
          10 min
        </Button>
        <Button kind="quiet" pressed={span === 'hour'} onClick={() => setSpan('hour')}>
          1 h
        </Button>
      </fieldset>
    </>
  );
  const format = unit === 'bytes' ? bytesRate : rate;
  const times = past?.times ?? [];
  return (
    <Section title={span === 'hour' ? 'The last hour' : 'The last ten minutes'} aside={aside}>
      <Trouble error={error} />
      <div class="plots">
        <figure class="plot">
          <figcaption>In, {unit} a second</figcaption>
          <Chart
            label={`What came in, ${unit} a second by protocol`}
            {...{ times, lines: linesOf(past, unit, 'in'), format }}
          />
        </figure>
        <figure class="plot">
          <figcaption>Out, {unit} a second</figcaption>
          <Chart
            label={`What went out, ${unit} a second by protocol`}
            {...{ times, lines: linesOf(past, unit, 'out'), format }}
          />
        </figure>
        <figure class="plot">
          <figcaption>Messages that wait</figcaption>
          <Chart
            label="Messages that waited"
            times={times}
            lines={[
              { label: 'ready', values: past?.ready ?? [] },
              { label: 'unacknowledged', values: past?.unsettled ?? [] },
            ]}
            format={shortCount}
          />
        </figure>
      </div>
    </Section>
  );
}

/** Of the protocols that carried something; of all together, for who does not see them. */
function linesOf(past: Past | undefined, unit: Unit, way: 'in' | 'out'): readonly Line[] {
  const column = unit === 'messages' ? way : way === 'in' ? 'bytesIn' : 'bytesOut';
  const carried = (past?.protocols ?? [])
    .map((one) => ({ label: one.protocol, values: one[column] }))
    .filter(({ values }) => values.some((value) => value > 0));
  return carried.length > 0 ? carried : [{ label: 'all', values: unit === 'messages' ? (past?.[way] ?? []) : [] }];
}
