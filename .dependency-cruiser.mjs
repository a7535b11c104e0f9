/** The house's directions (docs/architecture.md): who may import whom. */
const outside = (name, from, allowed) => ({
  name,
  severity: 'error',
  comment: `${from} may import only ${allowed.join(', ')}`,
  from: { path: `^${from}/`, pathNot: '\\.test\\.ts$' },
  to: { path: '^(src|connectors|pipelines|benchmarks|scripts|test)/', pathNot: allowed.map((folder) => `^${folder}`) },
});

export default {
  forbidden: [
    outside('core-stands-alone', 'src/core', ['src/core/']),
    outside('stages-are-pure', 'src/stages', ['src/core/', 'src/stages/']),
    outside('runtime-knows-core', 'src/runtime', ['src/core/', 'src/runtime/']),
    outside('adapters-know-ports', 'src/adapters', ['src/core/', 'src/runtime/', 'src/adapters/']),
    outside('connectors-know-ports', 'connectors', ['src/core/', 'src/runtime/', 'src/adapters/kafka/', 'connectors/']),
    outside('pipelines-take-ports', 'pipelines', ['src/core/', 'src/stages/', 'src/runtime/', 'pipelines/']),
    outside('services-know-ports', 'src/services', ['src/core/', 'src/runtime/', 'src/services/']),
    outside('api-is-handed-functions', 'src/api', ['src/core/', 'src/runtime/telemetry', 'src/api/']),
    outside('client-stands-alone', 'src/client', ['src/core/', 'src/client/']),
    outside('cli-calls-the-engine', 'src/cli', ['src/core/', 'src/engine', 'src/cli/']),
    {
      name: 'one-adapter-does-not-know-another',
      severity: 'error',
      from: { path: '^src/adapters/([^/]+)/([^/]+)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/adapters/([^/]+)/([^/]+)/', pathNot: ['^src/adapters/$1/', '^src/adapters/catalog/sql/'] },
    },
    {
      name: 'only-the-composition-root-knows-adapters',
      severity: 'error',
      from: {
        path: '^(src|pipelines|connectors)/',
        pathNot: ['^src/engine', '^src/workers/', '^src/adapters/', '\\.test\\.ts$'],
      },
      to: { path: '^src/adapters/', pathNot: '^src/adapters/kafka/' },
    },
    {
      // Kafka's wire protocol serves the log and the connector; neither knows the other.
      name: 'only-kafka-s-connector-shares-the-wire-protocol',
      severity: 'error',
      from: {
        path: '^(src|pipelines|connectors)/',
        pathNot: ['^src/adapters/(kafka|log/kafka)/', '^connectors/kafka/'],
      },
      to: { path: '^src/adapters/kafka/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'core-libraries',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { dependencyTypes: ['npm'], pathNot: 'node_modules/(zod|uuid)/' },
    },
    {
      name: 'stages-do-no-io',
      severity: 'error',
      from: { path: '^src/stages/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(node:)?(fs|net|http|https|child_process|worker_threads|dns)(/|$)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.test\\.ts$' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
