/** One server per data directory: a second one is refused before it opens a file, and a folder that cannot be is named. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataFolder } from '../../../src/adapters/embedded/data-folder.ts';

describe('the data directory', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'shoal-folder-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is made with all its parents and taken by one server at a time', () => {
    const deep = join(folder, 'a', 'b');
    const taken = DataFolder.take(deep);
    expect(() => DataFolder.take(deep)).toThrow(expect.objectContaining({ code: 'DATA_DIR_IN_USE' }));
    taken.release();
    DataFolder.take(deep).release();
  });

  it('is refused by name where there is a file', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    for (const path of [file, join(file, 'inside')]) {
      expect(() => DataFolder.take(path)).toThrow(expect.objectContaining({ code: 'DATA_DIR_UNUSABLE' }));
    }
  });

  it('is refused by name where the file system makes no folders, instead of trying for ever', () => {
    const read = '/proc/no-folder/inside';
    expect(() => DataFolder.take(read)).toThrow(expect.objectContaining({ code: 'DATA_DIR_UNUSABLE' }));
  });
});
