/** As much of STOMP 1.2 as a page needs to send and to listen: https://stomp.github.io/stomp-specification-1.2.html */

export interface StompFrame {
  readonly command: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

const ESCAPES: Readonly<Record<string, string>> = { '\r': '\\r', '\n': '\\n', ':': '\\c', '\\': '\\\\' };
const UNESCAPES: Readonly<Record<string, string>> = { '\\r': '\r', '\\n': '\n', '\\c': ':', '\\\\': '\\' };

export function stompFrame(command: string, headers: Readonly<Record<string, string>>, body = ''): string {
  // CONNECT escapes nothing, as of 1.0.
  const escaped = (text: string): string =>
    command === 'CONNECT' ? text.replace(/[\r\n]/g, '') : text.replace(/[\r\n:\\]/g, (one) => ESCAPES[one]!);
  const lines = Object.entries(headers).map(([name, value]) => `${escaped(name)}:${escaped(value)}\n`);
  return `${command}\n${lines.join('')}\n${body}\0`;
}

/** Frames out of what comes: a WebSocket's message may hold several, or a part of one. */
export class StompReader {
  private rest = '';

  push(text: string): StompFrame[] {
    const parts = (this.rest + text).split('\0');
    this.rest = parts.pop()!;
    return parts.map(frameOf);
  }
}

function frameOf(text: string): StompFrame {
  const frame = text.replace(/^(\r?\n)+/, '');
  const end = /\r?\n\r?\n/.exec(frame);
  const head = end === null ? frame : frame.slice(0, end.index);
  const [command = '', ...lines] = head.split(/\r?\n/);
  const unescaped = (part: string): string => part.replace(/\\[rnc\\]/g, (one) => UNESCAPES[one]!);
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [unescaped(line.slice(0, colon)), unescaped(line.slice(colon + 1))] as const;
  });
  return { command, headers, body: end === null ? '' : frame.slice(end.index + end[0].length) };
}
