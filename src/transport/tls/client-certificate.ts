/**
 * A client's certificate as far as it names somebody: the subject as RFC 4514 writes it, and the names in it, unescaped.
 *
 * Names come from who asked for the certificate. Whatever cannot be read without doubt is left out, as are names with control
 * characters in them: a name that is not there lets nobody in.
 */
import type { X509Certificate } from 'node:crypto';
import type { ClientCertificate } from '../../api/identity.ts';

const NAMES_MAX = 256;
/** A subject alternative name as Node writes it: in quotes, as JSON, where it holds anything that could be taken for another one. */
const ENTRY =
  /(DNS|email|URI|IP Address|othername|DirName|Registered ID|[A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;

/** @param certificate `subject` and `subjectAltName` as node:crypto gives them */
export function clientCertificate(certificate: Pick<X509Certificate, 'subject' | 'subjectAltName'>): ClientCertificate {
  // One line each, the most general part first; parts that belong together are joined by ' + '.
  const parts = (certificate.subject ?? '').split('\n').filter((part) => part !== '');
  const names = alternativeNames(certificate.subjectAltName ?? '');
  return {
    subject: parts
      .map((part) => part.split(' + ').join('+'))
      .reverse()
      .join(','),
    commonNames: parts
      .flatMap((part) => part.split(' + '))
      .filter((part) => part.startsWith('CN='))
      .map((part) => unescaped(part.slice(3)))
      .filter(isPlain)
      .slice(0, NAMES_MAX),
    dnsNames: names.get('DNS') ?? [],
    emails: names.get('email') ?? [],
    uris: names.get('URI') ?? [],
  };
}

/** By kind; nothing at all if some part of the text is not understood. */
function alternativeNames(text: string): Map<string, string[]> {
  const names = new Map<string, string[]>();
  ENTRY.lastIndex = 0;
  for (let count = 0; ENTRY.lastIndex < text.length; count++) {
    const match = ENTRY.exec(text);
    if (match === null || count >= NAMES_MAX) return new Map();
    const [, kind, value] = match as unknown as [string, string, string];
    const name = value.startsWith('"') ? fromJson(value) : value;
    if (name === undefined) return new Map();
    if (!isPlain(name)) continue;
    const list = names.get(kind);
    if (list === undefined) names.set(kind, [name]);
    else list.push(name);
  }
  return names;
}

function fromJson(text: string): string | undefined {
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined;
  }
}

/** RFC 4514: `\,` is a comma, `\C3\A9` two bytes of UTF-8. */
function unescaped(value: string): string {
  const bytes = value.replace(/(?:\\[0-9A-Fa-f]{2})+/g, (hex) =>
    Buffer.from(hex.replaceAll('\\', ''), 'hex').toString('utf8'),
  );
  return bytes.replace(/\\(.)/gs, '$1');
}

function isPlain(name: string): boolean {
  return name !== '' && !/[\u0000-\u001f\u007f\ufffd]/.test(name);
}
