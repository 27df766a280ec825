import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/adapters/config/config.ts'
import { settings } from '../../src/adapters/config/settings.ts'
import {
  type Environment,
  interpolate,
  VariableMissing
} from '../../src/cli/check/compose-file.ts'
import { readDockerfile, readEnv, readText, readYaml } from './deploy-files.ts'

const key = '0123456789abcdef0123456789abcdef'
const example = readEnv('deploy/.env.example')
/** What a user has in `.env` who filled in what is empty, and no more. */
const filledIn: Environment = Object.fromEntries(
  [...example].map(([name, value]) => [name, value === '' ? blankOf(name) : value])
)

function blankOf(name: string): string {
  const mayStayEmpty = ['PROMETHEUS_K2_API_KEY', 'K2_BINANCE_SYMBOLS']
  return mayStayEmpty.includes(name) ? '' : key
}

interface Service {
  readonly image: string
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly environment?: Readonly<Record<string, string>>
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: { readonly test: readonly string[]; readonly start_period: string }
  readonly deploy: { readonly resources: { readonly limits: Readonly<Record<string, string>> } }
  readonly networks: readonly string[]
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly configs?: readonly { readonly source: string; readonly target: string }[]
  readonly stop_grace_period?: string
}

interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
  readonly networks: Readonly<Record<string, unknown>>
  readonly configs: Readonly<Record<string, { readonly content: string }>>
}

const written = readYaml('deploy/docker-compose.yml')
const compose = interpolate(written, filledIn) as ComposeFile
const services = Object.entries(compose.services)
const k2 = compose.services['k2']!
const manifest = JSON.parse(readText('package.json')) as { readonly version: string }

describe('docker-compose.yml', () => {
  const validate = new Ajv2020({ strict: false, allErrors: true }).compile(
    JSON.parse(readText('test/deploy/compose-spec/compose-spec.json')) as object
  )

  test('is what the Compose Specification allows, as written and as interpolated', () => {
    for (const file of [written, compose]) {
      validate(file)
      expect(validate.errors ?? []).toEqual([])
    }
  })

  test('the schema would find what it does not allow', () => {
    const broken = { ...compose, services: { k2: { ...k2, heathcheck: {}, ports: 8_000 } } }
    expect(validate(broken)).toBe(false)
    const places = validate.errors?.map(({ instancePath }) => instancePath)
    expect(places).toEqual(expect.arrayContaining(['/services/k2', '/services/k2/ports']))
  })

  test('is the services that K2 uses', () => {
    expect(Object.keys(compose.services).sort()).toEqual([
      'grafana',
      'iceberg-rest',
      'k2',
      'kafka',
      'kafka-ui',
      'minio',
      'minio-init',
      'postgres',
      'prometheus',
      'schema-registry-1',
      'schema-registry-2'
    ])
  })

  test.each(services)('%s has an image with an exact tag', (_, { image }) => {
    const [, tag] = image.split(':')
    expect(tag).toMatch(/^(?:v?\d+\.\d+(?:\.\d+)?(?:-[a-z0-9.]+)?|RELEASE\.[\dTZ-]+)$/)
  })

  test.each(services)('%s has limits', (_, { deploy }) => {
    expect(Number(deploy.resources.limits['cpus'])).toBeGreaterThan(0)
    expect(deploy.resources.limits['memory']).toMatch(/^\d+[mg]$/)
  })

  test('each service has a health check, but the job that ends', () => {
    const unchecked = services.filter(([, { healthcheck }]) => healthcheck === undefined)
    // That of k2 stands in its image.
    expect(unchecked.map(([name]) => name)).toEqual(['k2', 'minio-init'])
    expect(readDockerfile('deploy/Dockerfile').map(({ name }) => name)).toContain('HEALTHCHECK')
    const awaited = services.flatMap(([, { depends_on }]) => Object.entries(depends_on ?? {}))
    const jobs = awaited.filter(([name]) => name === 'minio-init')
    expect(jobs.length).toBeGreaterThan(0)
    for (const [, { condition }] of jobs) expect(condition).toBe('service_completed_successfully')
  })

  test.each(services)('%s waits for services that can become healthy', (name, service) => {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(Object.keys(compose.services)).toContain(other)
      const isJob = other === 'minio-init'
      expect(condition).toBe(isJob ? 'service_completed_successfully' : 'service_healthy')
      expect(needsOf(other)).not.toContain(name)
    }
  })

  test.each(services)('%s waits for what its settings name', (name, service) => {
    const text = JSON.stringify(service.environment ?? {})
    const named = Object.keys(compose.services).filter(
      (other) => other !== name && new RegExp(`[/@"]${other}:\\d`).test(text)
    )
    if (name === 'k2') expect(named).toHaveLength(5)
    expect([...needsOf(name)]).toEqual(expect.arrayContaining(named))
  })

  test('names of volumes, networks and configurations are declared, and used', () => {
    const volumes = services
      .flatMap(([, service]) => service.volumes ?? [])
      .map((volume) => volume.split(':')[0]!)
      .filter((source) => !source.startsWith('.'))
    expect(volumes.sort()).toEqual(Object.keys(compose.volumes).sort())
    for (const [, { networks }] of services) expect(networks).toEqual(['k2'])
    expect(Object.keys(compose.networks)).toEqual(['k2'])
    const configs = services.flatMap(([, service]) => service.configs ?? [])
    expect(configs.map(({ source }) => source)).toEqual(Object.keys(compose.configs))
  })

  test('folders that are mounted exist, for reading only', () => {
    const mounts = services
      .flatMap(([, service]) => service.volumes ?? [])
      .filter((volume) => volume.startsWith('.'))
    expect(mounts).toHaveLength(3)
    for (const mount of mounts) expect(mount).toMatch(/^\.\/(?:prometheus|grafana\/\w+):.+:ro$/)
  })

  test('what is published is published on this machine, each port once', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? [])
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
    const published = ports.map((port) => port.split(':')[1])
    expect(new Set(published).size).toBe(published.length)
    expect(published).toContain('8000')
  })

  test('no password or key stands in it', () => {
    const secret = /PASSWORD|SECRET|API_KEY|ROOT_USER|ACCESS_KEY/
    const texts = services.flatMap(([name]) => environmentOf(written, name))
    const given = texts.filter(([variable]) => secret.test(variable))
    expect(given.length).toBeGreaterThan(5)
    for (const [variable, text] of given) expect([variable, text]).toEqual([variable, text.trim()])
    for (const [, text] of given) expect(text).toMatch(/^(?:\w+:\/\/)?\$\{/)
  })

  test.each([
    'K2_API_KEYS',
    'K2_ICEBERG_S3_ACCESS_KEY_ID',
    'K2_ICEBERG_S3_SECRET_ACCESS_KEY',
    'MINIO_ROOT_USER',
    'MINIO_ROOT_PASSWORD',
    'POSTGRES_PASSWORD',
    'GRAFANA_ADMIN_PASSWORD'
  ])('nothing starts without %s', (name) => {
    for (const value of [undefined, '']) {
      const start = () => interpolate(written, { ...filledIn, [name]: value })
      expect(start).toThrow(VariableMissing)
      expect(start).toThrow(name)
    }
  })

  test('the identity of the Kafka cluster is 16 bytes', () => {
    const id = compose.services['kafka']?.environment?.['CLUSTER_ID'] ?? ''
    expect(id).toMatch(/^[\w-]{21}[AQgw]$/)
    expect(Buffer.from(id, 'base64url')).toHaveLength(16)
  })
})

