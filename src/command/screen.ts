/** The start-up screen: what listens where, where the data is, what is promised, who may connect, and a line to try. */
import { formatListen, LISTEN_PROTOCOLS, titlesOf } from '../config/listen.ts';
import type { Config } from '../config/schema.ts';
import type { ListenerInfo } from '../index.ts';
import { formatEndpoint, isLoopback } from '../transport/address.ts';
import { PRODUCT, VERSION } from '../version.ts';
import { wrapped } from './print/text.ts';

/** Characters of what stands behind a title on a terminal of 80 columns. */
const SHORT = 64;

/** @param users how many there are @param withConsole the HTTP port has the console */
export function screen(
  listeners: readonly ListenerInfo[],
  directory: string,
  settings: Config,
  users: number,
  withConsole = true,
): string {
  const rows: [string, string][] = listeners.flatMap(rowsOf);
  const web = withConsole ? consoleUrl(listeners) : undefined;
  if (web !== undefined) rows.push(['Console', `${web} in a browser`]);
  const open = listeners.some((l) => !l.addresses.every((address) => isLoopback(address.address)));
  rows.push(['', ''], ['Data', directory], ['', durabilityText(settings.durability)]);
  for (const [name, { durability }] of Object.entries(settings.vhosts)) {
    if (durability !== undefined) rows.push(['', `vhost ${name}: ${durabilityText(durability)}`]);
  }
  rows.push(...accessRows(users, open, settings.login));
  if (settings.profile === 'hardened') {
    rows.push(['Profile', 'hardened: TLS for all that other machines reach, nobody without a name, no guest']);
  } else rows.push(['Profile', 'default; hardened is for networks (profile: hardened)']);
  const tryIt = listeners.find((l) => l.name.split('+').includes('mqtt'));
  if (tryIt !== undefined) {
    const port = tryIt.port === LISTEN_PROTOCOLS['mqtt']!.port ? '' : ` -p ${tryIt.port}`;
    const { anonymous } = settings.login;
    const named = anonymous === 'never' || (anonymous === 'auto' && users > 0) ? ' -u NAME -P …' : '';
    rows.push(['', '']);
    rows.push(['Try', `mosquitto_sub${port}${named} -t 'hello/#' -v`]);
    rows.push(['', `${named === '' ? 'and ' : ''}elsewhere   mosquitto_pub${port}${named} -t hello/world -m hi`]);
  }
  // Of a port that several protocols share the title is long: it stands out, and the others stay where they are.
  const short = rows.map(([title]) => title.length).filter((length) => length <= TITLE_CELLS);
  const width = Math.max(...short) + GAP.length;
  const lines = rows.flatMap(([title, text]) => {
    if (text === '') return [''];
    const line = `  ${title.length < width ? title.padEnd(width) : title + GAP}${text}`;
    const at = line.lastIndexOf(' (');
    const further = `  ${' '.repeat(width)}`;
    if (line.length <= WIDTH) return [line];
    if (at > 0 && line.endsWith(')')) return [line.slice(0, at), further + line.slice(at + 1)];
    // An address or a path stays in one piece, to be copied.
    return wrapped(text, WIDTH - further.length).map((part, index) =>
      index === 0 ? line.slice(0, line.length - text.length) + part : further + part,
    );
  });
  return `${PRODUCT} ${VERSION}\n\n${lines.join('\n')}\n\n`;
}

/** Cells of a terminal, of a title, and between the columns. */
const WIDTH = 80;
const TITLE_CELLS = 12;
const GAP = '   ';

function rowsOf(listener: ListenerInfo): [string, string][] {
  const own: [string, string] = [titleOf(listener), placeOf(listener)];
  return /^https?$/.test(listener.name) ? [own, ['', 'WebSocket here too']] : [own];
}

/** Where a browser on this machine finds the console; undefined: nowhere. */
function consoleUrl(listeners: readonly ListenerInfo[]): string | undefined {
  const web = listeners.find(({ name }) => /^https?$/.test(name));
  if (web === undefined) return undefined;
  const host = /^(0\.0\.0\.0|::|\*)$/.test(web.host) ? 'localhost' : web.host;
  return `${formatListen({ protocols: [web.name], host, port: web.port })}/`;
}

/** Who may connect, and how others could. */
function accessRows(users: number, open: boolean, { anonymous, guest }: Config['login']): [string, string][] {
  const nameless = {
    auto: users === 0 ? `${titlesOf((one) => one.nameless === true)} also without a name` : 'nobody without a name',
    local: 'without a name from this machine',
    anywhere: 'without a name from everywhere',
    never: 'nobody without a name',
  }[anonymous];
  if (users > 0) return [['Access', `${users === 1 ? 'one user' : `${users} users`}; ${nameless}`]];
  const known = guest === 'never' ? 'there is no user' : 'from this machine: user guest, password guest';
  return [
    ...((known.length + nameless.length < SHORT
      ? [['Access', `${known}; ${nameless}`]]
      : [
          ['Access', known],
          ['', nameless],
        ]) as [string, string][]),
    [
      '',
      open ? 'other machines reach the open ports' : 'to open a port to other machines, set users first, then --listen',
    ],
  ];
}

function durabilityText({ level, interval }: Pick<Config['durability'], 'level' | 'interval'>): string {
  if (level === 'fsync') return 'every confirm follows the sync of what it confirms';
  if (level === 'interval')
    return `confirms follow the write; synced every ${interval} ms: a power failure may take that much`;
  return 'confirms follow the write, nothing is synced: a power failure may take what the system has not written yet';
}

function titleOf(listener: ListenerInfo): string {
  return listener.name
    .split('+')
    .map((name) => LISTEN_PROTOCOLS[name]?.title ?? secureTitleOf(name))
    .join(', ');
}

function secureTitleOf(name: string): string {
  const plain = LISTEN_PROTOCOLS[name.slice(0, -1)];
  return plain === undefined ? name : `${plain.title} over TLS`;
}

function placeOf(listener: ListenerInfo): string {
  const shown = listener.addresses.map(formatEndpoint).join(', ');
  const url = formatListen({ protocols: [listener.name], host: listener.host, port: listener.port });
  switch (listener.name) {
    case 'http':
    case 'https':
      return `${url}/healthz (${shown})`;
    case 'ws':
    case 'wss':
      return `${url}/ws (${shown})`;
    default:
      return `${url} (${shown})${listener.durability === undefined ? '' : `, durability ${listener.durability}`}`;
  }
}
