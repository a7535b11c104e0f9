import { crc32, deflateRawSync } from 'node:zlib';

export interface ZippedFile {
  readonly name: string;
  readonly data: string | Uint8Array;
  /** Not compressed; the default is deflate. */
  readonly stored?: boolean;
  /** What the headers say of it instead of the truth. */
  readonly claims?: { readonly size?: number; readonly crc?: number; readonly flags?: number };
}

/** A ZIP archive (APPNOTE 6.3.10, without ZIP64), the same bytes every time. */
export function writeZip(files: readonly ZippedFile[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, data, stored = false, claims = {} } of files) {
    const raw = typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const packed = stored ? raw : deflateRawSync(raw, { level: 6 });
    const bytes = Buffer.from(name);
    // From the version needed to extract to the length of the extra field: the same in both headers.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(claims.flags ?? 0x800, 2);
    common.writeUInt16LE(stored ? 0 : 8, 4);
    common.writeUInt16LE(0x21, 8);
    common.writeUInt32LE(claims.crc ?? crc32(raw), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(claims.size ?? raw.length, 18);
    common.writeUInt16LE(bytes.length, 22);
    parts.push(Buffer.from('504b0304', 'hex'), common, bytes, packed);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('504b01021400', 'hex'), common, rest, bytes);
    offset += 30 + bytes.length + packed.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(size, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, ...directory, Buffer.from('504b0506', 'hex'), end]);
}
