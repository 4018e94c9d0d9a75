/** Publishing and subscribing from the page itself, over WebSocket, and the programs that do the same. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { session } from '../api/session.ts';
import { codeOf, LANGUAGES, type Language } from '../try/code.ts';
import { type Came, credentialsOf, type Link, openLink, type TryProtocol } from '../try/link.ts';
import { Badge, Button, Empty, PageHead, Section, Time } from '../ui/basics.tsx';
import { AreaField, CheckField, SelectField, TextField } from '../ui/fields.tsx';

/** The last are shown. */
const KEPT_MAX = 100;
const ADDRESSES: Readonly<Record<TryProtocol, string>> = { mqtt: 'hello/world', stomp: '/topic/hello.world' };

interface Shown extends Came {
  readonly number: number;
  readonly atMs: number;
}

export default function TryPage() {
  const [protocol, setProtocol] = useState<TryProtocol>('mqtt');
  const [address, setAddress] = useState(ADDRESSES.mqtt);
  const [body, setBody] = useState('Hello');
  const [retain, setRetain] = useState(false);
  const [language, setLanguage] = useState<Language>('JavaScript');
  const [state, setState] = useState<'off' | 'opening' | 'on'>('off');
  const [ended, setEnded] = useState('');
  const [subscribed, setSubscribed] = useState<readonly string[]>([]);
  const [came, setCame] = useState<{ readonly all: number; readonly last: readonly Shown[] }>({ all: 0, last: [] });
  const link = useRef<Link | undefined>(undefined);

  const close = (): void => {
    link.current?.close();
    link.current = undefined;
    setState('off');
    setSubscribed([]);
  };
  useEffect(() => close, []);

  const open = (): void => {
    const login = session.get();
    if (login === undefined) return;
    setState('opening');
    setEnded('');
    const mine = openLink(protocol, login, {
      onOpen: () => setState('on'),
      onMessage: (message) =>
        setCame(({ all, last }) => ({
          all: all + 1,
          last: [{ ...message, number: all + 1, atMs: Date.now() }, ...last.slice(0, KEPT_MAX - 1)],
        })),
      onEnd: (because) => {
        if (link.current !== mine) return;
        setEnded(because);
        close();
      },
    });
    link.current = mine;
  };

  const [user] = credentialsOf(session.get()!);
  const code = codeOf(language, { protocol, host: location.hostname, address, body, user });
  return (
    <>
      <PageHead title="Try it" sub="This page as a client: over WebSocket, with your own login and rights.">
        {state === 'off' ? (
          <Button kind="primary" onClick={open}>
            Connect
          </Button>
        ) : (
          <Button onClick={close}>Disconnect</Button>
        )}
      </PageHead>
      {ended !== '' && (
        <p class="trouble" role="alert">
          {ended}
        </p>
      )}
      <div class="columns">
        <Section
          title="Publish and subscribe"
          aside={
            <Badge tone={state === 'on' ? 'good' : 'neutral'}>
              {state === 'on' ? 'connected' : state === 'off' ? 'not connected' : 'connecting'}
            </Badge>
          }
        >
          <form
            class="form"
            onSubmit={(event) => {
              event.preventDefault();
              link.current?.publish(address, body, retain);
            }}
          >
            <SelectField
              label="Protocol"
              value={protocol}
              of={[
                ['mqtt', 'MQTT 3.1.1'],
                ['stomp', 'STOMP 1.2'],
              ]}
              onInput={(next) => {
                close();
                setProtocol(next);
                setAddress(ADDRESSES[next]);
              }}
            />
            <TextField
              label={protocol === 'mqtt' ? 'Topic or filter' : 'Destination'}
              value={address}
              onInput={setAddress}
              required
              hint={
                protocol === 'mqtt'
                  ? 'plant/1, plant/+/t, plant/#'
                  : '/queue/orders, /topic/a.*, /exchange/amq.topic/a.#'
              }
            />
            <AreaField label="Body" value={body} onInput={setBody} rows={3} />
            {protocol === 'mqtt' && <CheckField label="Retained" value={retain} onInput={setRetain} />}
            <div class="actions wide">
              <Button submit kind="primary" disabled={state !== 'on'}>
                Publish
              </Button>
              <Button
                disabled={state !== 'on' || subscribed.includes(address)}
                onClick={() => {
                  link.current?.subscribe(address);
                  setSubscribed([...subscribed, address]);
                }}
              >
                Subscribe
              </Button>
              {subscribed.map((one) => (
                <Badge key={one} tone="info">
                  {one}
                </Badge>
              ))}
            </div>
          </form>
        </Section>
        <Section
          title={`What came: ${came.all}`}
          aside={
            <Button kind="quiet" onClick={() => setCame({ all: 0, last: [] })}>
              Clear
            </Button>
          }
        >
          {came.last.length === 0 ? (
            <Empty>Nothing yet. Connect, subscribe, publish.</Empty>
          ) : (
            <ol class="came" aria-live="polite">
              {came.last.map((message) => (
                <li key={message.number}>
                  <span class="hint">
                    <Time atMs={message.atMs} /> {message.address}{' '}
                    {message.notes !== '' && <Badge>{message.notes}</Badge>}
                  </span>
                  <pre>{message.body}</pre>
                </li>
              ))}
            </ol>
          )}
        </Section>
      </div>
      <Section
        title="The same as a program"
        aside={
          <fieldset class="tabs" aria-label="Language">
            {LANGUAGES.map((one) => (
              <Button key={one} kind="quiet" pressed={one === language} onClick={() => setLanguage(one)}>
                {one}
              </Button>
            ))}
          </fieldset>
        }
      >
        <pre>
          <code>{code}</code>
        </pre>
      </Section>
    </>
  );
}
