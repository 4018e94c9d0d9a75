/** Where clients come in, and the certificates that they are shown there. */
import { useAnswer } from '../../api/answer.ts';
import { count, exact } from '../../format.ts';
import { Badge, Facts, PageHead, Section, Time, type Tone, Trouble, Waiting } from '../../ui/basics.tsx';
import { Table } from '../../ui/table.tsx';
import '../../style/listeners.css';

interface Listener {
  readonly protocols: readonly string[];
  readonly addresses: readonly { readonly address: string; readonly port: number }[];
}

interface Certificate {
  readonly path: string;
  readonly subject: string;
  readonly issuer: string;
  readonly names: readonly string[];
  readonly from: string;
  readonly until: string;
  readonly daysLeft: number;
  readonly state: 'good' | 'expires-soon' | 'expired' | 'not-yet';
  readonly serial: string;
  readonly fingerprint: string;
  readonly listeners: readonly string[];
}

const EVERY_MS = 60_000;
const TONES: Readonly<Record<Certificate['state'], Tone>> = {
  good: 'good',
  'expires-soon': 'warn',
  expired: 'bad',
  'not-yet': 'bad',
};

function left({ state, daysLeft }: Certificate): string {
  if (state === 'expired') return 'has expired';
  if (state === 'not-yet') return 'is not good yet';
  return daysLeft < 1 ? 'less than a day left' : daysLeft === 1 ? 'a day left' : `${count(daysLeft)} days left`;
}

const endOf = ({ address, port }: Listener['addresses'][number]): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`;

export default function ListenersPage() {
  const { data, error } = useAnswer<{
    readonly listeners: readonly Listener[];
    readonly certificates: readonly Certificate[];
  }>('/v1/listeners', { everyMs: EVERY_MS });
  return (
    <>
      <PageHead title="Listeners" sub="Where clients come in, and what they are shown there" />
      <Trouble error={error} />
      {data === undefined ? (
        error === undefined && <Waiting lines={8} />
      ) : (
        <>
          <Section title="Where clients come in">
            <Table<Listener>
              caption="Listeners"
              rows={data.listeners}
              id={({ addresses, protocols }) => `${protocols.join()} ${addresses.map(endOf).join()}`}
              columns={[
                { key: 'protocols', title: 'Protocols', cell: ({ protocols }) => protocols.join(', ') },
                { key: 'tls', title: 'TLS', cell: ({ protocols }) => (protocols.every(secure) ? 'yes' : 'no') },
                { key: 'addresses', title: 'Addresses', cell: ({ addresses }) => addresses.map(endOf).join(', ') },
              ]}
            />
          </Section>
          {data.certificates.length === 0 ? (
            <Section title="Certificates">
              <p class="empty">No listener speaks TLS.</p>
            </Section>
          ) : (
            data.certificates.map((one) => <CertificateCard key={one.path} of={one} />)
          )}
        </>
      )}
    </>
  );
}

const Day = ({ of }: { of: string }) => (
  <>
    {exact(Date.parse(of)).slice(0, 10)}, <Time atMs={Date.parse(of)} />
  </>
);

const PLAIN: ReadonlySet<string> = new Set(['amqp', 'mqtt', 'stomp', 'redis', 'ws', 'http']);
const secure = (protocol: string): boolean => !PLAIN.has(protocol) && protocol.endsWith('s');

function CertificateCard({ of }: { of: Certificate }) {
  const { subject, issuer, names, from, until, path, serial, fingerprint, listeners, state } = of;
  return (
    <Section title={subject || path} aside={<Badge tone={TONES[state]}>{left(of)}</Badge>}>
      {state !== 'good' && (
        <p class={`certificate-notice notice ${state === 'expires-soon' ? 'warn' : 'alarm'}`}>
          {state === 'not-yet'
            ? 'Clients that check it do not connect before its time. Look at the clock of this machine, or at the certificate.'
            : 'Put a new one in the place of its file: the broker takes it up by itself.'}
        </p>
      )}
      <Facts
        of={[
          ['Issued by', issuer],
          ['Good for', names.length === 0 ? 'no name' : names.join(', ')],
          ['From', <Day key="from" of={from} />],
          ['Until', <Day key="until" of={until} />],
          ['Shown at', listeners.join(', ')],
          ['File', path],
          ['Serial number', <code>{serial}</code>],
          ['SHA-256', <code class="fingerprint">{fingerprint}</code>],
        ]}
      />
    </Section>
  );
}
