import { z } from 'zod';

const TlsSchema = z.union([
  z.boolean(),
  z.strictObject({
    ca: z
      .string()
      .min(1)
      .optional()
      .meta({ description: 'PEM text of the authority that signed the servers’ certificates.' }),
    cert: z.string().min(1).optional().meta({ description: 'PEM text of the certificate of this client.' }),
    key: z.string().min(1).optional().meta({ description: 'PEM text of its key.' }),
  }),
]);

/** How a Kafka cluster is reached, whether it holds the log or is a source. */
export const kafkaConnection = {
  brokers: z
    .array(z.string().regex(/^[^:/\s]+:\d{1,5}$/, 'must be HOST:PORT'))
    .min(1)
    .meta({ description: 'HOST:PORT of brokers to begin with; the cluster names the others.' }),
  tls: TlsSchema.default(false).meta({ description: 'Encrypt, and check the brokers’ certificates.' }),
  sasl: z
    .strictObject({
      mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
      username: z.string().min(1),
      password: z.string().min(1),
    })
    .optional()
    .meta({ description: 'Credentials; write the password as ${VARIABLE}.' }),
};
