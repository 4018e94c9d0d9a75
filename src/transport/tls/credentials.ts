/**
 * What a listener shows and asks for in TLS handshakes: its certificates, its authority, and the rules. It is read anew while
 * the broker runs, for the handshakes to come; connections that are open stay as they are.
 *
 *     files ──read, all of them good──▶ in force ──changed──▶ read ──good──▶ the new ones in force
 *                                                                 └─wrong──▶ the old ones stay, the operator is told
 *
 * A session that is resumed names no server (SNI is not looked at again), and protocols are offered before it is (ALPN): neither
 * chooses anything but what is said here. The authority is one for the whole listener, whatever name a client asks for.
 */
import { createSecureContext, type SecureContext, type Server, type TlsOptions } from 'node:tls';
import { BrokerError } from '../../message/errors.ts';
import { type Pair, readTlsFiles, stampOf, type TlsFiles, type TlsMaterial } from './files.ts';

export interface TlsSettings {
  readonly files: TlsFiles;
  readonly clientCertificates: 'none' | 'asked' | 'demanded';
  readonly minimumVersion: '1.2' | '1.3';
  /** As OpenSSL writes them; '': Node's. */
  readonly ciphers: string;
}

/** RFC 7301: what is offered; a client that offers others, or none, is welcome as well. */
export type ProtocolNames = readonly string[];

export class TlsCredentials {
  readonly settings: TlsSettings;
  private material: TlsMaterial;
  private contexts: readonly SecureContext[];
  private readonly servers = new Set<Server>();
  /** Of the files that were last looked at, good or not. */
  private stamp: string;

  /** Throws a BrokerError whose text an operator can act on. */
  constructor(settings: TlsSettings) {
    this.settings = settings;
    if (settings.clientCertificates !== 'none' && settings.files.authority === '') {
      throw new BrokerError(
        'invalid',
        `TLS: client certificates are ${settings.clientCertificates}, and tls.authority says nobody who may have signed them`,
      );
    }
    this.material = readTlsFiles(settings.files);
    this.contexts = this.make(this.material);
    this.stamp = this.material.stamp;
  }

  /** The certificates in force. */
  get pairs(): readonly Pair[] {
    return this.material.pairs;
  }

  /** For `tls.createServer`. */
  options(): TlsOptions {
    const { clientCertificates } = this.settings;
    return {
      ...this.contextOptions(this.material, this.material.pairs[0]!),
      requestCert: clientCertificates !== 'none',
      // Whether it is good is looked at when the handshake is over, and then it is known why it is not.
      rejectUnauthorized: false,
      SNICallback: (name, done) => done(null, this.contextFor(name)),
    };
  }

  /** What is read anew is taken over for this server's handshakes. */
  serve(server: Server): void {
    this.servers.add(server);
    server.once('close', () => this.servers.delete(server));
  }

  /** The files are others than those that were last read. */
  get changed(): boolean {
    return stampOf(this.settings.files) !== this.stamp;
  }

  /** Reads the files anew. Throws a BrokerError, and what was in force stays so. */
  reload(): void {
    this.stamp = stampOf(this.settings.files);
    const material = readTlsFiles(this.settings.files);
    const contexts = this.make(material);
    this.material = material;
    this.contexts = contexts;
    for (const server of this.servers) server.setSecureContext(this.contextOptions(material, material.pairs[0]!));
  }

  /** Undefined: the first. */
  private contextFor(name: string): SecureContext | undefined {
    const index = this.material.pairs.findIndex(({ certificate }) => certificate.checkHost(name) !== undefined);
    return index < 0 ? undefined : this.contexts[index];
  }

  private make(material: TlsMaterial): SecureContext[] {
    try {
      return material.pairs.map((pair) => createSecureContext(this.contextOptions(material, pair)));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (code === 'ERR_SSL_NO_CIPHER_MATCH' || code === 'ERR_INVALID_ARG_VALUE') {
        throw new BrokerError('invalid', `TLS: tls.ciphers names no cipher there is: ${this.settings.ciphers}`);
      }
      throw new BrokerError('invalid', `TLS: these certificates cannot be used (${code})`);
    }
  }

  private contextOptions({ authorityPem }: TlsMaterial, pair: Pair): TlsOptions {
    const { minimumVersion, ciphers } = this.settings;
    return {
      cert: pair.certificatePem,
      key: pair.keyPem,
      minVersion: minimumVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
      honorCipherOrder: true,
      // Nobody but who is named: without an authority none that the system trusts counts either.
      ...(authorityPem !== undefined && { ca: authorityPem }),
      ...(ciphers !== '' && { ciphers }),
    };
  }
}
