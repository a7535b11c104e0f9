import { PdfPage, textWidth, writePdf } from './pdf.js';

const LEFT = 50;
const COLUMN = 235;
const RIGHT = 310;

/** The data sheet of the fictional Petrel B2 weather buoy: a page in two columns, and a page with tables. */
export function specificationSheet(): Buffer {
  return writePdf([overview(), tables()], { title: 'Petrel B2 data sheet', language: 'en' });
}

function overview(): PdfPage {
  const page = new PdfPage();
  page.text(LEFT, 70, 'Petrel B2 solar weather buoy', 22, 'bold');
  page.text(LEFT, 92, 'Data sheet, issue 7', 11);
  page.line(LEFT, 102, 545, 102);
  let y = 128;
  const column = (x: number, heading: string, ...paragraphs: string[]) => {
    page.text(x, y, heading, 13, 'bold');
    y += 18;
    for (const text of paragraphs) y = page.paragraph(x, y, COLUMN, text) + 7;
    y += 8;
  };
  column(
    LEFT,
    'Purpose',
    'The Petrel B2 measures wind, waves, air and water at a fixed mooring and reports them over radio or satellite. It is made for harbours, fish farms and research stations that need a record of the weather where they work and not at the nearest airport.',
    'One person can carry the instrument mast, and two can launch the buoy from a small boat. Nothing has to be soldered or configured at sea.',
  );
  column(
    LEFT,
    'Hull',
    'The hull is a ring of closed-cell foam around an aluminium spine. It floats with the mast upright even when one third of the ring is cut away. The yellow coating reflects the light of ship searchlights and keeps its colour for about six years.',
  );
  column(
    LEFT,
    'Power',
    'Three solar panels charge a lithium iron phosphate battery through separate regulators, so that a shaded or broken panel does not hold the others back. In the dark the buoy reports for eighteen days at the normal rate, and for forty days in the saving mode.',
  );
  y = 128;
  column(
    RIGHT,
    'Measuring',
    'Wind is measured without moving parts by an ultrasonic sensor on top of the mast. Waves are computed from a motion sensor in the hull, twenty times a second. Water temperature and salinity come from a probe one metre below the surface.',
    'Every value is stored in the buoy before it is sent. When the link is lost, nothing is: the store holds fourteen months of ten-minute values.',
  );
  column(
    RIGHT,
    'Reporting',
    'Near the coast the buoy uses a licence-free radio link with a range of about twelve kilometres over open water. Farther out it sends through a satellite modem. It chooses the cheaper way by itself and tells the station which one it took.',
  );
  column(
    RIGHT,
    'Mooring',
    'The mooring is a single line with a swivel, a length of chain and an anchor of the table overleaf. The line must never be shorter than one and a half times the depth at high water.',
  );
  return page;
}

function tables(): PdfPage {
  const page = new PdfPage();
  page.text(LEFT, 70, 'Mooring by depth', 16, 'bold');
  let y = table(page, 96, [60, 130, 110, 120], [
    ['Depth', 'Line', 'Chain', 'Anchor'],
    ['10 m', '18 m of 14 mm nylon', '5 m of 10 mm', '35 kg mushroom'],
    ['25 m', '40 m of 14 mm nylon', '8 m of 10 mm', '50 kg mushroom'],
    ['50 m', '80 m of 16 mm nylon', '12 m of 13 mm', '85 kg plough'],
    ['100 m', '155 m of 18 mm nylon', '20 m of 13 mm', '140 kg plough'],
    ['200 m', '310 m of 20 mm nylon', '30 m of 16 mm', '220 kg plough'],
  ]);
  page.text(LEFT, y + 30, 'Sensors', 16, 'bold');
  y = table(page, y + 56, [130, 120, 110, 80], [
    ['Quantity', 'Range', 'Accuracy', 'Interval'],
    ['Wind speed', '0 to 65 m/s', '0.3 m/s', '1 s'],
    ['Wind direction', '0 to 360 degrees', '3 degrees', '1 s'],
    ['Wave height', '0.1 to 18 m', '4 cm', '20 min'],
    ['Air temperature', '-40 to 55 C', '0.2 C', '60 s'],
    ['Water temperature', '-4 to 40 C', '0.05 C', '60 s'],
    ['Salinity', '2 to 42 PSU', '0.1 PSU', '10 min'],
    ['Air pressure', '850 to 1080 hPa', '0.15 hPa', '60 s'],
  ]);
  page.text(LEFT, y + 30, 'Notes', 16, 'bold');
  page.paragraph(
    LEFT,
    y + 52,
    480,
    'Accuracies hold for one year after calibration. The anchor weights are for sand and mud; on rock use the next heavier anchor and double the chain.',
  );
  return page;
}

function table(page: PdfPage, top: number, widths: readonly number[], rows: readonly (readonly string[])[]): number {
  let y = top;
  const right = LEFT + widths.reduce((sum, width) => sum + width, 0);
  rows.forEach((row, index) => {
    let x = LEFT;
    row.forEach((cell, column) => {
      const width = widths[column]!;
      if (textWidth(cell, 10) > width - 6) throw new RangeError(`"${cell}" is too wide for its column`);
      page.text(x, y, cell, 10, index === 0 ? 'bold' : 'regular');
      x += width;
    });
    page.line(LEFT, y + 5, right, y + 5, index === 0 ? 1 : 0.25);
    y += 18;
  });
  return y;
}