describe('settings of K2', () => {
  const variables = new Set<string>(Object.values(settings).map(({ variable }) => variable))
  const named = (path: string) => new Set(readText(path).match(/\bK2_[A-Z0-9_]+/g) ?? [])

  test.each(['deploy/docker-compose.yml', 'deploy/Dockerfile', 'deploy/.env.example'])(
    'every K2_… name in %s is one',
    (path) => {
      // The port on this machine, and the key of Prometheus, are Compose's business.
      const ours = [...named(path)].filter((name) => name !== 'K2_PUBLISHED_PORT')
      expect(ours.length).toBeGreaterThan(0)
      expect(ours.filter((name) => !variables.has(name))).toEqual([])
    }
  )

  test('what the container is given is a whole configuration, and means the services', () => {
    const config = readConfig(k2.environment ?? {}, [])
    expect(config).toMatchObject({
      httpHost: '0.0.0.0',
      httpPort: 8_000,
      kafkaBootstrapServers: ['kafka:9092'],
      schemaRegistryUrls: ['http://schema-registry-1:8081', 'http://schema-registry-2:8081'],
      icebergCatalogUri: 'http://iceberg-rest:8181',
      s3Endpoint: 'http://minio:9000'
    })
    expect(config.apiKeys.map((each) => each.secret?.reveal())).toEqual([key])
    expect(k2.volumes).toEqual([`k2-data:${config.dataDir}`])
    expect(k2.ports).toEqual([`127.0.0.1:8000:${config.httpPort}`])
    const catalog = compose.services['iceberg-rest']?.environment ?? {}
    expect(catalog['CATALOG_WAREHOUSE']).toBe(`s3://${config.s3Bucket}/${config.s3Prefix}`)
    expect(catalog['CATALOG_S3_ENDPOINT']).toBe(config.s3Endpoint)
    expect(catalog['AWS_REGION']).toBe(config.s3Region)
  })

  test('what .env.example says is valid, and reaches a service', () => {
    const given = [...example].filter(([name]) => name.startsWith('K2_'))
    const env = Object.fromEntries(given.map(([name]) => [name, filledIn[name]]))
    expect(() => readConfig({ ...k2.environment, ...env }, [])).not.toThrow()
    const text = readText('deploy/docker-compose.yml')
    for (const [name] of example) expect(text).toContain(`\${${name}:`)
  })

  test('the container is left alone until K2 has drained', () => {
    const config = readConfig(k2.environment ?? {}, [])
    expect(Number.parseInt(k2.stop_grace_period ?? '0', 10) * 1_000).toBeGreaterThan(
      config.shutdownMs
    )
  })

  test('Prometheus sends the key of K2, or the one that is named', () => {
    const contentOf = (env: Environment) =>
      (interpolate(written, { ...filledIn, ...env }) as ComposeFile).configs['k2-key']?.content
    expect(contentOf({})).toBe(key)
    const two = { K2_API_KEYS: `${key},${key}2`, PROMETHEUS_K2_API_KEY: `${key}2` }
    expect(contentOf(two)).toBe(`${key}2`)
  })

  test('the image has the version of the package', () => {
    expect(k2.image).toBe(`k2:${manifest.version}`)
  })
})

/** Services that must be up before one, directly or through others. */
const needsOf = (name: string): ReadonlySet<string> => {
  const found = new Set<string>()
  const queue = [name]
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const other of Object.keys(compose.services[next]?.depends_on ?? {})) {
      if (!found.has(other)) queue.push(other)
      found.add(other)
    }
  }
  return found
}

const environmentOf = (file: unknown, name: string): ReadonlyArray<readonly [string, string]> =>
  Object.entries((file as ComposeFile).services[name]?.environment ?? {})
