import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { nodeFlags } from '../../scripts/node-flags.mjs'
import { readDockerfile, readText } from './deploy-files.ts'

const instructions = readDockerfile('deploy/Dockerfile')
const textsOf = (name: string): readonly string[] =>
  instructions.filter((instruction) => instruction.name === name).map(({ text }) => text)
const starts = instructions.flatMap(({ name }, at) => (name === 'FROM' ? [at] : []))
const stages = starts.map((start, at) => instructions.slice(start, starts[at + 1]))
const last = stages.at(-1) ?? []
const inRoot = (path: string) => new URL(`../../${path}`, import.meta.url)

describe('Dockerfile', () => {
  test('has a stage that builds, one for what is needed to run, and one that runs', () => {
    expect(stages.map(([from]) => from?.text)).toEqual([
      '${NODE_IMAGE} AS build',
      '${NODE_IMAGE} AS dependencies',
      '${NODE_IMAGE}'
    ])
    expect(textsOf('ARG')[0]).toMatch(/^NODE_IMAGE=node:\d+\.\d+\.\d+-bookworm-slim$/)
  })

  test('runs a version of Node that the package accepts', () => {
    const { engines } = JSON.parse(readText('package.json')) as { engines: { node: string } }
    const major = Number(/node:(\d+)/.exec(textsOf('ARG')[0] ?? '')?.[1])
    expect(major).toBeGreaterThanOrEqual(Number(/>=(\d+)/.exec(engines.node)?.[1]))
  })

  test('what runs has no development dependencies and no sources', () => {
    expect(stages[1]?.map(({ text }) => text).join('\n')).toContain('--omit=dev')
    const copied = last.filter(({ name }) => name === 'COPY').map(({ text }) => text)
    expect(copied).toEqual([
      'package.json LICENSE ./',
      'deploy/ deploy/',
      '--from=dependencies /k2/node_modules/ node_modules/',
      '--from=build /k2/dist/ dist/'
    ])
  })

  test('everything that is copied exists, and is sent to the builder', () => {
    const ignored = readText('.dockerignore').split('\n')
    expect(ignored).toContain('*')
    const sources = textsOf('COPY')
      .filter((text) => !text.startsWith('--from'))
      .flatMap((text) => text.split(' ').slice(0, -1))
    expect(sources).toContain('src/')
    for (const source of sources) {
      expect([source, existsSync(inRoot(source))]).toEqual([source, true])
      expect(ignored).toContain(`!${source.replace(/\/$/, '')}`)
    }
    expect(ignored).toContain('deploy/.env')
  })

  test('what runs is not root, and only its data folder is its own', () => {
    const at = (name: string) => last.findIndex((instruction) => instruction.name === name)
    expect(last[at('USER')]?.text).toBe('node')
    const later = last.slice(at('USER') + 1).map(({ name }) => name)
    expect(later).toEqual(['VOLUME', 'EXPOSE', 'STOPSIGNAL', 'HEALTHCHECK', 'ENTRYPOINT'])
    expect(last[at('VOLUME')]?.text).toBe('/var/lib/k2')
    expect(last[at('ENV')]?.text).toContain('K2_DATA_DIR=/var/lib/k2')
    expect(last[at('RUN')]?.text).toBe('install -d -o node -g node /var/lib/k2')
  })

  test('Node is started as `npm start` starts it', () => {
    const [entry] = textsOf('ENTRYPOINT')
    expect(JSON.parse(entry ?? '')).toEqual(['node', ...nodeFlags, 'dist/main.js'])
    const threads = /UV_THREADPOOL_SIZE[:=] ?'?(\d+)/
    const [, count] = threads.exec(readText('scripts/start-entry.mjs')) ?? []
    expect(threads.exec(textsOf('ENV')[0] ?? '')?.[1]).toBe(count)
  })
})
