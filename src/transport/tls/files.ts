/** The files that TLS is made of, read and checked together; and whether they have changed since. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { BrokerError } from '../../message/errors.ts';

const FILE_BYTES_MAX = 1024 * 1024;

/** Which they are. */
export interface TlsFiles {
  /** At least one. */
  readonly certificates: readonly string[];
  /** In the order of the certificates; none: each is in its certificate's file. */
  readonly keys: readonly string[];
  /** '': there is none. */
  readonly authority: string;
}

/** One certificate with its key. */
export interface Pair {
  /** The certificate's file. */
  readonly path: string;
  readonly certificate: X509Certificate;
  readonly expiresMs: number;
  readonly certificatePem: Buffer;
  readonly keyPem: Buffer;
}

export interface TlsMaterial {
  readonly pairs: readonly Pair[];
  readonly authorityPem: Buffer | undefined;
  /** Changes when a file does. */
  readonly stamp: string;
}

/** Reads all of them. Throws a BrokerError that names the file that is at fault; nothing of what is in it is shown. */
export function readTlsFiles(files: TlsFiles): TlsMaterial {
  const stamp = stampOf(files);
  const { certificates, keys, authority } = files;
  if (certificates.length === 0) {
    throw new BrokerError('invalid', 'TLS needs a certificate: set tls.certificate and tls.key to PEM files');
  }
  if (keys.length > 0 && keys.length !== certificates.length) {
    const counts = `${certificates.length} of tls.certificate, ${keys.length} of tls.key`;
    throw new BrokerError('invalid', `TLS needs a key for each certificate, in the same order: there are ${counts}`);
  }
  const pairs = certificates.map((path, index) => readPair(path, keys[index] ?? path));
  return { pairs, authorityPem: authority === '' ? undefined : readAuthority(authority), stamp };
}

/** What the system says of the files; files that are not there count too. */
export function stampOf({ certificates, keys, authority }: TlsFiles): string {
  return [...certificates, ...keys, authority]
    .map((path) => {
      const stat = path === '' ? undefined : statSync(path, { throwIfNoEntry: false, bigint: true });
      return stat === undefined ? '-' : `${stat.ino}/${stat.size}/${stat.mtimeNs}`;
    })
    .join(' ');
}

function readPair(path: string, keyPath: string): Pair {
  const certificatePem = read(path, 'certificate');
  const certificate = parsed(() => new X509Certificate(certificatePem), `${path} holds no certificate in PEM`);
  const keyPem = keyPath === path ? certificatePem : read(keyPath, 'key');
  const key: KeyObject = parsed(
    () => createPrivateKey(keyPem),
    `${keyPath} holds no key in PEM, or one with a password`,
  );
  if (!certificate.checkPrivateKey(key)) {
    throw new BrokerError('invalid', `the TLS key ${keyPath} does not belong to the certificate ${path}`);
  }
  return { path, certificate, certificatePem, keyPem, expiresMs: Date.parse(certificate.validTo) };
}

function readAuthority(path: string): Buffer {
  const pem = read(path, 'authority');
  parsed(() => new X509Certificate(pem), `${path} holds no certificate in PEM`);
  return pem;
}

function read(path: string, what: string): Buffer {
  let bytes: Buffer;
  try {
    const { size } = statSync(path);
    if (size > FILE_BYTES_MAX) throw new BrokerError('invalid', `the TLS ${what} ${path} is longer than 1 MiB`);
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'it may not be read' : code;
    throw new BrokerError('invalid', `the TLS ${what} ${path} cannot be read: ${why}`);
  }
  return bytes;
}

/** What a parser throws may quote the file. */
function parsed<T>(parse: () => T, problem: string): T {
  try {
    return parse();
  } catch {
    throw new BrokerError('invalid', `TLS: ${problem}`);
  }
}
