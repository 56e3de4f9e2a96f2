/** What a delivery reads like as a mail: its `title` and `text` where the body has them, and the body as JSON below. */

const TITLE_CHARS = 200;

export const mailText = (subject: string, body: string): { readonly title: string; readonly text: string } => {
  const parsed: unknown = JSON.parse(body);
  const told = typeof parsed === 'object' && parsed !== null ? (parsed as { title?: unknown; text?: unknown }) : {};
  const title = typeof told.title === 'string' ? told.title : subject;
  const lead = typeof told.text === 'string' ? `${told.text}\n\n` : '';
  return {
    title: `[shoal] ${title.replaceAll(/\s+/g, ' ').slice(0, TITLE_CHARS)}`,
    text: `${lead}${JSON.stringify(parsed, null, 2)}\n`,
  };
};
