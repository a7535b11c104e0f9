/** URLs that lead to addresses inside, in every spelling that a URL allows. For tests. */

/** Addresses of no public host, from the IANA special-purpose registries. */
export const FORBIDDEN_ADDRESSES: readonly string[] = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '100.127.255.254',
  '100.100.100.200',
  '127.0.0.1',
  '127.1.2.3',
  '127.255.255.254',
  '169.254.0.1',
  '169.254.169.254',
  '169.254.170.2',
  '172.16.0.1',
  '172.31.255.254',
  '192.0.0.1',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.0.1',
  '192.168.255.254',
  '198.18.0.1',
  '198.19.255.254',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::7f00:1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '::ffff:169.254.169.254',
  '::ffff:0:127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b:1::1',
  '100::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '2002:a00:1::',
  '2002:a9fe:a9fe::1',
  'fc00::1',
  'fd00:ec2::254',
  'fd12:3456:789a::1',
  'fe80::1',
  'febf::1',
  'fec0::1',
  'ff02::1',
  'ff0e::1',
];

interface Form {
  readonly url: string;
  /** What the name in it resolves to. */
  readonly resolvesTo?: string[];
}

function spellings(address: string): string[] {
  if (address.includes(':')) {
    const upper = address.toUpperCase();
    return [`[${address}]`, `[${upper}]`, `[${expanded(address)}]`];
  }
  const parts = address.split('.').map(Number) as [number, number, number, number];
  const [a, b, c, d] = parts;
  const whole = ((a * 256 + b) * 256 + c) * 256 + d;
  const hex = (n: number): string => `0x${n.toString(16)}`;
  const octal = (n: number): string => `0${n.toString(8)}`;
  return [
    address,
    String(whole),
    hex(whole),
    octal(whole),
    parts.map(hex).join('.'),
    parts.map(octal).join('.'),
    `${a}.${(b * 256 + c) * 256 + d}`,
    `${a}.${b}.${c * 256 + d}`,
    `${hex(a)}.${octal(b)}.${c}.${d}`,
    `${address}.`,
    address.replaceAll('.', '%2e'),
    address.replaceAll('.', '。'),
    address.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
    `[::ffff:${address}]`,
    `[::${address}]`,
    `[64:ff9b::${address}]`,
    `[2002:${word(a, b)}:${word(c, d)}::1]`,
  ];
}

function word(high: number, low: number): string {
  return (high * 256 + low).toString(16);
}

function expanded(address: string): string {
  if (!address.includes('::') || address.includes('.')) return address;
  const [left = '', right = ''] = address.split('::');
  const l = left === '' ? [] : left.split(':');
  const r = right === '' ? [] : right.split(':');
  return [...l, ...Array.from({ length: 8 - l.length - r.length }, () => '0000'), ...r].join(':');
}

/** At least 500; those that hold a name come with what it resolves to. */
export function forbiddenUrls(port: number): Form[] {
  const literal = FORBIDDEN_ADDRESSES.flatMap(spellings).flatMap((host): Form[] => [
    { url: `http://${host}:${port}/` },
    { url: `https://${host}/latest/meta-data/` },
  ]);
  const named = FORBIDDEN_ADDRESSES.flatMap((address): Form[] => [
    { url: `http://inside.example:${port}/`, resolvesTo: [address] },
    { url: `https://INSIDE.example./`, resolvesTo: [address, address] },
  ]);
  const local = ['localhost', 'LOCALHOST', 'localhost.', 'foo.localhost', 'ip6-localhost'].map((host): Form => ({
    url: `http://${host}:${port}/`,
    resolvesTo: ['127.0.0.1', '::1'],
  }));
  const others = [
    `http://user:pass@127.0.0.1:${port}/`,
    `http://example.com@127.0.0.1:${port}/`,
    `http://127.0.0.1:${port}\\@example.com/`,
    `http:127.0.0.1:${port}/`,
    `http:////127.0.0.1:${port}/`,
    `http://127.0.0.1%00.example.com:${port}/`,
    `http://[::1%25lo]:${port}/`,
    'file:///etc/passwd',
    'ftp://127.0.0.1/',
    'gopher://127.0.0.1:70/_x',
    'data:text/plain,x',
    'ws://127.0.0.1/',
    'unix:/var/run/docker.sock',
    'javascript:1',
    'blob:http://127.0.0.1/x',
  ].map((url): Form => ({ url, resolvesTo: ['127.0.0.1'] }));
  return [...literal, ...named, ...local, ...others];
}

/** What must pass, and the one address that a socket is opened to. */
export const CONTROLS: readonly (Form & { readonly address: string })[] = [
  { url: 'http://93.184.216.34/', address: '93.184.216.34' },
  { url: 'http://1572395042/', address: '93.184.216.34' },
  { url: 'https://1.1.1.1/', address: '1.1.1.1' },
  { url: 'http://[2606:4700:4700::1111]:8080/', address: '2606:4700:4700::1111' },
  { url: 'https://example.com/a?b=c#d', resolvesTo: ['93.184.216.34'], address: '93.184.216.34' },
  { url: 'http://EXAMPLE.com:8080/', resolvesTo: ['8.8.8.8'], address: '8.8.8.8' },
  { url: 'http://bücher.example/', resolvesTo: ['9.9.9.9'], address: '9.9.9.9' },
  { url: 'http://six.example/', resolvesTo: ['2a00:1450:4001:81b::200e'], address: '2a00:1450:4001:81b::200e' },
  { url: 'http://172.15.255.255/', address: '172.15.255.255' },
  { url: 'http://172.32.0.1/', address: '172.32.0.1' },
  { url: 'http://100.63.255.255/', address: '100.63.255.255' },
  { url: 'http://100.128.0.1/', address: '100.128.0.1' },
  { url: 'http://169.253.1.1/', address: '169.253.1.1' },
  { url: 'http://192.167.1.1/', address: '192.167.1.1' },
  { url: 'http://11.0.0.1/', address: '11.0.0.1' },
  { url: 'http://9.255.255.255/', address: '9.255.255.255' },
  { url: 'http://126.255.255.255/', address: '126.255.255.255' },
  { url: 'http://128.0.0.1/', address: '128.0.0.1' },
  { url: 'http://198.17.255.255/', address: '198.17.255.255' },
  { url: 'http://198.20.0.1/', address: '198.20.0.1' },
  { url: 'http://223.255.255.1/', address: '223.255.255.1' },
];
