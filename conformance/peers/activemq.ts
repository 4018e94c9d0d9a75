/**
 * ActiveMQ as a peer: Debian's jars under a configuration, data and ports of the run's own, with its STOMP connector and
 * its scheduler. Nothing is read from or written to `/etc/activemq` and `/var/lib/activemq`.
 */
import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePorts, startChild, temporaryDirectory } from '../support/processes.ts';
import type { Peer } from './peer.ts';

const HOME = '/usr/share/activemq';
const JARS = '/usr/share/java';
const WRITERS = ['xstream.jar', 'jettison.jar', 'xmlpull.jar', 'xpp3.jar', 'mxparser.jar'];
const LAUNCHER = join(HOME, 'bin', 'activemq.jar');

/** Where Java is, if ActiveMQ is there as well. */
export function activemqInstalled(): string | undefined {
  const java = ['/usr/bin/java', '/usr/lib/jvm/default-java/bin/java'].find((path) => existsSync(path));
  return existsSync(LAUNCHER) ? java : undefined;
}

export async function startActivemq(): Promise<Peer> {
  const java = activemqInstalled();
  if (java === undefined) throw new Error('activemq is not installed');
  const home = await temporaryDirectory('activemq');
  const [stompPort] = (await freePorts(1)) as [number];
  const at = (name: string): string => join(home.path, name);
  for (const directory of ['conf', 'data', 'tmp', 'ext']) await mkdir(at(directory));
  // What advisories are written with, which its own folder lacks.
  for (const jar of WRITERS) if (existsSync(join(JARS, jar))) await symlink(join(JARS, jar), at(`ext/${jar}`));
  await writeFile(at('conf/activemq.xml'), configuration(at('data'), stompPort));
  const child = await startChild({
    name: 'activemq',
    command: java,
    arguments: [
      '-Xms256M',
      '-Xmx1G',
      `-Djava.io.tmpdir=${at('tmp')}`,
      `-Dactivemq.home=${HOME}`,
      `-Dactivemq.base=${home.path}`,
      `-Dactivemq.conf=${at('conf')}`,
      `-Dactivemq.data=${at('data')}`,
      ...['-jar', LAUNCHER, '--extdir', at('ext'), 'start', `xbean:file:${at('conf/activemq.xml')}`],
    ],
    directory: home.path,
    readyPorts: [stompPort],
    readyTimeoutMs: 90_000,
  });
  return {
    kind: 'activemq',
    version: await versionAt(stompPort),
    amqpPort: -1,
    mqttPort: -1,
    stompPort,
    httpPort: -1,
    wsPort: -1,
    wsMqttUrl: '',
    wsStompUrl: '',
    pid: child.pid,
    transcript: () => child.transcript(),
    async stop() {
      await child.stop(20_000);
      await home.remove();
    },
  };
}

function configuration(data: string, stompPort: number): string {
  const spring = 'http://www.springframework.org/schema/beans';
  const core = 'http://activemq.apache.org/schema/core';
  return `<beans xmlns="${spring}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="${spring} ${spring}/spring-beans.xsd ${core} ${core}/activemq-core.xsd">
  <broker xmlns="${core}" brokerName="peer" useJmx="false" schedulerSupport="true" dataDirectory="${data}">
    <persistenceAdapter><kahaDB directory="${data}/kahadb"/></persistenceAdapter>
    <plugins>
      <simpleAuthenticationPlugin anonymousAccessAllowed="true">
        <users><authenticationUser username="guest" password="guest" groups="users"/></users>
      </simpleAuthenticationPlugin>
    </plugins>
    <transportConnectors>
      <transportConnector name="stomp" uri="stomp://127.0.0.1:${stompPort}"/>
    </transportConnectors>
  </broker>
</beans>
`;
}

/** It logs nothing without a logger; it says its version to a client. */
async function versionAt(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write('CONNECT\naccept-version:1.2\nhost:/\n\n\0');
    for await (const chunk of socket) {
      const version = /ActiveMQ\/(\S+)/.exec(String(chunk))?.[1];
      if (version !== undefined) return version;
    }
    return 'unknown';
  } finally {
    socket.destroy();
  }
}
