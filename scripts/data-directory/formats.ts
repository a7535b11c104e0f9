import { docx, paragraph, table } from '../samples/office/docx.js';
import { PdfPage, writePdf } from '../samples/pdf.js';

interface Sample {
  readonly content: string | Uint8Array;
  readonly mime: string;
  /** Words that find it. */
  readonly words: string;
}

/** A document of each of a few formats, by its key. */
export function filesOfFormats(): Readonly<Record<string, Sample>> {
  const page = new PdfPage(300, 200).text(30, 40, 'Chart of the strait', 16, 'bold');
  page.paragraph(30, 70, 240, 'Soundings are given in fathoms. The wreck of the Halcyon lies at nine fathoms.');
  const lamps = [
    ['Lamp', 'Colour'],
    ['Outer', 'amber'],
    ['Inner', 'green'],
  ];
  const rounds = [1, 2, 3, 4].map(
    (n) => `On round ${n} the keeper winds the clockwork, trims the wick, wipes the lens and writes the hour down.`,
  );
  return {
    // Cut into more chunks where chunks are smaller.
    'rounds.md': { content: `# Rounds\n\n${rounds.join('\n\n')}\n`, mime: 'text/markdown', words: 'wipes lens' },
    'chart.pdf': { content: writePdf([page], { title: 'Chart' }), mime: 'application/pdf', words: 'halcyon fathoms' },
    'manual.docx': {
      content: docx({ body: paragraph('Wind the clockwork every four hours.') + table(lamps), title: 'Manual' }),
      mime: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      words: 'outer amber',
    },
    'lamps.json': {
      content: '{"lamps": [{"name": "outer", "candela": 900}, {"name": "inner", "candela": 300}]}\n',
      mime: 'application/json',
      words: 'candela',
    },
    'letter.eml': {
      content:
        'From: Ada <ada@example.org>\nTo: Bo <bo@example.org>\nSubject: Spare mantles\n' +
        'Date: Thu, 1 Jan 2026 10:00:00 +0000\nContent-Type: text/plain; charset=utf-8\n\n' +
        'Please send two spare mantles with the tender.\n',
      mime: 'message/rfc822',
      words: 'spare mantles tender',
    },
  };
}
