/** Puts what a power cut left onto a real disk, so that a real SQLite can open it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

/** Writes the files of `folder` into a fresh one, hands it to `look`, and removes it. */
export const withImage = <T>(
  contents: ReadonlyMap<string, Buffer>,
  folder: string,
  look: (imageFolder: string) => T,
): T => {
  const imageFolder = mkdtempSync(join(tmpdir(), 'shoal-image-'));
  try {
    for (const [path, content] of contents) {
      const file = join(imageFolder, relative(folder, path));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    return look(imageFolder);
  } finally {
    rmSync(imageFolder, { recursive: true, force: true });
  }
};
