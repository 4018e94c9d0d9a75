/** Messages as they come: a sample of them, bounded, and nobody who publishes is slowed by it. */
import { useState } from 'preact/hooks';
import type { PageProps } from '../pages.ts';
import { go, hrefWith, usePlace } from '../router.ts';
import { VhostField } from '../ui/vhost.tsx';
import '../style/messages.css';
import { Button, PageHead, Section } from '../ui/basics.tsx';
import { SelectField, TextField } from '../ui/fields.tsx';
import { type Source, Tail } from './tail-live.tsx';

const KINDS = { exchange: 'an exchange', mqtt: 'an MQTT filter', queue: 'a queue' } as const;
type Kind = keyof typeof KINDS;

function sourceOf(query: Readonly<Record<string, string>>): Source | undefined {
  const { kind, name = '', key = '#' } = query;
  if (name === '') return undefined;
  if (kind === 'queue') return { kind, queue: name };
  // What comes over MQTT comes to this exchange.
  if (kind === 'mqtt') return { kind: 'exchange', exchange: 'amq.topic', key: name, spelling: 'slashes' };
  return { kind: 'exchange', exchange: name, key, spelling: 'dots' };
}

export default function TailPage({ rest }: PageProps) {
  const { query } = usePlace();
  // Another address, another form.
  return <Looking key={JSON.stringify([rest, query])} rest={rest} query={query} />;
}

function Looking({ rest, query }: PageProps & { query: Readonly<Record<string, string>> }) {
  const vhost = rest[0] ?? '/';
  const given = query['kind'] ?? '';
  const [form, setForm] = useState({
    vhost,
    kind: Object.hasOwn(KINDS, given) ? (given as Kind) : 'exchange',
    name: query['name'] ?? '',
    key: query['key'] ?? '#',
    selector: query['selector'] ?? '',
  });
  const change = (part: Partial<typeof form>): void => setForm({ ...form, ...part });
  const source = sourceOf(query);
  return (
    <>
      <PageHead title="Live tail" sub="A sample of what comes by; nothing is taken from anybody" />
      <Section title="What to look at">
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            const { vhost: where, kind, name, key, selector } = form;
            go(
              hrefWith(['tail', where], {
                ...{ kind, name },
                key: kind === 'exchange' ? key : undefined,
                selector: selector,
              }),
            );
          }}
        >
          <VhostField value={form.vhost} onInput={(one) => change({ vhost: one })} />
          <SelectField
            label="Of"
            value={form.kind}
            onInput={(kind) => change({ kind })}
            of={(Object.keys(KINDS) as Kind[]).map((one) => [one, KINDS[one]] as const)}
          />
          <TextField
            label={form.kind === 'exchange' ? 'Exchange' : form.kind === 'mqtt' ? 'Filter' : 'Queue'}
            value={form.name}
            onInput={(name) => change({ name })}
            hint={form.kind === 'mqtt' ? 'plant/+/temperature, plant/#' : undefined}
            required
          />
          {form.kind === 'exchange' && (
            <TextField
              label="Key"
              value={form.key}
              onInput={(key) => change({ key })}
              hint="With * and # where the exchange knows them"
            />
          )}
          <TextField
            label="Selector"
            value={form.selector}
            onInput={(selector) => change({ selector })}
            hint="Empty: all of them"
          />
          <div class="wide actions">
            <Button submit kind="primary" disabled={form.name === ''}>
              Look
            </Button>
          </div>
        </form>
      </Section>
      {source !== undefined && (
        <Tail key={JSON.stringify([vhost, query])} vhost={vhost} source={source} selector={query['selector'] ?? ''} />
      )}
    </>
  );
}
