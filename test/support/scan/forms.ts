import { gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';

/** How a text may lie in bytes. */
export function formsOf(text: string): { readonly form: string; readonly bytes: Buffer }[] {
  const utf8 = Buffer.from(text);
  const utf16 = Buffer.from(text, 'utf16le');
  const plain = [
    { form: 'utf-8', bytes: utf8 },
    { form: 'utf-16le', bytes: utf16 },
    { form: 'utf-16be', bytes: Buffer.from(utf16).swap16() },
    { form: 'hex', bytes: Buffer.from(utf8.toString('hex')) },
  ];
  // What stands before it shifts base64 by one or two bytes; the characters that also hold a neighbour's bits are left out.
  const base64 = [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), utf8])
      .toString('base64')
      .replace(/=+$/, '');
    const from = shift === 0 ? 0 : shift + 1;
    return { form: 'base64', bytes: Buffer.from(encoded.slice(from, -1)) };
  });
  return [...plain, ...base64];
}

const STARTS: readonly { readonly magic: Buffer; readonly open: (bytes: Buffer, at: number) => Buffer }[] = [
  { magic: Buffer.from([0x1f, 0x8b, 0x08]), open: (bytes, at) => gunzipSync(bytes.subarray(at)) },
  {
    // A ZIP entry: its header names the lengths of what stands before the data.
    magic: Buffer.from('PK\x03\x04', 'latin1'),
    open: (bytes, at) => {
      const data = at + 30 + bytes.readUInt16LE(at + 26) + bytes.readUInt16LE(at + 28);
      return bytes.readUInt16LE(at + 8) === 8 ? inflateRawSync(bytes.subarray(data)) : Buffer.alloc(0);
    },
  },
  {
    // A PDF stream, deflated as most are.
    magic: Buffer.from('stream\n', 'latin1'),
    open: (bytes, at) => inflateSync(bytes.subarray(at + 7)),
  },
];

/** These bytes, and what is compressed in them. */
export function unpacked(bytes: Buffer): Buffer[] {
  const found = [bytes];
  for (const { magic, open } of STARTS) {
    for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) {
      try {
        found.push(open(bytes, at));
      } catch {
        // Not compressed after all.
      }
    }
  }
  return found;
}
