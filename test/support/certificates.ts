/**
 * Certificates for tests, made with the system's `openssl` in a directory that goes with the test: nothing is kept.
 *
 *     const authority = new Authority(directory, 'an authority');
 *     const server = authority.issue('broker', { dns: ['localhost'] });
 */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const OPENSSL = ['/usr/bin/openssl', '/usr/local/bin/openssl', '/opt/homebrew/bin/openssl'].find(existsSync);

/** Paths of PEM files. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

/** Milliseconds of the epoch. */
export interface Validity {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface IssueOptions {
  /** As `/C=NO/O=Example/CN=name`; default: the file's name as common name. */
  readonly subject?: string;
  readonly dns?: readonly string[];
  readonly emails?: readonly string[];
  readonly uris?: readonly string[];
  /** Default 90. */
  readonly days?: number;
  readonly serial?: number;
  /** When it is good, in the place of `days`. */
  readonly validity?: Validity;
  /** Default P-256, which is quick. */
  readonly kind?: 'p256' | 'rsa2048';
  /** For use by a client alone, or a server alone. */
  readonly usage?: 'clientAuth' | 'serverAuth';
}

const KINDS = {
  p256: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa2048: ['-newkey', 'rsa:2048'],
} as const;

function openssl(...args: string[]): void {
  execFileSync(OPENSSL ?? 'openssl', args, { stdio: 'pipe' });
}

export class Authority {
  readonly certificate: string;
  private readonly key: string;
  private readonly directory: string;

  /**
   * @param parent who has signed it; default: itself
   * @param validity of one that has a parent; default: a year from now on
   */
  constructor(directory: string, name: string, parent?: Authority, validity?: Validity) {
    this.directory = directory;
    this.certificate = join(directory, `${name}.pem`);
    this.key = join(directory, `${name}.key`);
    const subject = ['-subj', `/O=Example/CN=${name}`];
    const extensions = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'];
    if (parent !== undefined && validity !== undefined) {
      parent.sign(name, ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign'], validity, subject[1]!);
      return;
    }
    const by = parent === undefined ? [] : ['-CA', parent.certificate, '-CAkey', parent.key];
    const out = ['-keyout', this.key, '-out', this.certificate, '-days', '365'];
    openssl('req', '-x509', ...KINDS.p256, '-nodes', ...subject, ...extensions, ...by, ...out);
  }

  issue(name: string, options: IssueOptions = {}): Issued {
    const certificate = join(this.directory, `${name}.pem`);
    const key = join(this.directory, `${name}.key`);
    const { subject = `/CN=${name}`, dns = [], emails = [], uris = [], days = 90, kind = 'p256' } = options;
    const names = [
      ...dns.map((one) => `DNS:${one}`),
      ...emails.map((one) => `email:${one}`),
      ...uris.map((one) => `URI:${one}`),
    ];
    if (options.validity !== undefined) {
      this.sign(name, ['basicConstraints=CA:FALSE'], options.validity, subject);
      return { certificate, key };
    }
    const args = ['req', '-x509', ...KINDS[kind], '-nodes', '-utf8', '-subj', subject, '-days', String(days)];
    args.push('-CA', this.certificate, '-CAkey', this.key, '-keyout', key, '-out', certificate);
    args.push('-addext', 'basicConstraints=CA:FALSE');
    if (names.length > 0) args.push('-addext', `subjectAltName=${names.join(',')}`);
    if (options.usage !== undefined) args.push('-addext', `extendedKeyUsage=${options.usage}`);
    if (options.serial !== undefined) args.push('-set_serial', String(options.serial));
    openssl(...args);
    return { certificate, key };
  }

  /** As an authority does that says from when to when: `req` knows only days from now on. */
  private sign(name: string, extensions: readonly string[], { fromMs, toMs }: Validity, subject: string): void {
    const file = (suffix: string): string => join(this.directory, `${name}.${suffix}`);
    openssl('req', '-new', ...KINDS.p256, '-nodes', '-subj', subject, '-keyout', file('key'), '-out', file('csr'));
    writeFileSync(file('db'), '');
    writeFileSync(
      file('cnf'),
      [
        ...['[ca]', 'default_ca = it', '[it]', `database = ${file('db')}`, `new_certs_dir = ${this.directory}`],
        ...['policy = any', 'default_md = sha256', 'x509_extensions = extensions', 'rand_serial = yes'],
        ...['[any]', 'organizationName = optional', 'commonName = supplied', '[extensions]', ...extensions, ''],
      ].join('\n'),
    );
    const dates = ['-startdate', asn1(fromMs), '-enddate', asn1(toMs)];
    const by = ['-cert', this.certificate, '-keyfile', this.key, '-config', file('cnf')];
    openssl('ca', '-batch', '-notext', ...by, ...dates, '-in', file('csr'), '-out', file('pem'));
  }
}

/** GeneralizedTime: 20261127220000Z */
function asn1(ms: number): string {
  return `${new Date(ms).toISOString().replace(/[-:T]|\.\d+Z$/g, '')}Z`;
}

/** Something in PEM that is none. */
export function brokenFile(directory: string): string {
  const path = join(directory, 'broken.pem');
  writeFileSync(path, '-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n');
  return path;
}
