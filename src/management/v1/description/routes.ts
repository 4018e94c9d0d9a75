/** The description of the API, for programs and for people. It says nothing of what is in the broker, and asks for no login. */
import { pageResponse } from '../../http/page.ts';
import { type Operation, operation } from '../http/operation.ts';
import { json } from '../http/replies.ts';
import { openapi } from './openapi.ts';
import { operationsPage } from './page.ts';

/** @param operations all there are, asked for when somebody reads */
export function description(operations: () => readonly Operation[]): readonly Operation[] {
  let made: object | undefined;
  let written: string | undefined;
  return [
    operation({
      method: 'GET',
      path: '/',
      id: 'page',
      group: 'Description',
      summary: 'What there is, to be read by people.',
      access: 'anyone',
      answer: { contentType: 'text/html', what: 'A page.' },
      handle: () => {
        written ??= operationsPage(operations());
        return pageResponse(written);
      },
    }),
    operation({
      method: 'GET',
      path: '/openapi.json',
      id: 'openapi',
      group: 'Description',
      summary: 'The same for programs, as OpenAPI 3.1.',
      access: 'anyone',
      answer: { contentType: 'application/json', what: 'An OpenAPI document.' },
      handle: () => {
        made ??= openapi(operations());
        return json(made);
      },
    }),
  ];
}
