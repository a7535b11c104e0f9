import type { Delivery } from '../../../src/core/ports/log.js';
import type { SimPorts } from '../ports.js';

export function wrapDocuments(ports: SimPorts, documents: Partial<SimPorts['catalog']['documents']>): SimPorts {
  return { ...ports, catalog: { ...ports.catalog, documents: { ...ports.catalog.documents, ...documents } } };
}

export function wrapHeads(ports: SimPorts, heads: Partial<SimPorts['catalog']['heads']>): SimPorts {
  return { ...ports, catalog: { ...ports.catalog, heads: { ...ports.catalog.heads, ...heads } } };
}

export function wrapRevisions(ports: SimPorts, revisions: Partial<SimPorts['catalog']['revisions']>): SimPorts {
  return { ...ports, catalog: { ...ports.catalog, revisions: { ...ports.catalog.revisions, ...revisions } } };
}

export function wrapCursors(ports: SimPorts, cursors: Partial<SimPorts['catalog']['cursors']>): SimPorts {
  return { ...ports, catalog: { ...ports.catalog, cursors: { ...ports.catalog.cursors, ...cursors } } };
}

export function wrapDeliveries(ports: SimPorts, wrap: (delivery: Delivery) => Promise<Delivery>): SimPorts {
  const { log } = ports;
  return {
    ...ports,
    log: {
      ...log,
      async *consume(options) {
        for await (const delivery of log.consume(options)) yield await wrap(delivery);
      },
    },
  };
}
