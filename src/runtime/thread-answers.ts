import type { MessagePort } from 'node:worker_threads';
import { asFootnoteError } from '../core/errors.js';
import type { AnswerMessage, CallMessage } from './thread-calls.js';

/** The thread's side of `ThreadCalls`: answers each call with the function's value or error. */
export function answerCalls<Request, Response>(
  port: MessagePort,
  answer: (request: Request) => Promise<Response>,
): void {
  port.on('message', (message: CallMessage) => {
    answer(message.request as Request).then(
      (value) => port.postMessage({ value } satisfies AnswerMessage),
      (thrown: unknown) => {
        const { code, message: text } = asFootnoteError(thrown);
        port.postMessage({ error: { code, message: text } } satisfies AnswerMessage);
      },
    );
  });
}
