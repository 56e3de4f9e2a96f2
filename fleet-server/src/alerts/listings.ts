/** How lists of alerts, rules and silences look as CSV. */
import {
  alertRuleDocumentSchema,
  alertSchema,
  silenceSchema,
  type Alert,
  type AlertRuleDocument,
  type Silence,
} from '@shoal/protocol';
import type { Listing } from '../listing/list-answer.ts';

export const ALERTS: Listing<Alert> = {
  name: 'alerts',
  item: alertSchema,
  columns: [
    { name: 'alertId', value: ({ alertId }) => alertId },
    { name: 'rule', value: ({ rule }) => rule },
    { name: 'severity', value: ({ severity }) => severity },
    { name: 'key', value: ({ key }) => key },
    { name: 'state', value: ({ state }) => state },
    { name: 'since', value: ({ since }) => since },
    { name: 'firedAt', value: ({ firedAt }) => firedAt },
    { name: 'resolvedAt', value: ({ resolvedAt }) => resolvedAt },
    { name: 'resolution', value: ({ resolution }) => resolution },
    { name: 'value', value: ({ value }) => value },
    { name: 'acknowledgedBy', value: ({ acknowledgedBy }) => acknowledgedBy },
    { name: 'acknowledgedAt', value: ({ acknowledgedAt }) => acknowledgedAt },
    { name: 'notifiedAt', value: ({ notifiedAt }) => notifiedAt },
    { name: 'clockBad', value: ({ clockBad }) => clockBad },
    { name: 'historical', value: ({ historical }) => historical },
    { name: 'revision', value: ({ revision }) => revision },
    { name: 'updatedAt', value: ({ updatedAt }) => updatedAt },
  ],
};

export const ALERT_RULES: Listing<AlertRuleDocument> = {
  name: 'alert-rules',
  item: alertRuleDocumentSchema,
  columns: [
    { name: 'name', value: ({ name }) => name },
    { name: 'severity', value: ({ rule }) => rule.severity },
    { name: 'on', value: ({ rule }) => rule.on.kind },
    { name: 'when', value: ({ rule }) => (rule.when === undefined ? null : JSON.stringify(rule.when)) },
    { name: 'forMs', value: ({ rule }) => rule.forMs },
    { name: 'isEnabled', value: ({ rule }) => rule.isEnabled },
    { name: 'channels', value: ({ rule }) => rule.notify.channels.length },
    { name: 'revision', value: ({ revision }) => revision },
    { name: 'updatedAt', value: ({ updatedAt }) => updatedAt },
  ],
};

export const SILENCES: Listing<Silence> = {
  name: 'silences',
  item: silenceSchema,
  columns: [
    { name: 'silenceId', value: ({ silenceId }) => silenceId },
    { name: 'rule', value: ({ rule }) => rule },
    { name: 'key', value: ({ key }) => key },
    { name: 'labels', value: ({ labels }) => JSON.stringify(labels) },
    { name: 'until', value: ({ until }) => until },
    { name: 'note', value: ({ note }) => note },
    { name: 'by', value: ({ by }) => by },
    { name: 'createdAt', value: ({ createdAt }) => createdAt },
  ],
};
