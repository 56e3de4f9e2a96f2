/** The error catalogue as a page; `type` of every problem document points to an anchor here. */
import { MODEL_ERRORS } from '@shoal/models';
import { PROTOCOL_ERRORS } from '@shoal/protocol';
import { FLEET_ERRORS } from '../errors.ts';
import { html, type Html } from '../html.ts';
import { page } from './page.ts';

const table = (title: string, entries: readonly (readonly [string, string, string])[]): Html =>
  html`<section>
    <h2>${title}</h2>
    <table>
      ${entries.map(
        ([code, meaning, more]) =>
          html`<tr id="${code}">
            <td>
              <a href="#${code}"><code>${code}</code></a>
            </td>
            <td>${meaning} <span class="soft">${more}</span></td>
          </tr>`,
      )}
    </table>
  </section>`;

const plain = (catalogue: Readonly<Record<string, string>>): [string, string, string][] =>
  Object.entries(catalogue).map(([code, description]) => [code, description, '']);

export const errorsPage = (): string =>
  page('Errors', [
    html`<p>
      Match on <code>code</code>, never on text. A problem document (RFC 9457) carries it with the status; a dead letter
      has it as <code>reason</code>. The codes of the device agent are in <code>docs/errors.md</code> of the repository.
    </p>`,
    table(
      'Fleet server',
      Object.entries(FLEET_ERRORS).map(([code, { description, status, retryable }]) => [
        code,
        description,
        `HTTP ${status}${retryable ? ', trying again can help' : ''}`,
      ]),
    ),
    table('On the wire', plain(PROTOCOL_ERRORS)),
    table('Models', plain(MODEL_ERRORS)),
  ]);
