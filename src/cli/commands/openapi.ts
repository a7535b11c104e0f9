import type { Command } from 'commander';
import type { Ending } from '../command.js';
import { addCommand } from '../command.js';
import type { Host } from '../host.js';

export function openapi(program: Command, host: Host, ending: Ending): void {
  addCommand(program, host, ending, {
    usage: 'openapi',
    summary: 'print the OpenAPI 3.1 document of the HTTP API',
    examples: ['openapi > openapi.json'],
    async run(run) {
      const { openApiDocument } = await import('../../engine.js');
      await run.out.json(openApiDocument());
    },
  });
}
