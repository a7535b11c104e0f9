/** Just enough of the ONNX file format (onnx.proto, Protocol Buffers wire format) to write small graphs in tests. */

type Part = Uint8Array;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

const number = (field: number, value: number): Part => Uint8Array.from([...varint(field * 8), ...varint(value)]);

function bytes(field: number, value: Uint8Array | string): Part {
  const content = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return join([Uint8Array.from([...varint(field * 8 + 2), ...varint(content.length)]), content]);
}

function join(parts: readonly Part[]): Part {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** AttributeProto: name, i or ints, type. */
export function attribute(name: string, value: number | readonly number[]): Part {
  const content =
    typeof value === 'number'
      ? [number(3, value), number(20, 2)]
      : [...value.map((item) => number(8, item)), number(20, 7)];
  return join([bytes(1, name), ...content]);
}

/** NodeProto. */
export function node(
  type: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: readonly Part[] = [],
): Part {
  return join([
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(4, type),
    ...attributes.map((part) => bytes(5, part)),
  ]);
}

/** TensorProto of floats. */
export function tensor(name: string, shape: readonly number[], values: Float32Array): Part {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return join([...shape.map((size) => number(1, size)), number(2, 1), bytes(8, name), bytes(9, raw)]);
}

/** TensorShapeProto: a name is a size that may vary. */
export function dims(sizes: readonly (string | number)[]): Part {
  return join(sizes.map((size) => bytes(1, typeof size === 'string' ? bytes(2, size) : number(1, size))));
}

/** ValueInfoProto. */
export function input(name: string, type: 'int64' | 'float32', shape: Part): Part {
  const tensorType = join([number(1, type === 'int64' ? 7 : 1), bytes(2, shape)]);
  return join([bytes(1, name), bytes(2, bytes(1, tensorType))]);
}

/** ModelProto, operator set 13. */
export function model(graph: {
  readonly nodes: readonly Part[];
  readonly tensors: readonly Part[];
  readonly inputs: readonly Part[];
  readonly outputs: readonly Part[];
}): Part {
  const content = join([
    ...graph.nodes.map((part) => bytes(1, part)),
    bytes(2, 'tiny'),
    ...graph.tensors.map((part) => bytes(5, part)),
    ...graph.inputs.map((part) => bytes(11, part)),
    ...graph.outputs.map((part) => bytes(12, part)),
  ]);
  const operators = join([bytes(1, ''), number(2, 13)]);
  return join([number(1, 8), bytes(7, content), bytes(8, operators)]);
}
