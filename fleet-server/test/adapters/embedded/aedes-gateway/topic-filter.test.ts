/** Filters match as MQTT 3.1.1 section 4.7 says. */
import { describe, expect, it } from '@jest/globals';
import { filterMatches } from '../../../../src/adapters/embedded/aedes-gateway/topic-filter.ts';

describe('filterMatches', () => {
  it.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/b/c', false],
    ['a/+', 'a/b', true],
    ['a/+', 'a/b/c', false],
    ['a/+', 'a', false],
    ['+/+', '/b', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'a', true],
    ['#', 'a/b', true],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['a/b/#', 'a/c', false],
  ])('%s against %s: %s', (filter, topic, expected) => {
    expect(filterMatches(filter, topic)).toBe(expected);
  });
});
