/** The page that lists the resources of the API, made of their table; it says nothing of what is in the broker, and asks for no login. */
import { PRODUCT, VERSION } from '../../../version.ts';
import { escaped, page, pageResponse } from '../../http/page.ts';
import type { Resource, Verb } from '../http/resource.ts';
import { RABBITMQ_VERSION } from '../shapes/versions.ts';

/** The page, as a resource beside those that it lists. */
export function described(resources: readonly Resource[]): readonly Resource[] {
  let written: string | undefined;
  const handle: Verb['handle'] = () => {
    written ??= resourcesPage(resources);
    return pageResponse(written);
  };
  return [{ path: '/index.html', verbs: { GET: { tag: 'anyone', handle } } }];
}

function resourcesPage(resources: readonly Resource[]): string {
  const paths = Map.groupBy(resources, ({ path }) => path);
  const rows = [...paths].map(([path, parts]) => {
    const verbs = parts.flatMap((part) => Object.entries(part.verbs));
    const methods = verbs.map(([method, { tag }]) => `<code>${method}</code> ${escaped(tag)}`).join(', ');
    const shown = path.replaceAll(/:(\w+)/g, (_, name: string) => `<em>${name}</em>`);
    return `<tr><td><code>/api${shown}</code></td><td>${methods}</td></tr>`;
  });
  return page(
    `${PRODUCT}: RabbitMQ's HTTP API`,
    `<h1>${PRODUCT} ${VERSION}: the HTTP API of RabbitMQ ${RABBITMQ_VERSION}</h1>
<p>Log in by Basic or Bearer. Names in paths are percent-encoded: the vhost <code>/</code> is <code>%2F</code>. Beside each method is the least tag that its user needs. What this API has no words for is under <a href="/v1/"><code>/v1/</code></a>.</p>
<table><tr><th>Path</th><th>Methods</th></tr>
${rows.join('\n')}
</table>`,
  );
}
