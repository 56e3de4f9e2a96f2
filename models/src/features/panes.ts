/** What threads that keep windows of features need of this package, and nothing that knows a schema or an engine. */

export { sourceValue } from './source-value.ts';
export { mergePanes, paneIndexAt, paneOf } from './window-panes.ts';
