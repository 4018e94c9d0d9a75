/** The user that a client's certificate names, by the part of it that the operator has chosen. */
import type { ClientCertificate } from '../api/identity.ts';

/** What of a certificate is the user's name. */
export type CertificateUserFrom = 'subject' | 'commonName' | 'dns' | 'email' | 'uri';

/**
 * Undefined: it names nobody in that way, or more than one. Which of several would be meant nobody can know, and who asks for a
 * certificate could add a name to it.
 */
export function certificateUser(certificate: ClientCertificate, from: CertificateUserFrom): string | undefined {
  const names = namesOf(certificate, from);
  return names.length === 1 && names[0] !== '' ? names[0] : undefined;
}

function namesOf(certificate: ClientCertificate, from: CertificateUserFrom): readonly string[] {
  switch (from) {
    case 'subject':
      return [certificate.subject];
    case 'commonName':
      return certificate.commonNames;
    case 'dns':
      return certificate.dnsNames;
    case 'email':
      return certificate.emails;
    case 'uri':
      return certificate.uris;
  }
}
